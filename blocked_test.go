// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

// stall makes a Runtime whose events nobody takes until release is called.
func stall(t *testing.T, opts boathook.Options) (rt *boathook.Runtime, stalled <-chan struct{}, release func()) {
	t.Helper()
	entered, gate := make(chan struct{}), make(chan struct{})
	var once, opened sync.Once
	opts.Program = boathook.Program{Spec: testutil.Object(t, "dropall"), Egress: "drop_all"}
	opts.Events = func(boathook.Event) {
		once.Do(func() { close(entered) })
		<-gate
	}
	rt = newRuntime(t, opts)
	release = func() { opened.Do(func() { close(gate) }) }
	t.Cleanup(release) // before the Runtime is closed
	return rt, entered, release
}

// hooks is how many programs there are on the inner link of a site.
func (s site) hooks(t *testing.T) int {
	t.Helper()
	list, err := hook.List(s.inside, s.innerIndex)
	qt.Assert(t, qt.IsNil(err))
	return len(list)
}

func TestRemoveDetachesWhileEventsAreStuck(t *testing.T) {
	t.Parallel()
	web, db := newSite(t), newSite(t)
	rt, stalled, release := stall(t, boathook.Options{PerLink: true})
	add(t, rt, web.inner("web"), db.inner("db"))
	send(t, testutil.Listen(t, web.inside, innerAddr), testutil.Listen(t, web.host, hostAddr), 1)
	<-stalled

	var wg sync.WaitGroup
	wg.Go(func() { qt.Check(t, qt.IsNil(rt.Remove("web"))) })
	testutil.Eventually(t, patience, func() bool { return web.hooks(t) == 0 }, "the stuck one detached")
	// The others are not held up.
	qt.Check(t, qt.HasLen(attachments(t, rt), 1))
	qt.Check(t, qt.IsNil(rt.Remove("db")))
	qt.Check(t, qt.Equals(db.hooks(t), 0))
	release()
	wg.Wait()
}

func TestCloseDetachesWhileEventsAreStuck(t *testing.T) {
	t.Parallel()
	web, db := newSite(t), newSite(t)
	rt, stalled, release := stall(t, boathook.Options{PerLink: true})
	add(t, rt, web.inner("web"), db.inner("db"))
	send(t, testutil.Listen(t, web.inside, innerAddr), testutil.Listen(t, web.host, hostAddr), 1)
	<-stalled
	// The watching goroutine finds the link gone and waits for its last event.
	testutil.Exec(t, web.inside, "ip", "link", "del", "eth0")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 1 }, "the link forgotten")

	var wg sync.WaitGroup
	wg.Go(func() { qt.Check(t, qt.IsNil(rt.Close())) })
	testutil.Eventually(t, patience, func() bool { return db.hooks(t) == 0 }, "all detached")
	release()
	wg.Wait()
}
