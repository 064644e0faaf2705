// SPDX-License-Identifier: Apache-2.0

package containertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/testutil"
)

// waitTime is how long anything may take on a busy machine.
const waitTime = 30 * time.Second

// Recorder watches a source, checks that its events make sense one after the
// other, and keeps them. It is safe for concurrent use.
type Recorder struct {
	source container.Source
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Watch, once done is closed
	busy   atomic.Bool

	// mu guards the fields below.
	mu       sync.Mutex
	events   []container.Event
	known    map[string]container.Container
	synced   bool
	problems []string
}

// Watch starts a recorder. It ends with the test, which fails if an event was
// out of place or Watch has not returned nil.
func Watch(tb testing.TB, source container.Source) *Recorder {
	tb.Helper()
	return WatchWith(tb, source, func(container.Event) {})
}

// WatchWith is [Watch] with a function that is called for every event after it
// was kept; it may block.
func WatchWith(tb testing.TB, source container.Source, after func(container.Event)) *Recorder {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &Recorder{
		source: source, cancel: cancel,
		done: make(chan struct{}), known: map[string]container.Container{},
	}
	go func() {
		defer close(r.done)
		r.err = source.Watch(ctx, func(e container.Event) {
			r.record(e)
			after(e)
		})
	}()
	tb.Cleanup(func() {
		if err := r.Stop(tb); err != nil {
			tb.Errorf("Watch: %v", err)
		}
		for _, problem := range r.problems {
			tb.Error(problem)
		}
	})
	return r
}

// Stop ends Watch and returns its error. It may be called more than once.
func (r *Recorder) Stop(tb testing.TB) error {
	tb.Helper()
	r.cancel()
	select {
	case <-r.done:
		return r.err
	case <-time.After(waitTime):
		tb.Fatalf("Watch has not returned %v after its context was done", waitTime)
		return nil
	}
}

// Events returns what has come so far.
func (r *Recorder) Events() []container.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Known returns the containers that run according to the events so far, by id.
func (r *Recorder) Known() map[string]container.Container {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.known)
}

// WaitSynced waits until the source is in step with the runtime.
func (r *Recorder) WaitSynced(tb testing.TB) {
	tb.Helper()
	r.wait(tb, func() bool { return r.synced }, "Synced")
}

// WaitKnown waits until the container id is known, and returns it.
func (r *Recorder) WaitKnown(tb testing.TB, id string) container.Container {
	tb.Helper()
	r.wait(tb, func() bool { _, ok := r.known[id]; return ok }, "Added of "+id)
	return r.Known()[id]
}

// WaitGone waits until the container id is not known.
func (r *Recorder) WaitGone(tb testing.TB, id string) {
	tb.Helper()
	r.wait(tb, func() bool { _, ok := r.known[id]; return !ok }, "Removed of "+id)
}

// WaitEvents waits until n events of this type about the container id have
// come; id is "" for the types that have none.
func (r *Recorder) WaitEvents(tb testing.TB, n int, t container.EventType, id string) {
	tb.Helper()
	r.wait(tb, func() bool {
		count := 0
		for _, e := range r.events {
			if e.Type == t && e.Container.ID == id {
				count++
			}
		}
		return count >= n
	}, fmt.Sprintf("%d times %v of %q", n, t, id))
}

// Types returns the types of the events about the container id, in order.
func (r *Recorder) Types(id string) []container.EventType {
	var types []container.EventType
	for _, e := range r.Events() {
		if e.Container.ID == id {
			types = append(types, e.Type)
		}
	}
	return types
}

// wait calls cond with mu held.
func (r *Recorder) wait(tb testing.TB, cond func() bool, what string) {
	tb.Helper()
	ended := false
	testutil.Eventually(tb, waitTime, func() bool {
		select {
		case <-r.done:
			ended = true
		default:
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return cond() || ended
	}, what)
	if ended {
		tb.Fatalf("Watch returned while waiting for %s: %v", what, r.err)
	}
}

// record keeps e and notes what is wrong with it.
func (r *Recorder) record(e container.Event) {
	if !r.busy.CompareAndSwap(false, true) {
		r.note(e, "emit is called by two goroutines at once")
	}
	defer r.busy.Store(false)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	id := e.Container.ID
	_, known := r.known[id]
	switch e.Type {
	case container.Added:
		r.noteIf(known, e, "Added twice")
		r.known[id] = e.Container
	case container.Changed:
		r.noteIf(!known, e, "Changed before Added")
		r.known[id] = e.Container
	case container.Removed:
		r.noteIf(!known, e, "Removed before Added")
		delete(r.known, id)
	case container.Synced:
		r.noteIf(r.synced, e, "Synced twice")
		r.synced = true
		return
	case container.Degraded:
		r.noteIf(!r.synced, e, "Degraded before Synced")
		r.noteIf(e.Err == nil, e, "Degraded without Err")
		r.synced = false
		return
	default:
		r.noteIf(true, e, "unknown type")
	}
	r.noteIf(id == "", e, "container without ID")
	r.noteIf(e.Container.Runtime != r.source.Name(), e, "container of another runtime")
}

func (r *Recorder) note(e container.Event, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteIf(true, e, problem)
}

//nolint:revive // flag-parameter: a condition to check
func (r *Recorder) noteIf(wrong bool, e container.Event, problem string) {
	if wrong {
		r.problems = append(r.problems, fmt.Sprintf("%s: %v %+v", problem, e.Type, e.Container))
	}
}
