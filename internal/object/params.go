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
	case v == nil || !isParameter(v):
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
		if isParameter(v) {
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

// isParameter says whether a variable is const volatile. What is only const is
// compiled into the instructions: to set it would change nothing. Without BTF the
// two cannot be told apart. Markers name an object's events.
func isParameter(v *ebpf.VariableSpec) bool {
	marker := strings.HasPrefix(v.Name, "gadget_") || strings.HasPrefix(v.Name, "bh_event_")
	return v.Constant() && !marker && (v.Type == nil || isVolatile(v.Type.Type))
}

// isVolatile looks through the layers that C puts around a qualifier: that of an
// array stands at its elements.
func isVolatile(typ btf.Type) bool {
	for {
		switch t := typ.(type) {
		case *btf.Volatile:
			return true
		case *btf.Const:
			typ = t.Type
		case *btf.Typedef:
			typ = t.Type
		case *btf.Array:
			typ = t.Type
		default:
			return false
		}
	}
}

func variableType(v *ebpf.VariableSpec) btf.Type { //nolint:ireturn // the library's types are interfaces
	if v.Type == nil {
		return nil
	}
	return v.Type.Type
}
