// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
)

// errInvalid is what the kernel says to a program that a prog array cannot hold.
const errInvalid = syscall.EINVAL

// Swap is a program prepared for a load but not yet in its slot.
type Swap struct {
	load      *Load
	next, old *instance
}

// Prepare loads and checks a program of source for l. Nothing changes for
// packets until [Commit].
func (l *Load) Prepare(source *Source, name string) (*Swap, error) {
	next, err := source.instantiate(name, l.sink)
	if err != nil {
		return nil, err
	}
	if err := l.expect(next); err != nil {
		return nil, errors.Join(err, l.forget(next), next.close())
	}
	return &Swap{load: l, next: next}, nil
}

// Commit puts the programs into their slots by one in-place update each: each
// packet runs either the old program or the new one. On error the old ones stay,
// all of them. Returns os.ErrClosed if one of the loads is closed.
func Commit(swaps ...*Swap) error {
	if slices.ContainsFunc(swaps, func(s *Swap) bool { return !s.load.knows(s.next) }) {
		if err := waitForPackets(); err != nil {
			return err
		}
		for _, s := range swaps {
			s.load.learned(s.next)
		}
	}
	for i, s := range swaps {
		err := s.commit()
		if err == nil {
			continue
		}
		for _, done := range swaps[:i] {
			if undo := done.revert(); undo != nil {
				err = errors.Join(err, fmt.Errorf("put the old program back: %w", undo))
			}
		}
		return err
	}
	return nil
}

func (s *Swap) commit() error {
	l := s.load
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	if err := l.fill(s.next); err != nil {
		return err
	}
	s.old, l.instance = l.instance, s.next
	return nil
}

// revert puts the old program back after a commit.
func (s *Swap) revert() error {
	l := s.load
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.old == nil || l.closed {
		return nil
	}
	if err := l.fill(s.old); err != nil {
		return err
	}
	l.instance, s.old = s.old, nil
	return nil
}

// Retire frees what swaps have left over: the old programs of those that were
// committed, with their last events handed on, the new ones of the others.
func Retire(swaps []*Swap) error {
	// A program may still be running on another CPU and send one more event. Where
	// the kernel does not offer this wait that event is lost.
	waited := waitForPackets()
	var errs []error
	for _, s := range swaps {
		left := s.next
		if s.old != nil {
			left = s.old
		}
		if waited == nil {
			errs = append(errs, s.load.forget(left))
		}
		errs = append(errs, left.close())
	}
	return errors.Join(errs...)
}
