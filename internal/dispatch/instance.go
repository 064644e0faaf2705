// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"maps"

	"github.com/cilium/ebpf"
)

// instance is one copy of a user's program: the program, the maps that are its
// own, and the readers of its events.
type instance struct {
	name    string
	prog    *ebpf.Program
	coll    *ebpf.Collection // nil for a program loaded by the caller
	own     *ebpf.Program    // our handle on a program loaded by the caller
	readers []*eventReader
	after   after // what is left to do when it has ended
}

// instantiate loads one copy of the program called name, which must be one of
// those that were checked.
func (s *Source) instantiate(name string, sink Sink) (*instance, error) {
	if _, checked := s.after[name]; !checked {
		return nil, fmt.Errorf("%w: %s", ErrNoProgram, name)
	}
	if s.loaded != nil {
		return s.instantiateLoaded(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	spec, err := prune(s.spec, name)
	if err != nil {
		return nil, err
	}
	if sink != nil {
		unpinEvents(spec)
	}
	files, err := s.openPinsLocked(spec)
	if err != nil {
		return nil, err
	}
	coll, err := s.loadLocked(spec, files)
	if err = errors.Join(err, files.close()); err != nil {
		return nil, fmt.Errorf("load program %s: %w", name, err)
	}
	inst := &instance{name: name, prog: coll.Programs[name], coll: coll, after: s.after[name]}
	for each, prog := range coll.Programs {
		if s.opts.AllowWrites {
			break
		}
		if err := checkLoaded(each, prog); err != nil {
			return nil, errors.Join(err, inst.close())
		}
	}
	if err := s.shareLocked(spec, coll); err != nil {
		return nil, errors.Join(err, inst.close())
	}
	if err := inst.readEvents(sink); err != nil {
		return nil, errors.Join(err, inst.close())
	}
	if err := s.pinLocked(files, coll); err != nil {
		return nil, errors.Join(err, inst.close())
	}
	return inst, nil
}

func (s *Source) loadLocked(spec *ebpf.CollectionSpec, files pins) (*ebpf.Collection, error) {
	opts := ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{
			LogLevel:               s.opts.LogLevel,
			ExtraRelocationTargets: s.extra,
		},
		MapReplacements: map[string]*ebpf.Map{},
		Cache:           s.types,
	}
	for name, m := range s.shared {
		if want, ok := spec.Maps[name]; ok {
			opts.MapReplacements[name] = m
			// Filled when it was made; it may have changed since.
			want.Contents = nil
		}
	}
	maps.Copy(opts.MapReplacements, files.opened)
	return ebpf.NewCollectionWithOptions(spec, opts)
}

// shareLocked keeps a handle on each map of coll that later copies use too.
func (s *Source) shareLocked(spec *ebpf.CollectionSpec, coll *ebpf.Collection) error {
	for name, m := range coll.Maps {
		if _, known := s.shared[name]; known || private(name, spec) {
			continue
		}
		clone, err := m.Clone()
		if err != nil {
			return fmt.Errorf("share map %s: %w", name, err)
		}
		s.shared[name] = clone
	}
	return nil
}

func (i *instance) readEvents(sink Sink) error {
	if sink == nil {
		return nil
	}
	for name, m := range i.coll.Maps {
		if !isEvents(m.Type()) {
			continue
		}
		r, err := newEventReader(name, m, i.coll.Maps[name+lostSuffix], sink)
		if err != nil {
			return err
		}
		i.readers = append(i.readers, r)
	}
	return nil
}

// close hands on the events still in the buffers, then frees the copy.
func (i *instance) close() error {
	var errs []error
	for _, r := range i.readers {
		errs = append(errs, r.close())
	}
	i.readers = nil
	if i.coll != nil {
		i.coll.Close()
		i.coll = nil
	}
	if i.own != nil {
		errs = append(errs, i.own.Close())
		i.own = nil
	}
	return errors.Join(errs...)
}
