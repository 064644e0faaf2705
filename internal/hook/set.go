// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// attacher is one backend. Its methods are called one at a time.
type attacher interface {
	// attach handles valid requests. Both results are as long as reqs; one of
	// hook and error is nil. Where each request waits for the kernel, those that
	// are left when ctx is done fail with its error.
	attach(ctx context.Context, reqs []Request) ([]*Hook, []error)
	// detach returns one error, or nil for detached, per hook.
	detach(hooks []*Hook) []error
	// gone returns false, too, where the kernel does not say.
	gone(hooks []*Hook) []bool
}

// Set holds the hooks made in one network namespace through one backend. It is
// safe for concurrent use; changes are made one at a time, as the kernel does.
type Set struct {
	via  attacher
	opts Options

	// mu guards the fields below.
	mu     sync.Mutex
	closed bool
	// hooks keeps every TCX link reachable: a dropped one would be closed by
	// its finalizer.
	hooks map[*Hook]struct{}
	// leftover is an expedited window's failure to restore the host's setting.
	leftover error
}

// Hook is one program on one point of one link. It is safe for concurrent use.
type Hook struct {
	set     *Set
	index   int
	point   Point
	program ebpf.ProgramID

	link   link.Link // TCX
	filter filter    // Clsact
	// alone: its link had no qdisc before the burst that made it.
	alone bool
}

// Program returns the program's id.
func (h *Hook) Program() ebpf.ProgramID { return h.program }

// Gone reports whether the kernel no longer has the hook: it was detached, the
// link vanished, or somebody removed what was attached. It may wait for a
// change in progress. For many hooks there is [Set.Gone].
func (h *Hook) Gone() bool { return h.set.Gone([]*Hook{h})[0] }

// Attach puts programs on points, a burst of them at little more than the cost
// of one. Both results are as long as reqs: for each request there is either a
// hook or an error. A request that fails leaves nothing behind.
//
// On TCX each request waits for the kernel: those that are left when ctx is done
// fail with its error, and the hooks that were made stay.
//
// An error wraps unix.ENODEV if the link does not exist, unix.EEXIST if the
// TCX backend finds the same program there already, [ErrOrder] if the order
// cannot be had, [ErrIngressQdisc] if that is in the way of a clsact filter,
// and os.ErrClosed after Close.
func (s *Set) Attach(ctx context.Context, reqs []Request) ([]*Hook, []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hooks, errs := make([]*Hook, len(reqs)), make([]error, len(reqs))
	var valid []Request
	var places []int
	for i, req := range reqs {
		if errs[i] = s.checkLocked(req); errs[i] == nil {
			valid = append(valid, req)
			places = append(places, i)
		}
	}
	s.expeditedLocked(len(valid), func() {
		made, failed := s.via.attach(ctx, valid)
		for i, place := range places {
			hooks[place], errs[place] = made[i], failed[i]
		}
	})
	for i, h := range hooks {
		if h != nil {
			h.set = s
			s.hooks[h] = struct{}{}
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("attach to %s of ifindex %d: %w", reqs[i].Point, reqs[i].Index, errs[i])
		}
	}
	return hooks, errs
}

// Detach takes programs off their points. Hooks that are nil, detached already
// or whose link vanished are no error. A hook that could not be detached may be
// tried again.
func (s *Set) Detach(hooks []*Hook) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detachLocked(hooks)
}

// Gone reports for each hook what its own method Gone does, at one visit to the
// kernel. It is true for hooks that are not of this set.
func (s *Set) Gone(hooks []*Hook) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make([]bool, len(hooks))
	var live []*Hook
	var places []int
	for i, h := range hooks {
		if _, ok := s.hooks[h]; !ok {
			gone[i] = true
			continue
		}
		live, places = append(live, h), append(places, i)
	}
	for i, is := range s.via.gone(live) {
		gone[places[i]] = is
	}
	return gone
}

// Close detaches everything that is still attached. It may be called again, in
// particular if it returned an error.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	err := s.detachLocked(slices.Collect(maps.Keys(s.hooks)))
	err = errors.Join(err, s.leftover)
	s.leftover = nil
	return err
}

func (s *Set) checkLocked(req Request) error {
	switch {
	case s.closed:
		return os.ErrClosed
	case req.Program == nil:
		return fmt.Errorf("no program: %w", unix.EINVAL)
	case req.Index <= 0:
		return unix.ENODEV
	case req.Point > Egress:
		return unix.EINVAL
	case req.Order.Position > After:
		return ErrOrder
	case req.Program.Type() != ebpf.SchedCLS:
		return fmt.Errorf("program type %s: %w", req.Program.Type(), unix.EINVAL)
	}
	return nil
}

func (s *Set) detachLocked(hooks []*Hook) error {
	var live []*Hook
	seen := make(map[*Hook]struct{}, len(hooks))
	for _, h := range hooks {
		if _, ok := s.hooks[h]; !ok {
			continue
		}
		if _, ok := seen[h]; !ok {
			seen[h] = struct{}{}
			live = append(live, h)
		}
	}
	var errs []error
	s.expeditedLocked(len(live), func() { errs = s.via.detach(live) })
	var failed []error
	for i, h := range live {
		if errs[i] != nil {
			failed = append(failed, fmt.Errorf("detach from %s of ifindex %d: %w", h.point, h.index, errs[i]))
			continue
		}
		delete(s.hooks, h)
	}
	return errors.Join(failed...)
}

// expeditedLocked runs fn, inside an expedited window if the backend waits for
// grace periods. Hooks are valid whether or not the window could be closed
// again, so that error waits for Close; [Repair] mends what it is about.
func (s *Set) expeditedLocked(changes int, fn func()) {
	switch {
	case changes == 0:
	case s.opts.Expedite == nil:
		fn()
	default:
		err := s.opts.Expedite.Do(changes, func() error { fn(); return nil })
		s.leftover = errors.Join(s.leftover, err)
	}
}
