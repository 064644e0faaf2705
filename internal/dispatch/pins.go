// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
)

// pins are the maps of one copy that are shared through files. Files are made
// when all else has worked, so that a program that is rejected leaves none.
type pins struct {
	opened map[string]*ebpf.Map // those that had a file already
	fresh  map[string]string    // the files of the others
}

// unpinEvents leaves each copy its own event maps, with what counts the lost: of
// two readers of one buffer, be it those of two copies, each would take or
// overtake the other's events, and nothing would tell whose they are.
func unpinEvents(spec *ebpf.CollectionSpec) {
	for name, m := range spec.Maps {
		if private(name, spec) && m.Type != ebpf.ProgramArray {
			m.Pinning = ebpf.PinNone
		}
	}
}

// openPinsLocked takes the pinning out of spec: what it finds is to be used in
// place of new maps, the rest is pinned by pinLocked. Maps that copies share
// anyway are left out.
func (s *Source) openPinsLocked(spec *ebpf.CollectionSpec) (pins, error) {
	p := pins{opened: map[string]*ebpf.Map{}, fresh: map[string]string{}}
	for name, m := range spec.Maps {
		if m.Pinning == ebpf.PinNone {
			continue
		}
		m.Pinning = ebpf.PinNone
		if s.shared[name] != nil {
			continue
		}
		file := filepath.Join(s.opts.PinPath, m.Name)
		there, err := ebpf.LoadPinnedMap(file, nil)
		switch {
		case errors.Is(err, os.ErrNotExist):
			p.fresh[name] = file
		case err != nil:
			return p, errors.Join(fmt.Errorf("open pinned map %s: %w", file, err), p.close())
		default:
			p.opened[name] = there
		}
	}
	return p, nil
}

// pinLocked makes the files of maps that had none.
func (s *Source) pinLocked(p pins, coll *ebpf.Collection) error {
	for name, file := range p.fresh {
		if err := coll.Maps[name].Pin(file); err != nil {
			return fmt.Errorf("pin map %s: %w", name, err)
		}
		s.pinned = append(s.pinned, file)
	}
	return nil
}

func (p pins) close() error {
	var errs []error
	for _, m := range p.opened {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// Abandon is Close for a source that came to nothing: files that it made for
// maps are removed again.
func (s *Source) Abandon() error {
	s.mu.Lock()
	files := s.pinned
	s.pinned = nil
	s.mu.Unlock()
	var errs []error
	for _, file := range files {
		if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.Close())...)
}
