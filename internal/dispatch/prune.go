// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// ErrNoProgram says that an object has no program of that name.
var ErrNoProgram = errors.New("no such program")

// prune copies spec down to the program called name and what it needs, so that
// a part of the object that does not load here does no harm.
func prune(spec *ebpf.CollectionSpec, name string) (*ebpf.CollectionSpec, error) {
	progs, err := reachable(spec, name)
	if err != nil {
		return nil, err
	}
	out := spec.Copy()
	keep := map[string]bool{}
	for _, each := range progs {
		keep[each] = true
	}
	for each := range out.Programs {
		if !keep[each] {
			delete(out.Programs, each)
		}
	}
	used := usedMaps(spec, progs)
	for each := range out.Maps {
		if !used[each] {
			delete(out.Maps, each)
		}
	}
	for each, v := range out.Variables {
		if !used[v.SectionName] {
			delete(out.Variables, each)
		}
	}
	return out, nil
}

// reachable lists the program called name and every program that the prog
// arrays it uses can call, in a stable order.
func reachable(spec *ebpf.CollectionSpec, name string) ([]string, error) {
	if spec.Programs[name] == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoProgram, name)
	}
	list := []string{name}
	seen := map[string]bool{name: true}
	for i := 0; i < len(list); i++ {
		for used := range usedMaps(spec, list[i:i+1]) {
			m := spec.Maps[used]
			if m.Type != ebpf.ProgramArray {
				continue
			}
			for _, entry := range m.Contents {
				callee, ok := entry.Value.(string)
				if !ok || seen[callee] {
					continue
				}
				if spec.Programs[callee] == nil {
					return nil, fmt.Errorf("%w: %s, which prog array %s calls", ErrNoProgram, callee, used)
				}
				seen[callee] = true
				list = append(list, callee)
			}
		}
	}
	return list, nil
}

// usedMaps names the maps that progs refer to, those that count their lost
// events, and the maps inside maps.
func usedMaps(spec *ebpf.CollectionSpec, progs []string) map[string]bool {
	used := map[string]bool{}
	var use func(name string)
	use = func(name string) {
		m, ok := spec.Maps[name]
		if !ok || used[name] {
			return
		}
		used[name] = true
		if m.Type == ebpf.ArrayOfMaps || m.Type == ebpf.HashOfMaps {
			for _, entry := range m.Contents {
				if inner, ok := entry.Value.(string); ok {
					use(inner)
				}
			}
		}
	}
	for _, name := range progs {
		for _, ins := range spec.Programs[name].Instructions {
			if ref := ins.Reference(); ref != "" && !ins.IsFunctionCall() {
				use(ref)
			}
		}
	}
	return used
}

// ownTypes collects the gadget_* types that an object brings itself: they are
// relocated against, as objects written for Inspektor Gadget expect.
func ownTypes(spec *ebpf.CollectionSpec) ([]*btf.Spec, error) {
	if spec.Types == nil {
		return nil, nil
	}
	var own []btf.Type
	for typ, err := range spec.Types.All() {
		if err != nil {
			return nil, fmt.Errorf("read the object's types: %w", err)
		}
		if strings.HasPrefix(typ.TypeName(), "gadget_") {
			own = append(own, typ)
		}
	}
	if len(own) == 0 {
		return nil, nil
	}
	b, err := btf.NewBuilder(own, nil)
	if err != nil {
		return nil, fmt.Errorf("collect the object's own types: %w", err)
	}
	types, err := b.Spec()
	if err != nil {
		return nil, fmt.Errorf("collect the object's own types: %w", err)
	}
	return []*btf.Spec{types}, nil
}
