// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// town is a host with many containers.
type town struct {
	host       *netns.NS
	containers []*netns.NS
	runtime    int // a process in the host's network namespace
}

func newTown(tb testing.TB, n int) *town {
	tb.Helper()
	host := testutil.Netns(tb)
	return &town{host: host, containers: testutil.Containers(tb, host, n), runtime: testutil.Process(tb, host)}
}

func (w *town) targets() []boathook.Target {
	list := make([]boathook.Target, len(w.containers))
	for i, ns := range w.containers {
		list[i] = boathook.Target{ID: fmt.Sprint(i), NetnsPath: testutil.Path(ns), RuntimePID: w.runtime}
	}
	return list
}

func (w *town) ids() []string {
	ids := make([]string, len(w.containers))
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	return ids
}

// The work grows with the number of containers and with nothing else: for each one
// list inside and one question to each of the two homes; one list of each home.
func TestManyContainersCostTheSameEach(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newTown(t, n)
			rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
			const homes = 2
			want := linktable.Asked{Dumps: homes, Questions: int64(homes + homes*n), Visits: int64(homes * n)}
			add(t, rt, w.targets()...)
			qt.Check(t, qt.Equals(rt.Asked(), want))
			list := attachments(t, rt)
			qt.Assert(t, qt.HasLen(list, 2*n))
			for i := range list {
				qt.Assert(t, qt.Not(qt.Equals(list[i].Host.Ifindex, 0)))
			}
			qt.Assert(t, qt.IsNil(rt.Remove(w.ids()...)))
			qt.Check(t, qt.Equals(rt.Asked(), want))
			qt.Check(t, qt.IsTrue(rt.Idle()))
			w.comeAndGo(t)
		})
	}
}

// comeAndGo has all containers come while their source is followed, one event after
// the other, and go the same way: what comes during a burst makes the next one.
func (w *town) comeAndGo(t *testing.T) {
	t.Helper()
	n := len(w.containers)
	var there, changed atomic.Int64 // the number of attachments, and how often it was another
	rt := newRuntime(t, boathook.Options{
		Program: bothWays(verdictUnspec),
		Changed: func(n int) {
			there.Store(int64(n))
			changed.Add(1)
		},
		Notify: func(notice boathook.Notice) { t.Errorf("notice: %v", notice) },
	})
	source := make(script)
	follow(t, rt, source, container.Selector{})
	source <- container.Event{Type: container.Synced}
	for i := range n {
		source <- container.Event{Type: container.Added, Container: w.container(i)}
	}
	testutil.Eventually(t, time.Minute, func() bool { return there.Load() == int64(2*n) }, "all are attached")
	for i := range n {
		source <- container.Event{Type: container.Removed, Container: w.container(i)}
	}
	testutil.Eventually(t, time.Minute, func() bool { return there.Load() == 0 }, "all are detached")
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	qt.Check(t, qt.IsTrue(rt.Idle()))
	t.Logf("%d changes of the number of attachments", changed.Load())
	qt.Check(t, qt.IsTrue(changed.Load() < int64(10+n/10)))
}

// One more container on a host full of them costs what it costs on an empty one.
func TestOneMoreContainerDoesNotTouchTheRest(t *testing.T) {
	t.Parallel()
	w := newTown(t, 200)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	targets := w.targets()
	add(t, rt, targets[1:]...)
	before := rt.Asked()
	add(t, rt, targets[0])
	after := rt.Asked()
	qt.Check(t, qt.Equals(after.Dumps-before.Dumps, 0))
	qt.Check(t, qt.Equals(after.Questions-before.Questions, 2))
	qt.Check(t, qt.Equals(after.Visits-before.Visits, 2))
}

// Namespaces that nobody has linked to a home, as of containers without a network,
// cost a file each to watch, and no goroutine.
func TestManyLonelyNamespaces(t *testing.T) {
	t.Parallel()
	const n = 100
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	lonely := make([]*netns.NS, n)
	targets, ids := make([]boathook.Target, n), make([]string, n)
	for i := range lonely {
		ns, err := netns.New()
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { qt.Check(t, qt.IsNil(ns.Close())) })
		lonely[i], ids[i] = ns, fmt.Sprint(i)
		targets[i] = boathook.Target{ID: ids[i], NetnsPath: testutil.Path(ns)}
	}
	add(t, rt, targets...)
	qt.Check(t, qt.IsTrue(rt.Asked().Visits <= 2*n)) // again when they are watched
	testutil.Veth(t, lonely[n-1], "eth0", testutil.Netns(t), "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the only link is attached")
	qt.Check(t, qt.IsTrue(rt.Asked().Visits < 2*n+20))
	qt.Assert(t, qt.IsNil(rt.Remove(ids...)))
	qt.Check(t, qt.IsTrue(rt.Idle()))
}

