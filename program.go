// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/dispatch"
)

// Program is what a [Runtime] runs: programs of an object, or programs that the
// caller has loaded.
type Program struct {
	// Spec is the object. It is copied; set its variables before.
	Spec *ebpf.CollectionSpec
	// Loaded are programs, by the names used below, in place of Spec. They stay the
	// caller's, who may close them. They must be of type SchedCLS and attach type none.
	Loaded map[string]*ebpf.Program
	// Ingress and Egress name the programs for the two directions, as the target
	// sees them. An empty name leaves its direction alone; both may be the same.
	Ingress, Egress string
}

func (p Program) names() []string {
	var names []string
	for _, name := range []string{p.Ingress, p.Egress} {
		if name != "" && (len(names) == 0 || names[0] != name) {
			names = append(names, name)
		}
	}
	return names
}

func (p Program) name(d Direction) string {
	if d == Ingress {
		return p.Ingress
	}
	return p.Egress
}

// directions are those that have a program.
func (p Program) directions() []Direction {
	var list []Direction
	for _, d := range []Direction{Ingress, Egress} {
		if p.name(d) != "" {
			list = append(list, d)
		}
	}
	return list
}

func (p Program) source(opts dispatch.SourceOptions) (*dispatch.Source, error) {
	if p.Spec == nil && p.Loaded == nil {
		return nil, errors.New("program has neither an object nor loaded programs")
	}
	if p.Loaded == nil {
		return dispatch.NewSource(p.Spec, p.names(), opts)
	}
	for _, name := range p.names() {
		if p.Loaded[name] == nil {
			return nil, fmt.Errorf("%w: %s", ErrNoProgram, name)
		}
	}
	return dispatch.NewLoadedSource(p.Loaded, opts)
}
