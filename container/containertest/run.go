// SPDX-License-Identifier: Apache-2.0

package containertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// Harness is what [Run] needs of a runtime. The functions are called from
// several tests at once, and may meet containers that are none of theirs.
type Harness struct {
	Source container.Source
	// Start starts a container with a network namespace of its own, and returns
	// its id when it runs. The container is gone when the test has ended.
	Start func(tb testing.TB, name string) string
	// Stop returns when the container does not run.
	Stop func(tb testing.TB, id string)
	// Restart stops a container and starts it again with the same id, in
	// another network namespace.
	Restart func(tb testing.TB, id string)
}

// Run runs the tests that every source must pass, in parallel.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Harness){
		"ReportsWhatRunsBeforeSynced":       reportsWhatRunsBeforeSynced,
		"FollowsStartAndStop":               followsStartAndStop,
		"SaysInWhichNetnsAContainerIs":      saysInWhichNetnsAContainerIs,
		"RestartIsRemovedThenAdded":         restartIsRemovedThenAdded,
		"WatchReturnsNilWhenItsContextEnds": watchReturnsNilWhenItsContextEnds,
		"WatchesAreIndependent":             watchesAreIndependent,
		"NothingIsLostWhileTheListIsTaken":  nothingIsLostWhileTheListIsTaken,
		"NothingIsLostWhileEmitBlocks":      nothingIsLostWhileEmitBlocks,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// UniqueName returns a name for a container that no other test uses.
func UniqueName(prefix string) string { return fmt.Sprintf("%s-%08x", prefix, rand.Uint32()) }

func reportsWhatRunsBeforeSynced(t *testing.T, h Harness) {
	nameA, nameB, nameStopped := UniqueName("a"), UniqueName("b"), UniqueName("stopped")
	a, b, stopped := h.Start(t, nameA), h.Start(t, nameB), h.Start(t, nameStopped)
	h.Stop(t, stopped)
	r := Watch(t, h.Source)
	r.WaitSynced(t)
	known := r.Known()
	qt.Check(t, qt.Equals(known[a].Name, nameA))
	qt.Check(t, qt.Equals(known[b].Name, nameB))
	_, ok := known[stopped]
	qt.Check(t, qt.IsFalse(ok))
}

func followsStartAndStop(t *testing.T, h Harness) {
	r := Watch(t, h.Source)
	r.WaitSynced(t)
	name := UniqueName("a")
	id := h.Start(t, name)
	c := r.WaitKnown(t, id)
	qt.Check(t, qt.Equals(c.Name, name))
	h.Stop(t, id)
	r.WaitGone(t, id)
	types := slices.DeleteFunc(r.Types(id), func(t container.EventType) bool { return t == container.Changed })
	qt.Check(t, qt.DeepEquals(types, []container.EventType{container.Added, container.Removed}))
}

func saysInWhichNetnsAContainerIs(t *testing.T, h Harness) {
	r := Watch(t, h.Source)
	a := mustOpen(t, r.WaitKnown(t, h.Start(t, UniqueName("a"))))
	b := mustOpen(t, r.WaitKnown(t, h.Start(t, UniqueName("b"))))
	self, err := netns.Self()
	qt.Assert(t, qt.IsNil(err))
	defer mustClose(t, self)
	qt.Check(t, qt.IsFalse(a.Same(b)))
	qt.Check(t, qt.IsFalse(a.Same(self)))
	qt.Check(t, qt.IsFalse(b.Same(self)))
}

func restartIsRemovedThenAdded(t *testing.T, h Harness) {
	id := h.Start(t, UniqueName("a"))
	r := Watch(t, h.Source)
	before := mustOpen(t, r.WaitKnown(t, id))
	r.WaitSynced(t)
	h.Restart(t, id)
	r.WaitEvents(t, 2, container.Added, id)
	types := slices.DeleteFunc(r.Types(id), func(t container.EventType) bool { return t == container.Changed })
	qt.Check(t, qt.DeepEquals(types,
		[]container.EventType{container.Added, container.Removed, container.Added}))
	after := mustOpen(t, r.WaitKnown(t, id))
	qt.Check(t, qt.IsFalse(before.Same(after)))
}

