// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"errors"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// genmsgBytes is the size of struct rtgenmsg with its padding.
const genmsgBytes = 4

// AssignNSID gives the namespace of an id in the namespace in.
func AssignNSID(tb testing.TB, in, of *netns.NS, id int32) {
	tb.Helper()
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.NETNSA_FD, uint32(of.Fd()))
	attrs.Int32(unix.NETNSA_NSID, id)
	data, err := attrs.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: in.Fd()})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_NEWNSID, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(make([]byte, genmsgBytes), data...),
	})
	if err := errors.Join(err, conn.Close()); err != nil {
		tb.Fatalf("assign id %d to %s in %s: %v", id, of, in, err)
	}
}
