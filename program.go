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
	// Spec is the object. It is copied; set its variables before. Types and attach
	// types of its programs do not matter: they are loaded as SchedCLS with attach
	// type none.
	Spec *ebpf.CollectionSpec
	// Loaded are programs, by the names used below, in place of Spec; others may
	// be among them. They stay the caller's, who may close them as soon as [New] or
	// [Runtime.Replace] has returned, and may attach them elsewhere too. They must
	// be of type SchedCLS and, since Linux commit 4540aed51b12, of attach type
	// none: nothing is changed about them.
	//
	// Their maps are the caller's: [Runtime.Maps] does not have them, and Replace
	// neither takes them over nor hands them on. So are their events: Options.Events
	// and Options.PerLink have no effect, and whoever loaded the program reads its
	// ring buffers. The netns of a packet is in skb->cb[0], as for any program.
	Loaded map[string]*ebpf.Program
	// Ingress and Egress name the programs for the two directions, as the target
	// sees them. An empty name leaves its direction alone; both may be the same. At
	// least one is set.
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

// check says what is wrong with p itself.
func (p Program) check() error {
	switch {
	case len(p.names()) == 0:
		return fmt.Errorf("%w: none is named for either direction", ErrNoProgram)
	case p.Spec == nil && p.Loaded == nil:
		return fmt.Errorf("%w: there is neither an object nor a loaded program", ErrNoProgram)
	case p.Spec != nil && p.Loaded != nil:
		return errors.New("program is both an object and loaded programs")
	}
	return nil
}

func (p Program) source(opts dispatch.SourceOptions) (*dispatch.Source, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.Spec != nil {
		return dispatch.NewSource(p.Spec, p.names(), opts)
	}
	used := map[string]*ebpf.Program{}
	for _, name := range p.names() {
		prog, known := p.Loaded[name]
		if !known {
			return nil, fmt.Errorf("%w: %s", ErrNoProgram, name)
		}
		used[name] = prog
	}
	return dispatch.NewLoadedSource(used, opts)
}