func watchReturnsNilWhenItsContextEnds(t *testing.T, h Harness) {
	r := Watch(t, h.Source)
	qt.Check(t, qt.IsNil(r.Stop(t)))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	qt.Check(t, qt.IsNil(h.Source.Watch(ended, func(container.Event) {})))

	r = Watch(t, h.Source)
	r.WaitSynced(t)
	qt.Check(t, qt.IsNil(r.Stop(t)))
	count := len(r.Events())
	id := h.Start(t, UniqueName("late"))
	other := Watch(t, h.Source)
	other.WaitKnown(t, id)
	qt.Check(t, qt.HasLen(r.Events(), count))
}

func watchesAreIndependent(t *testing.T, h Harness) {
	first := Watch(t, h.Source)
	first.WaitSynced(t)
	id := h.Start(t, UniqueName("a"))
	second := Watch(t, h.Source)
	first.WaitKnown(t, id)
	second.WaitKnown(t, id)
	qt.Check(t, qt.IsNil(first.Stop(t)))
	second.WaitSynced(t)
	h.Stop(t, id)
	second.WaitGone(t, id)
}

// churn is how many containers start or stop while something else happens.
const churn = 6

func nothingIsLostWhileTheListIsTaken(t *testing.T, h Harness) {
	var ids, gone []string
	for range churn {
		gone = append(gone, h.Start(t, UniqueName("old")))
	}
	names := make([]string, churn)
	for i := range names {
		names[i] = UniqueName("new")
	}
	var changes sync.WaitGroup
	recorders := make(chan *Recorder, churn)
	changes.Go(func() {
		for range churn {
			recorders <- Watch(t, h.Source)
		}
		close(recorders)
	})
	for i, name := range names {
		ids = append(ids, h.Start(t, name))
		h.Stop(t, gone[i])
	}
	changes.Wait()
	for r := range recorders {
		r.WaitSynced(t)
		checkTruth(t, r, ids, gone)
	}
}

func nothingIsLostWhileEmitBlocks(t *testing.T, h Harness) {
	var ids, gone []string
	gate := make(chan struct{})
	release := sync.OnceFunc(func() { close(gate) })
	defer release()
	r := WatchWith(t, h.Source, func(e container.Event) {
		if e.Type == container.Synced {
			<-gate
		}
	})
	r.WaitSynced(t)
	for range churn {
		ids = append(ids, h.Start(t, UniqueName("stays")))
		gone = append(gone, h.Start(t, UniqueName("goes")))
	}
	for _, id := range gone {
		h.Stop(t, id)
	}
	release()
	checkTruth(t, r, ids, gone)
}

// checkTruth waits until the recorder knows all of ids and none of gone.
func checkTruth(t *testing.T, r *Recorder, ids, gone []string) {
	t.Helper()
	for _, id := range ids {
		r.WaitKnown(t, id)
	}
	for _, id := range gone {
		r.WaitGone(t, id)
	}
}

// mustOpen opens the netns of c, as users of a source do, until the test ends.
func mustOpen(tb testing.TB, c container.Container) *netns.NS {
	tb.Helper()
	open := func() (*netns.NS, error) { return netns.OpenPID(c.PID) }
	if c.PID == 0 {
		qt.Assert(tb, qt.Not(qt.Equals(c.NetnsPath, "")))
		open = func() (*netns.NS, error) { return netns.OpenPath(c.NetnsPath) }
	}
	ns, err := open()
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { mustClose(tb, ns) })
	return ns
}

func mustClose(tb testing.TB, ns *netns.NS) {
	tb.Helper()
	qt.Check(tb, qt.IsNil(ns.Close()))
}
