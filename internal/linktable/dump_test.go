// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestDumpDescribesLinks(t *testing.T) {
	t.Parallel()
	ns, other := testutil.Netns(t), testutil.Netns(t)
	index, peer := testutil.Veth(t, ns, "host", other, "eth0")
	testutil.Exec(t, ns, "ip", "link", "add", "bridge", "type", "bridge")

	// The kernel tells of a carrier when it has the time.
	testutil.Eventually(t, waitTime, func() bool { return named(t, mustDump(t, ns), "host").Running }, "the link runs")
	links := mustDump(t, ns)
	qt.Assert(t, qt.DeepEquals(named(t, links, "host"), linktable.Link{
		Index: index, Name: "host", Kind: "veth", Up: true, Running: true,
		PeerIndex: peer, PeerNSID: mustNSID(t, ns, other),
	}))
	lo := named(t, links, "lo")
	qt.Assert(t, qt.IsTrue(lo.Loopback))
	qt.Assert(t, qt.Equals(lo.PeerNSID, linktable.NoNSID))
	bridge := named(t, links, "bridge")
	qt.Assert(t, qt.Equals(bridge.Kind, "bridge"))
	qt.Assert(t, qt.IsFalse(bridge.Up))
}

func TestDumpOfManyLinks(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	addVeths(t, ns, 100)
	qt.Assert(t, qt.HasLen(mustDump(t, ns), len(mustDump(t, testutil.Netns(t)))+200))
}

func TestVethInOneNetnsRefersToItself(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	a, b := testutil.Veth(t, ns, "a", ns, "b")
	links := mustDump(t, ns)
	qt.Assert(t, qt.Equals(named(t, links, "a").PeerIndex, b))
	qt.Assert(t, qt.Equals(named(t, links, "b").PeerIndex, a))
	qt.Assert(t, qt.Equals(named(t, links, "a").PeerNSID, linktable.NoNSID))
}

func TestNSIDNeverAssignsOne(t *testing.T) {
	t.Parallel()
	ns, other := testutil.Netns(t), testutil.Netns(t)
	for range 2 {
		qt.Assert(t, qt.Equals(mustNSID(t, ns, other), linktable.NoNSID))
	}
	testutil.AssignNSID(t, ns, other, 7)
	qt.Assert(t, qt.Equals(mustNSID(t, ns, other), 7))
}

func TestDumpOfAClosedNetns(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	qt.Assert(t, qt.IsNil(ns.Close()))
	_, err := linktable.Dump(ns)
	qt.Assert(t, qt.ErrorIs(err, unix.EBADF))
}

func mustDump(tb testing.TB, ns *netns.NS) []linktable.Link {
	tb.Helper()
	links, err := linktable.Dump(ns)
	qt.Assert(tb, qt.IsNil(err))
	return links
}

func mustNSID(tb testing.TB, in, of *netns.NS) int {
	tb.Helper()
	id, err := linktable.NSID(in, of)
	qt.Assert(tb, qt.IsNil(err))
	return id
}

func named(tb testing.TB, links []linktable.Link, name string) linktable.Link {
	tb.Helper()
	for _, link := range links {
		if link.Name == name {
			return link
		}
	}
	tb.Fatalf("no link %s in %v", name, links)
	return linktable.Link{}
}
