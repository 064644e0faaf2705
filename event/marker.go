// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Programs say which struct goes through which map by the name of a variable
// that nothing uses. Inspektor Gadget's GADGET_TRACER (include/gadget/macros.h)
// makes one called gadget_tracer_<name>___<map>___<struct>, in later versions
// a variable with the BTF declaration tag ig:tracer:<name>___<map>___<struct>;
// this project's own is bh_event_<map>___<struct>.
const (
	gadgetVariable = "gadget_tracer_"
	gadgetTag      = "ig:tracer:"
	ownVariable    = "bh_event_"
	separator      = "___"
)

// marked returns the name of the struct that a marker gives for the map, ""
// if there is none.
func marked(types *btf.Spec, mapName string) string {
	for t, err := range types.All() {
		if err != nil {
			return ""
		}
		v, ok := t.(*btf.Var)
		if !ok {
			continue
		}
		for _, marker := range append([]string{v.Name}, v.Tags...) {
			if name, ok := markedFor(marker, mapName); ok {
				return name
			}
		}
	}
	return ""
}

func markedFor(marker, mapName string) (string, bool) {
	if rest, ok := strings.CutPrefix(marker, ownVariable); ok {
		return strings.CutPrefix(rest, mapName+separator)
	}
	rest, ok := strings.CutPrefix(marker, gadgetVariable)
	if !ok {
		rest, ok = strings.CutPrefix(marker, gadgetTag)
	}
	if !ok {
		return "", false
	}
	_, structName, ok := strings.Cut(rest, separator+mapName+separator)
	return structName, ok
}
