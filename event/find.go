// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// ErrNoType is returned where nothing says which type the records of a map
// have. They can still be shown as hex.
var ErrNoType = errors.New("no record type")

// Maps returns the names of the maps that records come from, ring buffers and
// perf event arrays, sorted.
func Maps(spec *ebpf.CollectionSpec) []string {
	var names []string
	for name, m := range spec.Maps {
		if m.Type == ebpf.RingBuf || m.Type == ebpf.PerfEventArray {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Find returns the schema of the records that come from the map mapName. The
// type is structName if that is not empty; else what a marker variable of the
// object names; else the map's own value type; else the only struct that is
// called event or whose name ends in event or event_t.
//
// Returns an error that wraps [ErrNoType] if none of them says it.
func Find(spec *ebpf.CollectionSpec, mapName, structName string) (*Schema, error) {
	m, ok := spec.Maps[mapName]
	if !ok {
		return nil, fmt.Errorf("find record type: no map %q, there are %s", mapName, strings.Join(Maps(spec), ", "))
	}
	s, err := recordSchema(spec, m, structName)
	if err != nil {
		return nil, fmt.Errorf("find record type of map %s: %w", mapName, err)
	}
	if m.Type == ebpf.PerfEventArray {
		s.trailing.ignored = perfPadding(s)
	}
	return s, nil
}

// perfPadding is how many bytes the kernel adds to perf records of s: they and
// the 4 bytes of their length fill a multiple of 8 (kernel/events/core.c,
// perf_prepare_sample). Where a flexible member ends the struct, padding cannot
// be told from data and stays.
func perfPadding(s *Schema) int {
	if s.flexible() {
		return 0
	}
	return (8 - (s.root.size+4)%8) % 8
}

func recordSchema(spec *ebpf.CollectionSpec, m *ebpf.MapSpec, structName string) (*Schema, error) {
	if spec.Types == nil {
		return nil, fmt.Errorf("the object has no BTF: %w", ErrNoType)
	}
	if structName == "" {
		structName = marked(spec.Types, m.Name)
	}
	if structName != "" {
		return structNamed(spec.Types, structName)
	}
	if _, ok := btf.As[*btf.Struct](m.Value); ok {
		return NewSchema(m.Value)
	}
	return onlyEvent(spec.Types)
}

// structNamed finds a struct, a union, or a typedef of one.
func structNamed(types *btf.Spec, name string) (*Schema, error) {
	found, err := types.AnyTypesByName(name)
	if err != nil && !errors.Is(err, btf.ErrNotFound) {
		return nil, err
	}
	for _, t := range found {
		switch btf.UnderlyingType(t).(type) {
		case *btf.Struct, *btf.Union:
			return NewSchema(t)
		}
	}
	return nil, fmt.Errorf("no struct %s in BTF: %w", name, ErrNoType)
}

// onlyEvent finds the struct whose name says that it is the record.
func onlyEvent(types *btf.Spec) (*Schema, error) {
	var found []btf.Type
	var names []string
	for t, err := range types.All() {
		if err != nil {
			return nil, err
		}
		if !namesEvent(t.TypeName()) || slices.Contains(names, t.TypeName()) {
			continue
		}
		if _, ok := btf.UnderlyingType(t).(*btf.Struct); ok {
			found, names = append(found, t), append(names, t.TypeName())
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no struct is called event: %w", ErrNoType)
	case 1:
		return NewSchema(found[0])
	}
	return nil, fmt.Errorf("it could be any of %s: %w", strings.Join(names, ", "), ErrNoType)
}

func namesEvent(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, "_t"), "event")
}

func typeName(t btf.Type) string {
	if t == nil {
		return "nothing"
	}
	if name := t.TypeName(); name != "" {
		return name
	}
	return "unnamed type"
}
