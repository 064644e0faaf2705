// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestDumpIsTriedAgainWhenInterrupted(t *testing.T) {
	t.Parallel()
	lists := 0
	c := fakeClient(t, testutil.Netns(t), func(netlink.Message) ([]netlink.Message, error) {
		lists++
		flags := netlink.Multi
		if lists == 1 {
			flags |= netlink.DumpInterrupted
		}
		return multipart(linkMessage(t, unix.AF_UNSPEC, int32(lists)), flags), nil
	})
	links, err := c.dump()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(links, 1))
	qt.Assert(t, qt.Equals(links[0].Index, 2))
	qt.Assert(t, qt.Equals(c.dumps.Load(), 2))
}

func TestDumpEndsWhenInterruptedForEver(t *testing.T) {
	t.Parallel()
	c := fakeClient(t, testutil.Netns(t), func(netlink.Message) ([]netlink.Message, error) {
		return multipart(linkMessage(t, unix.AF_UNSPEC, 1), netlink.Multi|netlink.DumpInterrupted), nil
	})
	_, err := c.dump()
	qt.Assert(t, qt.ErrorIs(err, errInterrupted))
}

func TestStaleIsToldOnceUntilTheListWorks(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	lists := 0
	var told []Change
	table := &Table{
		ns: ns, index: newIndex(nil, time.Now()), done: make(chan struct{}),
		onChange: func(c Change) { told = append(told, c) },
	}
	table.client = fakeClient(t, ns, func(req netlink.Message) ([]netlink.Message, error) {
		if req.Header.Type == unix.RTM_GETNSID {
			return []netlink.Message{{Header: netlink.Header{Type: unix.RTM_NEWNSID}, Data: make([]byte, 4)}}, nil
		}
		if lists++; lists < 3 {
			return nltest.Error(int(unix.ENOMEM), []netlink.Message{req})
		}
		return multipart(linkMessage(t, unix.AF_UNSPEC, 3), netlink.Multi), nil
	})
	qt.Assert(t, qt.IsTrue(table.resync()))
	qt.Assert(t, qt.HasLen(told, 3))
	qt.Assert(t, qt.Equals(told[0].Kind, Stale))
	qt.Assert(t, qt.ErrorIs(told[0].Err, unix.ENOMEM))
	qt.Assert(t, qt.Equals(told[1].Kind, LinkNew))
	qt.Assert(t, qt.Equals(told[2].Kind, Resync))
}

func TestCloseEndsAResyncThatDoesNotWork(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	table := &Table{ns: ns, done: make(chan struct{}), onChange: func(Change) {}}
	table.client = fakeClient(t, ns, func(req netlink.Message) ([]netlink.Message, error) {
		return nltest.Error(int(unix.ENOMEM), []netlink.Message{req})
	})
	close(table.done)
	qt.Assert(t, qt.IsFalse(table.resync()))
}

func TestOwnIDIsLearned(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	c, err := dial(ns)
	qt.Assert(t, qt.IsNil(err))
	defer c.close()
	table := &Table{ns: ns, client: c, ownNSID: NoNSID, index: newIndex(nil, time.Now())}
	link := noticeOf(unix.RTM_NEWLINK, linkMessage(t, unix.AF_UNSPEC, 3), 9)

	qt.Assert(t, qt.Equals(table.apply(link)[0].NSID, 9))
	testutil.AssignNSID(t, ns, ns, 9)
	table.apply(noticeOf(unix.RTM_NEWNSID, nsidData(t, 9), 9))
	qt.Assert(t, qt.Equals(table.apply(link)[0].NSID, NoNSID))
}

// An id of another namespace, which a thousand new ones get, says nothing of our own.
func TestIDsOfOthersAreNotAskedFor(t *testing.T) {
	t.Parallel()
	table := &Table{ownNSID: NoNSID, index: newIndex(nil, time.Now())}
	// Without a client a question would end the test.
	qt.Assert(t, qt.HasLen(table.apply(noticeOf(unix.RTM_NEWNSID, nsidData(t, 9), NoNSID)), 0))
	qt.Assert(t, qt.HasLen(table.apply(noticeOf(unix.RTM_NEWNSID, nsidData(t, 0), 9)), 0))
}

