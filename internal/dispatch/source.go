// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// SourceOptions shape a [Source]; the zero value refuses programs that could do harm.
type SourceOptions struct {
	// AllowWrites accepts programs that change packets or the skb's fields.
	// bpf_throw is refused all the same: it could unwind past the dispatcher.
	AllowWrites bool
	// PinPath is a folder on a bpffs through which maps that ask for pinning by
	// name are shared; empty keeps them private.
	PinPath string
	// Inherit is the source that this one replaces: its maps are used in place of
	// new ones of the same name. It may be closed as soon as NewSource returns.
	Inherit *Source
	// LogLevel is passed to the verifier.
	LogLevel ebpf.LogLevel
}

// Source is a user's programs and the maps that all their copies share. Safe
// for concurrent use.
type Source struct {
	spec  *ebpf.CollectionSpec // nil for programs loaded by the caller
	extra []*btf.Spec          // relocation targets beside the kernel's types
	types *btf.Cache           // the kernel's types, read when first needed
	opts  SourceOptions

	// loaded are our handles on programs loaded by the caller, instead of spec.
	loaded map[string]*ebpf.Program
	kernel *kernelView      // handed on to the source that replaces this one
	after  map[string]after // by program: what is left to do when it has ended

	mu sync.Mutex // guards the fields below
	// shared holds every map that is not a copy's own, once it exists.
	shared map[string]*ebpf.Map
	// pinned are the files that were made for maps.
	pinned []string
}

// NewSource checks the programs called names in spec, and all that their prog
// arrays reach. The spec is copied. A program that could do harm is a
// [RefusedError].
func NewSource(spec *ebpf.CollectionSpec, names []string, opts SourceOptions) (*Source, error) {
	spec = spec.Copy()
	extra, err := ownTypes(spec)
	if err != nil {
		return nil, err
	}
	types := btf.NewCache()
	left, seen := map[string]after{}, map[string]*ebpf.ProgramSpec{}
	for _, name := range names {
		reached, err := reachable(spec, name)
		if err != nil {
			return nil, err
		}
		for _, each := range reached {
			prog := spec.Programs[each]
			if seen[each], err = relocated(prog, types, extra); err != nil {
				return nil, err
			}
			err := checkSpec(seen[each], opts)
			if err == nil && !opts.AllowWrites {
				err = checkMaps(spec, each)
			}
			if err != nil {
				return nil, err
			}
			prog.Type = ebpf.SchedCLS
			// A prog array refuses programs of mixed attach types
			// (Linux commit 4540aed51b12); TCX and cls_bpf take this one.
			prog.AttachType = ebpf.AttachNone
		}
		if left[name], err = leftAfter(seen, reached); err != nil {
			return nil, err
		}
	}
	if err := normalizeMaps(spec, opts); err != nil {
		return nil, err
	}
	s := &Source{spec: spec, extra: extra, types: types, opts: opts, after: left, shared: map[string]*ebpf.Map{}, kernel: inheritedKernel(opts.Inherit)}
	if err := s.inherit(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// normalizeMaps drops what only a loader of another kind understands.
func normalizeMaps(spec *ebpf.CollectionSpec, opts SourceOptions) error {
	for name, m := range spec.Maps {
		// iproute2's definitions carry an id and a pinning behind the fields that count.
		m.Extra = nil
		switch {
		case m.Pinning == ebpf.PinNone:
		case opts.PinPath == "":
			m.Pinning = ebpf.PinNone
		case m.Type == ebpf.ProgramArray && !opts.AllowWrites:
			return &RefusedError{
				Program: "of map " + name, Reason: "calls into a pinned prog array, whose programs others may replace unchecked",
				Hint: "--allow-writes, or leave out --pin-path",
			}
		}
	}
	return nil
}

// inherit takes over the shared maps of the source that s replaces. Constants
// belong to the program; other global data is kept if its variables are the same.
func (s *Source) inherit() error {
	old := s.opts.Inherit
	s.opts.Inherit = nil
	if old == nil {
		return nil
	}
	for name, m := range old.Maps() {
		want, ok := s.spec.Maps[name]
		if !ok || private(name, s.spec) {
			continue
		}
		if strings.HasPrefix(name, ".") && !sameVariables(name, old.spec, s.spec) {
			continue
		}
		if err := compatible(want, m); err != nil {
			return fmt.Errorf("keep map %s of the program before: %w", name, err)
		}
		clone, err := m.Clone()
		if err != nil {
			return fmt.Errorf("keep map %s: %w", name, err)
		}
		s.shared[name] = clone
	}
	return nil
}

// compatible compares a map with the definition it is to serve. The flags of
// global data depend on the kernel and are set when it is loaded.
func compatible(want *ebpf.MapSpec, m *ebpf.Map) error {
	if strings.HasPrefix(want.Name, ".") {
		want = want.Copy()
		want.Flags = m.Flags()
	}
	return want.Compatible(m)
}

// sameVariables says whether the data section called name can serve both specs.
func sameVariables(name string, a, b *ebpf.CollectionSpec) bool {
	if strings.HasPrefix(name, ".rodata") || strings.HasPrefix(name, ".k") {
		return false
	}
	return maps.Equal(layout(name, a), layout(name, b))
}

func layout(section string, spec *ebpf.CollectionSpec) map[string][2]uint32 {
	out := map[string][2]uint32{}
	for name, v := range spec.Variables {
		if v.SectionName == section {
			out[name] = [2]uint32{v.Offset, v.Size()}
		}
	}
	return out
}

// Maps are the maps that exist by now and are shared, by name. They belong to
// the source.
func (s *Source) Maps() map[string]*ebpf.Map {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.shared)
}

// Close frees the shared maps.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, m := range s.shared {
		errs = append(errs, m.Close())
	}
	s.shared = map[string]*ebpf.Map{}
	for _, prog := range s.loaded {
		errs = append(errs, prog.Close())
	}
	clear(s.loaded)
	return errors.Join(errs...)
}

// private says whether each copy has its own map: the ways to user space, so
// that an event tells which copy sent it, and the ways to other programs.
func private(name string, spec *ebpf.CollectionSpec) bool {
	m := spec.Maps[name]
	if isEvents(m.Type) || m.Type == ebpf.ProgramArray {
		return true
	}
	base, counts := strings.CutSuffix(name, lostSuffix)
	if !counts {
		return false
	}
	events, ok := spec.Maps[base]
	return ok && isEvents(events.Type)
}
