// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

const waitTime = 10 * time.Second

func TestTableStartsWithWhatIsThere(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	index, peer := testutil.Veth(t, ns, "a", ns, "b")
	var seen changes
	table := mustOpen(t, ns, seen.add)

	link, isKnown := table.Link(index)
	qt.Assert(t, qt.IsTrue(isKnown))
	qt.Assert(t, qt.Equals(link.Name, "a"))
	qt.Assert(t, qt.Equals(link.PeerIndex, peer))
	qt.Assert(t, qt.DeepEquals(table.Links(), mustDump(t, ns)))
	qt.Assert(t, qt.IsTrue(table.Age(index) >= time.Hour))
	qt.Assert(t, qt.IsTrue(table.NS().Same(ns)))
	qt.Assert(t, qt.HasLen(seen.all(), 0))
}

func TestTableFollowsLinks(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var seen changes
	table := mustOpen(t, ns, seen.add)

	testutil.Exec(t, ns, "ip", "link", "add", "one", "type", "bridge")
	index := testutil.Index(t, ns, "one")
	seen.wait(t, linktable.LinkNew, linktable.NoNSID, index)
	qt.Assert(t, qt.IsTrue(table.Age(index) < time.Minute))

	testutil.Exec(t, ns, "ip", "link", "set", "one", "name", "two")
	testutil.Eventually(t, waitTime, func() bool {
		link, isKnown := table.Link(index)
		return isKnown && link.Name == "two"
	}, "the new name is known")
	seen.wait(t, linktable.LinkChanged, linktable.NoNSID, index)

	testutil.Exec(t, ns, "ip", "link", "del", "two")
	gone := seen.wait(t, linktable.LinkGone, linktable.NoNSID, index)
	qt.Assert(t, qt.Equals(gone.Link.Name, "two"))
	_, isKnown := table.Link(index)
	qt.Assert(t, qt.IsFalse(isKnown))
	qt.Assert(t, qt.Equals(table.Age(index), 0))
}

// A bridge announces a port that leaves with the message of a deleted link.
func TestLeavingABridgeIsNotTheEnd(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var seen changes
	table := mustOpen(t, ns, seen.add)
	index, _ := testutil.Veth(t, ns, "port", ns, "b")
	testutil.Exec(t, ns, "ip", "link", "add", "bridge0", "type", "bridge")
	testutil.Exec(t, ns, "ip", "link", "set", "port", "master", "bridge0")
	testutil.Exec(t, ns, "ip", "link", "set", "port", "nomaster")
	testutil.Exec(t, ns, "ip", "link", "add", "last", "type", "bridge")
	seen.wait(t, linktable.LinkNew, linktable.NoNSID, testutil.Index(t, ns, "last"))

	_, isKnown := table.Link(index)
	qt.Assert(t, qt.IsTrue(isKnown))
	qt.Assert(t, qt.IsFalse(seen.has(linktable.LinkGone, linktable.NoNSID, index)))
}

// The kernel says nothing about the end that stays when it is down.
func TestPeersKnowWhereTheOtherEndMoved(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	var seen changes
	table := mustOpen(t, home, seen.add)
	testutil.Exec(t, home, "ip", "link", "add", "host", "type", "veth", "peer", "name", "inner")
	host, inner := testutil.Index(t, home, "host"), testutil.Index(t, home, "inner")
	testutil.Exec(t, home, "ip", "link", "set", "inner", "netns", testutil.Path(container))

	moved := seen.wait(t, linktable.LinkMoved, linktable.NoNSID, inner)
	nsid := mustNSID(t, home, container)
	qt.Assert(t, qt.Equals(moved.MovedTo, nsid))
	qt.Assert(t, qt.Equals(moved.NewIndex, testutil.Index(t, container, "inner")))
	seen.wait(t, linktable.LinkNew, nsid, moved.NewIndex)
	peers := table.Peers(nsid)
	qt.Assert(t, qt.HasLen(peers, 1))
	qt.Assert(t, qt.Equals(peers[0].Index, host))
	qt.Assert(t, qt.Equals(peers[0].PeerIndex, moved.NewIndex))
	qt.Assert(t, qt.HasLen(table.Peers(linktable.NoNSID), 0))
}

