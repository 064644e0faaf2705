// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestResolveFindsTheHostEnd(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	host, inner := testutil.Veth(t, home, "host", container, "eth0")
	table := mustOpen(t, home, ignore)

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Home, table))
	qt.Assert(t, qt.Equals(places[0].Host.Index, host))
	qt.Assert(t, qt.Equals(places[0].Host.Name, "host"))
	qt.Assert(t, qt.Equals(places[0].Inner.Index, inner))
	qt.Assert(t, qt.Equals(places[0].Inner.Name, "eth0"))
}

// Both ends are made on the host, then one is moved, as some runtimes do.
func TestResolveFindsTheHostEndOfAMovedLink(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	testutil.Exec(t, home, "ip", "link", "add", "host", "type", "veth", "peer", "name", "inner")
	testutil.Exec(t, home, "ip", "link", "set", "inner", "netns", testutil.Path(container))

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Home, table))
	qt.Assert(t, qt.Equals(places[0].Host.Index, testutil.Index(t, home, "host")))
}

// The host end is made from inside the container, as CNI plugins do.
func TestResolveFindsAHostEndMadeFromInside(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	testutil.Exec(t, container, "ip", "link", "add", "eth0", "type", "veth",
		"peer", "name", "host", "netns", testutil.Path(home))

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Home, table))
	qt.Assert(t, qt.Equals(places[0].Host.Index, testutil.Index(t, home, "host")))
}

func TestResolveDoesNotGoByName(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	host, _ := testutil.Veth(t, home, "host", container, "eth0")
	// Down: below Linux 6.2 a link that is up keeps its name.
	testutil.Exec(t, home, "ip", "link", "set", "host", "down")
	testutil.Exec(t, home, "ip", "link", "set", "host", "name", "other")
	testutil.Exec(t, home, "ip", "link", "add", "host", "type", "bridge")
	testutil.Exec(t, container, "ip", "link", "set", "eth0", "down")
	testutil.Exec(t, container, "ip", "link", "set", "eth0", "name", "net1")

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Host.Index, host))
}

func TestResolveTellsHomesApart(t *testing.T) {
	t.Parallel()
	first, second, container := testutil.Netns(t), testutil.Netns(t), testutil.Netns(t)
	testutil.Veth(t, first, "host", container, "eth0")
	testutil.Veth(t, second, "host", container, "eth1")
	a, b := mustOpen(t, first, ignore), mustOpen(t, second, ignore)

	places := mustResolve(t, container, a, b)
	qt.Assert(t, qt.HasLen(places, 2))
	qt.Assert(t, qt.Equals(places[0].Home, a))
	qt.Assert(t, qt.Equals(places[1].Home, b))
}

func TestResolveKnowsAHostNetwork(t *testing.T) {
	t.Parallel()
	home := testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	testutil.Veth(t, home, "left", home, "right")
	same, err := netns.OpenPath(testutil.Path(home))
	qt.Assert(t, qt.IsNil(err))
	defer same.Close()

	_, err = linktable.Resolve(same, []*linktable.Table{mustOpen(t, testutil.Netns(t), ignore), table})
	qt.Assert(t, qt.ErrorIs(err, linktable.ErrHostNetwork))
}

// The outer namespace of a nested container is not a home, but the peer's
// index means another link in the home, one that looks the same.
func TestResolveOfANestedNetns(t *testing.T) {
	t.Parallel()
	home, outer, nested := testutil.Netns(t), testutil.Netns(t), testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	homeEnd, outerEnd := testutil.Veth(t, home, "host", outer, "eth0")
	middle, inner := testutil.Veth(t, outer, "middle", nested, "eth0")
	// A pair in the home with the very indexes of the nested one.
	addVethAt(t, home, middle, testutil.Netns(t), inner)

	places := mustResolve(t, nested, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Inner.PeerIndex, middle))
	qt.Assert(t, qt.IsNil(places[0].Home))
	qt.Assert(t, qt.Equals(places[0].Host, linktable.Link{}))

	places = mustResolve(t, outer, table)
	qt.Assert(t, qt.HasLen(places, 2))
	qt.Assert(t, qt.Equals(places[0].Inner.Index, outerEnd))
	qt.Assert(t, qt.Equals(places[0].Host.Index, homeEnd))
	qt.Assert(t, qt.IsNil(places[1].Home))
}

// The nested namespace and the home have ids in each other, which says nothing
// about the link.
func TestResolveOfANestedNetnsThatKnowsTheHome(t *testing.T) {
	t.Parallel()
	home, outer, nested := testutil.Netns(t), testutil.Netns(t), testutil.Netns(t)
	table := mustOpen(t, home, ignore)
	testutil.Veth(t, home, "host", outer, "eth0")
	testutil.AssignNSID(t, home, nested, 70)
	testutil.AssignNSID(t, nested, home, 71)
	middle, inner := testutil.Veth(t, outer, "middle", nested, "eth0")
	addVethAt(t, home, middle, testutil.Netns(t), inner)

	places := mustResolve(t, nested, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.IsNil(places[0].Home))
}

func TestResolveHooksLinksWithoutAHostEndInside(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	testutil.Veth(t, home, "parent", home, "other")
	table := mustOpen(t, home, ignore)
	testutil.Exec(t, home, "ip", "link", "add", "link", "parent", "name", "mv0", "type", "macvlan")
	testutil.Exec(t, home, "ip", "link", "set", "mv0", "netns", testutil.Path(container))
	testutil.Exec(t, container, "ip", "tuntap", "add", "tun0", "mode", "tun")
	testutil.Veth(t, container, "in", container, "out")

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 4))
	for _, place := range places {
		qt.Check(t, qt.IsNil(place.Home), qt.Commentf("%s", place.Inner.Name))
	}
}

func TestResolveWithoutHomes(t *testing.T) {
	t.Parallel()
	container := testutil.Netns(t)
	testutil.Veth(t, testutil.Netns(t), "host", container, "eth0")
	places := mustResolve(t, container)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.IsNil(places[0].Home))
}

// The table's messages wait behind a slow receiver of changes.
func TestResolveDoesNotDependOnTheTableBeingUpToDate(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	gate := make(chan struct{})
	defer close(gate)
	table := mustOpen(t, home, func(linktable.Change) { <-gate })
	host, _ := testutil.Veth(t, home, "host", container, "eth0")

	places := mustResolve(t, container, table)
	qt.Assert(t, qt.HasLen(places, 1))
	qt.Assert(t, qt.Equals(places[0].Host.Index, host))
}

func mustResolve(tb testing.TB, container *netns.NS, homes ...*linktable.Table) []linktable.Place {
	tb.Helper()
	places, err := linktable.Resolve(container, homes)
	qt.Assert(tb, qt.IsNil(err))
	return places
}

func ignore(linktable.Change) {}
