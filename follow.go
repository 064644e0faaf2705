// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/boathook/boathook/container"
)

// Follow attaches to the containers of a source that the selector picks: to
// those that run now in one burst, to others as they start, until ctx is done.
// Then it returns nil, and the containers stay attached until Close. Several
// sources may be followed at once.
//
// A container that cannot be attached is told to Options.Notify and tried again.
// Follow returns the source's error if its runtime was never reached,
// [ErrClosed] after Close, and an error that wraps path.ErrBadPattern for a
// selector with a malformed glob.
func (r *Runtime) Follow(ctx context.Context, source container.Source, sel container.Selector) error {
	if source == nil {
		return errors.New("follow: no source of containers")
	}
	// One made by hand may have a glob that would match nothing, in silence.
	if _, err := container.ParseSelector(sel.Names, sel.Images, nil); err != nil {
		return err
	}
	if r.isClosed() {
		return ErrClosed
	}
	f := follower{runtime: r, sel: sel}
	return source.Watch(ctx, func(e container.Event) { f.handle(ctx, e) })
}

// follower turns a source's events into targets. It is used from one goroutine.
type follower struct {
	runtime *Runtime
	sel     container.Selector
	// initial collects the containers that run at the start, until the list is complete.
	initial []Target
	synced  bool
}

func (f *follower) handle(ctx context.Context, e container.Event) {
	switch e.Type {
	case container.Added:
		if !f.sel.Match(e.Container) {
			return
		}
		if !f.synced {
			f.initial = append(f.initial, ContainerTarget(e.Container))
			return
		}
		f.runtime.follow(ctx, ContainerTarget(e.Container))
	case container.Changed:
		f.change(ctx, e.Container)
	case container.Removed:
		f.remove(e.Container)
	case container.Synced:
		f.synced = true
		f.runtime.follow(ctx, f.initial...)
		f.initial = nil
	case container.Degraded:
		f.runtime.notify(Notice{Err: e.Err})
	}
}

// change follows a container that was renamed into or out of what is selected.
func (f *follower) change(ctx context.Context, c container.Container) {
	if f.sel.Match(c) {
		f.runtime.follow(ctx, ContainerTarget(c))
		return
	}
	f.remove(c)
}

func (f *follower) remove(c container.Container) {
	// One that went before the list was complete must not be attached by what is
	// known of it: its process id may be another's by then.
	f.initial = slices.DeleteFunc(f.initial, func(t Target) bool { return t.ID == ContainerTarget(c).ID })
	err := f.runtime.Remove(ContainerTarget(c).ID)
	if err != nil && !errors.Is(err, ErrNotAttached) && !errors.Is(err, ErrClosed) {
		f.runtime.notify(Notice{Target: ContainerTarget(c).ID, Err: err})
	}
}

// follow adds targets and keeps those that fail for a retry.
func (r *Runtime) follow(ctx context.Context, targets ...Target) {
	r.mu.Lock()
	r.followLocked(ctx, targets)
	r.unlockAndTell()
}

func (r *Runtime) followLocked(ctx context.Context, targets []Target) {
	if r.closed || len(targets) == 0 {
		return
	}
	for _, target := range targets {
		delete(r.failed, target.ID) // it may be described better by now
	}
	failed, err := r.addEachLocked(ctx, targets)
	if err != nil && ctx.Err() == nil {
		r.notify(Notice{Err: err})
	}
	for _, target := range targets {
		err := failed[target.ID]
		if err == nil {
			continue
		}
		delete(failed, target.ID)
		r.notify(Notice{Target: target.ID, Err: err})
		if !isFinal(err) {
			f := &failure{target: target}
			f.failed(time.Now())
			r.failed[target.ID] = f
		}
	}
}