func TestPeersFollowAnEndThatMovesOn(t *testing.T) {
	t.Parallel()
	home, first, second := testutil.Netns(t), testutil.Netns(t), testutil.Netns(t)
	var seen changes
	table := mustOpen(t, home, seen.add)
	// Down: the kernel would announce the end that stays when it loses its carrier.
	testutil.Exec(t, home, "ip", "link", "add", "host", "type", "veth",
		"peer", "name", "inner", "netns", testutil.Path(first))
	host, inner := testutil.Index(t, home, "host"), testutil.Index(t, first, "inner")
	from := mustNSID(t, home, first)
	testutil.Eventually(t, waitTime, func() bool { return len(table.Peers(from)) == 1 },
		"the peer is found in the first namespace")
	testutil.Exec(t, first, "ip", "link", "set", "inner", "netns", testutil.Path(second))

	seen.wait(t, linktable.LinkMoved, from, inner)
	testutil.Eventually(t, waitTime, func() bool {
		to := mustNSID(t, home, second)
		peers := table.Peers(to)
		return to != linktable.NoNSID && len(peers) == 1 && peers[0].Index == host
	}, "the peer is found in the second namespace")
	qt.Assert(t, qt.HasLen(table.Peers(from), 0))
}

func TestTableSeesInsideNamespacesWithAnID(t *testing.T) {
	t.Parallel()
	home, container := testutil.Netns(t), testutil.Netns(t)
	var seen changes
	mustOpen(t, home, seen.add)
	testutil.Veth(t, home, "host", container, "eth0")
	nsid := mustNSID(t, home, container)
	testutil.Exec(t, container, "ip", "link", "add", "later", "type", "bridge")
	index := testutil.Index(t, container, "later")
	seen.wait(t, linktable.LinkNew, nsid, index)
	testutil.Exec(t, container, "ip", "link", "del", "later")
	seen.wait(t, linktable.LinkGone, nsid, index)
}

// A namespace with an id in itself gets that id on its own messages.
func TestOwnLinksWithAnOwnID(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var seen changes
	mustOpen(t, ns, seen.add)
	testutil.AssignNSID(t, ns, ns, 9)
	qt.Assert(t, qt.Equals(mustNSID(t, ns, ns), 9))
	testutil.Exec(t, ns, "ip", "link", "add", "one", "type", "bridge")
	seen.wait(t, linktable.LinkNew, linktable.NoNSID, testutil.Index(t, ns, "one"))
}

// Ids are given again at once: nothing of the first holder may be left.
func TestRecycledNSIDHasNoOldPeers(t *testing.T) {
	t.Parallel()
	home := testutil.Netns(t)
	var seen changes
	table := mustOpen(t, home, seen.add)
	ids := make(map[int]int)
	for i := range 5 {
		container, err := netns.New()
		qt.Assert(t, qt.IsNil(err))
		host, _ := testutil.Veth(t, home, "host"+strconv.Itoa(i), container, "eth0")
		nsid := mustNSID(t, home, container)
		ids[nsid]++
		testutil.Eventually(t, waitTime, func() bool {
			peers := table.Peers(nsid)
			return len(peers) == 1 && peers[0].Index == host
		}, "only the new peer is there")
		qt.Assert(t, qt.IsNil(container.Close()))
		seen.wait(t, linktable.LinkGone, linktable.NoNSID, host)
		qt.Assert(t, qt.HasLen(table.Peers(nsid), 0))
	}
	t.Logf("ids used: %v", ids)
}

func TestTableKeepsUpWithManyLinks(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var seen changes
	table := mustOpen(t, ns, seen.add)
	addVeths(t, ns, 100)
	testutil.Eventually(t, waitTime, func() bool {
		return reflect.DeepEqual(table.Links(), mustDump(t, ns))
	}, "200 links are known with their peers")
}

func TestTableCloseMayBeCalledTwice(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	table, err := linktable.Open(ns, func(linktable.Change) {})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(table.Close()))
	qt.Assert(t, qt.IsNil(table.Close()))
}

func mustOpen(tb testing.TB, ns *netns.NS, onChange func(linktable.Change)) *linktable.Table {
	tb.Helper()
	table, err := linktable.Open(ns, onChange)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(table.Close())) })
	return table
}

// changes keeps what a table tells.
type changes struct {
	mu   sync.Mutex
	list []linktable.Change
}

func (c *changes) add(change linktable.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, change)
}

func (c *changes) all() []linktable.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]linktable.Change(nil), c.list...)
}

func (c *changes) find(kind linktable.ChangeKind, nsid, index int) (linktable.Change, bool) {
	for _, change := range c.all() {
		if change.Kind == kind && change.NSID == nsid && change.Link.Index == index {
			return change, true
		}
	}
	return linktable.Change{}, false
}

func (c *changes) has(kind linktable.ChangeKind, nsid, index int) bool {
	_, isThere := c.find(kind, nsid, index)
	return isThere
}

func (c *changes) wait(tb testing.TB, kind linktable.ChangeKind, nsid, index int) linktable.Change {
	tb.Helper()
	testutil.Eventually(tb, waitTime, func() bool { return c.has(kind, nsid, index) },
		"link "+strconv.Itoa(index)+" of "+strconv.Itoa(nsid)+" is "+kind.String())
	change, _ := c.find(kind, nsid, index)
	return change
}