// The subscription comes before the list, so it tells of links that the list
// never had.
func TestEndOfAnUnknownLinkIsNotTold(t *testing.T) {
	t.Parallel()
	table := &Table{ownNSID: NoNSID, index: newIndex(nil, time.Now())}
	gone := noticeOf(unix.RTM_DELLINK, linkMessage(t, unix.AF_UNSPEC, 3), NoNSID)
	qt.Assert(t, qt.HasLen(table.apply(gone), 0))
	table.apply(noticeOf(unix.RTM_NEWLINK, linkMessage(t, unix.AF_UNSPEC, 3), NoNSID))
	qt.Assert(t, qt.HasLen(table.apply(gone), 1))
	qt.Assert(t, qt.HasLen(table.Links(), 0))
	qt.Assert(t, qt.HasLen(table.Peers(0), 0))
}

func TestOtherEndMustReferBack(t *testing.T) {
	t.Parallel()
	inner := Link{Index: 2, Kind: "veth", PeerIndex: 12, PeerNSID: 0}
	host := Link{Index: 12, Kind: "veth", PeerIndex: 2, PeerNSID: 5}
	qt.Assert(t, qt.IsTrue(isOtherEnd(host, inner, 5)))
	qt.Assert(t, qt.IsFalse(isOtherEnd(host, inner, 6)))
	qt.Assert(t, qt.IsFalse(isOtherEnd(host, inner, NoNSID)))
	host.PeerIndex = 3
	qt.Assert(t, qt.IsFalse(isOtherEnd(host, inner, 5)))
	host = Link{Index: 12, Kind: "macvlan", PeerIndex: 2, PeerNSID: 5}
	qt.Assert(t, qt.IsFalse(isOtherEnd(host, inner, 5)))
	host = Link{Index: 12, Kind: "veth", PeerIndex: 2, PeerNSID: NoNSID}
	qt.Assert(t, qt.IsFalse(isOtherEnd(host, inner, NoNSID)))
}

// fakeClient answers each request with what answer returns.
func fakeClient(tb testing.TB, ns *netns.NS, answer func(netlink.Message) ([]netlink.Message, error)) *client {
	tb.Helper()
	conn := nltest.Dial(func(requests []netlink.Message) ([]netlink.Message, error) {
		if len(requests) == 0 {
			return nil, nil // the connection reads to the end
		}
		replies, err := answer(requests[0])
		for i := range replies {
			replies[i].Header.Sequence = requests[0].Header.Sequence
			replies[i].Header.PID = requests[0].Header.PID
		}
		return replies, err
	})
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(conn.Close())) })
	return &client{conn: conn, ns: ns}
}

func multipart(data []byte, flags netlink.HeaderFlags) []netlink.Message {
	return []netlink.Message{
		{Header: netlink.Header{Type: unix.RTM_NEWLINK, Flags: flags}, Data: data},
		{Header: netlink.Header{Type: netlink.Done, Flags: flags}, Data: make([]byte, 4)},
	}
}

// nsidData is the payload of RTM_NEWNSID.
func nsidData(tb testing.TB, id int32) []byte {
	tb.Helper()
	attrs := netlink.NewAttributeEncoder()
	attrs.Int32(unix.NETNSA_NSID, id)
	data, err := attrs.Encode()
	qt.Assert(tb, qt.IsNil(err))
	return append(make([]byte, genmsgBytes), data...)
}

func noticeOf(kind uint16, data []byte, nsid int) notice {
	return notice{
		messages: []syscall.NetlinkMessage{{Header: syscall.NlMsghdr{Type: kind}, Data: data}},
		nsid:     nsid,
	}
}
