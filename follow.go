// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
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
		return closedError{}
	}
	f := &follower{runtime: r, sel: sel, steps: newQueue[step](), batch: newBatch()}
	var working sync.WaitGroup
	working.Go(func() { f.work(ctx) })
	err := source.Watch(ctx, f.handle)
	f.steps.push(step{last: true})
	working.Wait()
	return err
}

// follower turns a source's events into targets. What comes while targets are
// attached or detached waits, and is then done in one burst.
type follower struct {
	runtime *Runtime
	sel     container.Selector
	steps   *queue[step]

	// The fields below are the worker's.

	batch batch
	// synced says that the list of what runs at the start is complete. Before that
	// nothing is attached: what goes meanwhile must not be attached by what was
	// known of it, since its process id may be another's by then.
	synced bool
}

// step is an event on its way to the worker.
type step struct {
	container.Event

	done chan struct{} // closed when it is done; nil if nobody waits
	last bool          // no event: no more will come
}

func (f *follower) handle(e container.Event) {
	if e.Type != container.Synced {
		f.steps.push(step{Event: e})
		return
	}
	// Sources go on when what they listed is attached.
	s := step{Event: e, done: make(chan struct{})}
	f.steps.push(s)
	<-s.done
}

// work does steps, all that wait at once, until the last.
func (f *follower) work(ctx context.Context) {
	for range f.steps.wake {
		for _, s := range f.steps.take() {
			if s.last {
				f.flush(ctx)
				return
			}
			f.do(ctx, s)
		}
		f.flush(ctx)
	}
}

func (f *follower) do(ctx context.Context, s step) {
	switch s.Type {
	case container.Added:
		if f.sel.Match(s.Container) {
			f.batch.add(ContainerTarget(s.Container))
		}
	case container.Changed: // maybe renamed into or out of what is selected
		if target := ContainerTarget(s.Container); f.sel.Match(s.Container) {
			f.batch.add(target)
		} else {
			f.batch.remove(target.ID)
		}
	case container.Removed:
		f.batch.remove(ContainerTarget(s.Container).ID)
	case container.Synced:
		f.synced = true
		f.flush(ctx)
		close(s.done)
	case container.Degraded:
		f.runtime.notify(Notice{Err: s.Err})
	}
}

// flush makes the attachments what the events so far ask for.
func (f *follower) flush(ctx context.Context) {
	if !f.synced {
		return
	}
	f.runtime.unfollow(ctx, slices.Collect(maps.Keys(f.batch.gone)))
	f.runtime.follow(ctx, slices.Collect(maps.Values(f.batch.added))...)
	f.batch = newBatch()
}

// batch is what several events come to: first some targets go, then others come.
type batch struct {
	gone  map[string]struct{}
	added map[string]Target
}

func newBatch() batch { return batch{gone: map[string]struct{}{}, added: map[string]Target{}} }

func (b batch) add(t Target) { b.added[t.ID] = t }

func (b batch) remove(id string) {
	delete(b.added, id)
	b.gone[id] = struct{}{}
}

// unfollow removes those of the targets that are there or are tried again.
func (r *Runtime) unfollow(ctx context.Context, ids []string) {
	r.mu.Lock()
	known := slices.DeleteFunc(ids, func(id string) bool { return r.targets[id] == nil && r.failed[id] == nil })
	if len(known) > 0 && !r.closed {
		if err := r.takeOutLocked(ctx, known); err != nil {
			r.notify(Notice{Err: err})
		}
	}
	r.unlockAndTell()
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
