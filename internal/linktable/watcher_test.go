// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"os"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// bells counts what a watcher tells.
type bells struct {
	mu    sync.Mutex
	rings map[netns.Key]int
}

func (b *bells) ring(key netns.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rings == nil {
		b.rings = map[netns.Key]int{}
	}
	b.rings[key]++
}

func (b *bells) count(ns *netns.NS) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rings[ns.Key()]
}

func TestWatcherTellsInWhichNamespace(t *testing.T) {
	t.Parallel()
	first, second := testutil.Netns(t), testutil.Netns(t)
	var b bells
	w := mustWatcher(t, &b)
	for range 2 { // the second time it is known
		qt.Assert(t, qt.IsNil(w.Add(first)))
		qt.Assert(t, qt.IsNil(w.Add(second)))
	}
	addVeths(t, first, 300) // more than the socket keeps
	testutil.Eventually(t, waitTime, func() bool { return b.count(first) > 0 }, "the first is told")
	qt.Check(t, qt.Equals(b.count(second), 0))
	testutil.Exec(t, second, "ip", "link", "set", "lo", "down")
	testutil.Eventually(t, waitTime, func() bool { return b.count(second) > 0 }, "the second is told")
}

func TestWatcherForgets(t *testing.T) {
	t.Parallel()
	gone, stays := testutil.Netns(t), testutil.Netns(t)
	var b bells
	w := mustWatcher(t, &b)
	qt.Assert(t, qt.IsNil(w.Add(gone)))
	qt.Assert(t, qt.IsNil(w.Add(stays)))
	qt.Assert(t, qt.IsNil(w.Remove(gone.Key())))
	qt.Assert(t, qt.IsNil(w.Remove(gone.Key())))
	testutil.Exec(t, gone, "ip", "link", "set", "lo", "down")
	testutil.Exec(t, stays, "ip", "link", "set", "lo", "down")
	testutil.Eventually(t, waitTime, func() bool { return b.count(stays) > 0 }, "the other is told")
	qt.Check(t, qt.Equals(b.count(gone), 0))
}

func TestWatcherAfterClose(t *testing.T) {
	t.Parallel()
	var b bells
	w := mustWatcher(t, &b)
	ns := testutil.Netns(t)
	qt.Assert(t, qt.IsNil(w.Add(ns)))
	qt.Assert(t, qt.IsNil(w.Close()))
	qt.Assert(t, qt.IsNil(w.Close()))
	qt.Check(t, qt.ErrorIs(w.Add(ns), os.ErrClosed))
}

func mustWatcher(tb testing.TB, b *bells) *linktable.Watcher {
	tb.Helper()
	w, err := linktable.NewWatcher(b.ring)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(w.Close())) })
	return w
}