// Links that are set up or lose their carrier leave everything where it is.
func TestLinksThatBlinkAreNotLookedAtAgain(t *testing.T) {
	t.Parallel()
	w := newTown(t, 20)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, w.targets()...)
	before := rt.Asked()
	for _, ns := range w.containers {
		testutil.Exec(t, w.host, "ip", "link", "set", testutil.HostLink(ns), "down")
	}
	late := testutil.Containers(t, w.host, 1)[0] // what is told of it comes last
	add(t, rt, boathook.Target{ID: "late", NetnsPath: testutil.Path(late), RuntimePID: w.runtime})
	testutil.Exec(t, w.host, "ip", "link", "set", testutil.HostLink(late), "down")
	testutil.Exec(t, w.host, "ip", "link", "set", testutil.HostLink(late), "name", "renamed")
	testutil.Eventually(t, patience, func() bool {
		for _, a := range attachments(t, rt) {
			if a.Host.Name == "renamed" {
				return true
			}
		}
		return false
	}, "the last change is known")
	// The late one was added, and looked at when it had another name.
	qt.Check(t, qt.IsTrue(rt.Asked().Visits-before.Visits <= 2*3))
	qt.Check(t, qt.HasLen(attachments(t, rt), 2*21))
}

func (w *town) container(i int) container.Container {
	return container.Container{Runtime: "script", ID: fmt.Sprint(i), NetnsPath: testutil.Path(w.containers[i]), RuntimePID: w.runtime}
}

// A container that is started again between two looks is another one.
func TestFollowOfWhatCameAndWentMeanwhile(t *testing.T) {
	t.Parallel()
	w := newTown(t, 3)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	source := make(script)
	follow(t, rt, source, container.Selector{})
	again := w.container(0)
	again.NetnsPath = testutil.Path(w.containers[2])
	for _, e := range []container.Event{
		{Type: container.Added, Container: w.container(0)},
		{Type: container.Added, Container: w.container(1)},
		{Type: container.Removed, Container: w.container(1)},
		{Type: container.Removed, Container: w.container(0)},
		{Type: container.Added, Container: again},
		{Type: container.Synced},
	} {
		source <- e
	}
	testutil.Eventually(t, patience, func() bool {
		list := attachments(t, rt)
		return len(list) == 2 && list[0].Netns == w.containers[2].Inode()
	}, "only what runs is attached")
}

// BenchmarkThousandContainers attaches to a thousand containers and detaches, in
// both directions.
func BenchmarkThousandContainers(b *testing.B) {
	for _, backend := range []boathook.Backend{boathook.TCX, boathook.Clsact} {
		b.Run(backend.String(), func(b *testing.B) {
			w := newTown(b, 1000)
			rt := newRuntime(b, boathook.Options{Program: bothWays(verdictUnspec), Backend: backend})
			targets, ids := w.targets(), w.ids()
			for b.Loop() {
				qt.Assert(b, qt.IsNil(rt.Add(context.Background(), targets...)))
				b.StopTimer()
				qt.Assert(b, qt.IsNil(rt.Remove(ids...)))
				b.StartTimer()
			}
		})
	}
}

// BenchmarkOneOfAThousand attaches to one container on a host with a thousand.
func BenchmarkOneOfAThousand(b *testing.B) {
	w := newTown(b, 1000)
	rt := newRuntime(b, boathook.Options{Program: bothWays(verdictUnspec)})
	targets, ids := w.targets(), w.ids()
	qt.Assert(b, qt.IsNil(rt.Add(context.Background(), targets[1:]...)))
	for b.Loop() {
		qt.Assert(b, qt.IsNil(rt.Add(context.Background(), targets[0])))
		b.StopTimer()
		qt.Assert(b, qt.IsNil(rt.Remove(ids[0])))
		b.StartTimer()
	}
}
