// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"sync"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
)

// maxCopies bounds the copies that serve a single link: each costs two programs,
// a ring buffer and a goroutine.
const maxCopies = 512

// errTooMany is told when no more copies for single links are made.
var errTooMany = errors.New("512 copies of the program are loaded: events of further links may not say whose they are")

// loadKey says what a copy of the program serves. A program cannot tell which
// hook runs it, and ifindex means something only inside one network namespace,
// so there is a copy for each combination.
type loadKey struct {
	direction Direction
	point     hook.Point
	space     netns.Key
	// netns and index are those of the one link that the copy serves; 0 if it
	// serves many.
	netns uint32
	index int
}

type load struct {
	*dispatch.Load
	key loadKey
}

// enterLocked enters a link into a load for key, making the load if needed.
func (r *Runtime) enterLocked(key loadKey, index int, inode uint32) (*load, error) {
	for _, l := range r.loads[key] {
		err := l.SetLink(index, inode)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, dispatch.ErrFull) {
			return nil, err
		}
	}
	l, err := r.newLoadLocked(key)
	if err != nil {
		return nil, err
	}
	if err := l.SetLink(index, inode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	r.loads[key] = append(r.loads[key], l)
	if key.netns != 0 {
		r.copies++
	}
	return l, nil
}

func (r *Runtime) newLoadLocked(key loadKey) (*load, error) {
	opts := dispatch.LoadOptions{Mode: r.opts.Verdict.mode(), AllowWrites: r.opts.AllowWrites}
	if key.netns != 0 {
		opts.Links = 1
	}
	if key.space == r.self.Key() && key.point == ownPoint(key.direction) { // an interface target's
		opts.Spare = dispatch.Connection{A: r.opts.Spare[0], B: r.opts.Spare[1]}
	}
	if r.opts.Events != nil {
		opts.Sink = func(e dispatch.Event) {
			r.opts.Events(Event{
				Direction: key.direction, Netns: key.netns, Hook: key.index,
				Map: e.Map, Data: e.Data, Perf: e.Perf, Lost: e.Lost, Full: e.Full, More: e.More,
			})
		}
	}
	l, err := dispatch.NewLoad(r.source, r.program.name(key.direction), opts)
	if err != nil {
		return nil, err
	}
	return &load{Load: l, key: key}, nil
}

// leaveLocked takes a link out of its load. A load that serves none is freed by
// the next unlock unless it is likely to be needed again.
func (r *Runtime) leaveLocked(l *load, index int) error {
	err := l.ClearLink(index)
	home := r.spaces[l.key.space] != nil && r.spaces[l.key.space].table != nil
	if l.Links() > 0 || (home && l.key.netns == 0) {
		return err
	}
	rest := r.loads[l.key][:0]
	for _, other := range r.loads[l.key] {
		if other != l {
			rest = append(rest, other)
		}
	}
	r.loads[l.key] = rest
	if len(rest) == 0 {
		delete(r.loads, l.key)
	}
	r.idle = append(r.idle, l)
	if l.key.netns != 0 {
		r.copies--
	}
	return err
}

// unlock lets go of r.mu and frees the loads that serve no link any more. That
// hands on their last events, and whoever takes those may take his time.
func (r *Runtime) unlock() error {
	idle := r.idle
	r.idle = nil
	r.mu.Unlock()
	return closeLoads(idle)
}

// closers is how many loads are freed at once: each mostly waits, for its reader
// and the kernel.
const closers = 32

func closeLoads(loads []*load) error {
	errs := make([]error, len(loads))
	var closing sync.WaitGroup
	for w := range min(closers, len(loads)) {
		closing.Go(func() {
			for i := w; i < len(loads); i += closers {
				errs[i] = loads[i].Close()
			}
		})
	}
	closing.Wait()
	return errors.Join(errs...)
}

// roomLocked says whether one more copy may be made for a single link.
func (r *Runtime) roomLocked() bool { return r.copies < maxCopies }
