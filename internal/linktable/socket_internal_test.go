// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// loopback is the interface index of that link in every namespace.
const loopback = 1

// After answers were lost, those that wait in the socket must not be taken for
// answers to what is asked next: packets would be said to be somebody else's.
func TestAnswersBelongToTheirQuestionsAfterSomeWereLost(t *testing.T) {
	t.Parallel()
	ns, other := testutil.Netns(t), testutil.Netns(t)
	testutil.Veth(t, ns, "here", other, "there")
	table, err := Open(ns, func(Change) {})
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(table.Close())) }()
	host := slices.IndexFunc(table.Links(), func(l Link) bool { return l.Name == "here" })
	qt.Assert(t, qt.Not(qt.Equals(host, -1)))
	want := table.Links()[host]

	qt.Assert(t, qt.IsNil(unix.SetsockoptInt(table.socket.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)))
	_, errs := table.ask(slices.Repeat([]int{loopback}, maxBatch))
	qt.Assert(t, qt.ErrorIs(errs[maxBatch-1], unix.ENOBUFS))

	for range 3 {
		links, errs := table.ask([]int{want.Index})
		qt.Assert(t, qt.IsNil(errs[0]))
		qt.Check(t, qt.Equals(links[0], want))
		_, errs = table.IDs([]*netns.NS{other})
		qt.Check(t, qt.IsNil(errs[0]))
	}
}

// Hosts may give new sockets little room (net.core.rmem_default).
func TestABatchOfAnswersFitsIntoTheSocket(t *testing.T) {
	t.Parallel()
	s, err := openSocket(testutil.Netns(t))
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(s.close())) }()
	room, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(room >= maxBatch*answerBytes))
}

// Waiting for it would keep everybody else from asking, too.
func TestAnAnswerThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s, err := openSocket(testutil.Netns(t))
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(s.close())) }()
	ignored := netlink.Message{} // no request, so that the kernel does not answer
	err = s.ask(1, func(int) (netlink.Message, error) { return ignored, nil }, func(int, answer) {})
	qt.Check(t, qt.ErrorIs(err, errNoAnswer))
}
