// SPDX-License-Identifier: Apache-2.0

package object

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/boathook/boathook/internal/fault"
)

// Set gives a parameter, a const volatile global, its value: "NAME=VALUE".
func (o *Object) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	v := o.Spec.Variables[name]
	switch {
	case !ok:
		return fault.Usage("--set NAME=VALUE; "+o.paramHint(), "--set %s has no value", text)
	case v == nil || !v.Constant():
		return fault.Usage(o.paramHint(), "no parameter %q in %s", name, o.Path)
	}
	raw, err := encode(variableType(v), v.Size(), value)
	if err != nil {
		return fault.Usage(o.paramHint(), "--set %s: %w", text, err)
	}
	if err := v.Set(raw); err != nil {
		return fault.Failure("", "set %s: %w", name, err)
	}
	return nil
}

// Params lists the parameters with their types, as "name (type)".
func (o *Object) Params() []string {
	var list []string
	for _, name := range sortedKeys(o.Spec.Variables) {
		v := o.Spec.Variables[name]
		if v.Constant() && !isMarker(name) {
			list = append(list, fmt.Sprintf("%s (%s)", name, typeName(variableType(v), v.Size())))
		}
	}
	return list
}

func (o *Object) paramHint() string {
	if list := o.Params(); len(list) > 0 {
		return "parameters: " + strings.Join(list, ", ")
	}
	return "the object has no parameters (const volatile globals)"
}

// isMarker tells the variables that name an object's events from its parameters.
func isMarker(name string) bool {
	return strings.HasPrefix(name, "gadget_") || strings.HasPrefix(name, "bh_event_")
}

func variableType(v *ebpf.VariableSpec) btf.Type { //nolint:ireturn // the library's types are interfaces
	if v.Type == nil {
		return nil
	}
	return v.Type.Type
}

// MapSet puts an entry into a map before it is loaded: "MAP:KEY=VALUE".
func (o *Object) MapSet(text string) error {
	name, rest, ok := strings.Cut(text, ":")
	m := o.Spec.Maps[name]
	if m == nil || strings.HasPrefix(name, ".") {
		return fault.Usage("maps: "+or(o.plainMaps(), "none"), "no map %q in %s", name, o.Path)
	}
	keyText, valueText, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 {
		return fault.Usage("", "--map-set %s is not of the form MAP:KEY=VALUE", text)
	}
	hint := fmt.Sprintf("%s has keys of type %s and values of type %s", name, typeName(m.Key, m.KeySize), typeName(m.Value, m.ValueSize))
	key, err := encodeKey(m, keyText)
	if err != nil {
		return fault.Usage(hint, "--map-set %s: key: %w", text, err)
	}
	value, err := encode(m.Value, m.ValueSize, valueText)
	if err != nil {
		return fault.Usage(hint, "--map-set %s: value: %w", text, err)
	}
	m.Contents = append(m.Contents, ebpf.MapKV{Key: key, Value: perCPU(m, value)})
	return nil
}

func (o *Object) plainMaps() []string {
	var names []string
	for _, name := range sortedKeys(o.Spec.Maps) {
		if !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// perCPU repeats a value for every CPU where the map wants that.
func perCPU(m *ebpf.MapSpec, value []byte) any {
	switch m.Type {
	case ebpf.PerCPUArray, ebpf.PerCPUHash, ebpf.LRUCPUHash:
	default:
		return value
	}
	values := make([][]byte, ebpf.MustPossibleCPU())
	for i := range values {
		values[i] = value
	}
	return values
}
