// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// vethInfoPeer is VETH_INFO_PEER (linux/veth.h).
	vethInfoPeer = 1
	// firstIndex is the interface index of the first link that is made in a
	// network namespace, behind its loopback link.
	firstIndex = 2
)

// addVeth makes a veth pair with one end in each of two network namespaces that
// have no links yet. Both ends are called linkName and still down: an end cannot
// be set up before it has a peer.
func addVeth(a, b *netns.NS) error {
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, linkName)
	attrs.Nested(unix.IFLA_LINKINFO, func(info *netlink.AttributeEncoder) error {
		info.String(unix.IFLA_INFO_KIND, "veth")
		info.Nested(unix.IFLA_INFO_DATA, func(data *netlink.AttributeEncoder) error {
			data.Do(vethInfoPeer, func() ([]byte, error) { return peer(b) })
			return nil
		})
		return nil
	})
	data, err := attrs.Encode()
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return change(a, unix.RTM_NEWLINK, netlink.Create|netlink.Excl, append(link(), data...))
}

// peer describes the other end of a veth pair, as the first end is described.
func peer(ns *netns.NS) ([]byte, error) {
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, linkName)
	attrs.Uint32(unix.IFLA_NET_NS_FD, uint32(ns.Fd()))
	data, err := attrs.Encode()
	return append(link(), data...), err
}

// setUp sets the only link in ns up.
func setUp(ns *netns.NS) error {
	head := link()
	binary.NativeEndian.PutUint32(head[4:8], firstIndex)
	binary.NativeEndian.PutUint32(head[8:12], unix.IFF_UP)  // ifi_flags
	binary.NativeEndian.PutUint32(head[12:16], unix.IFF_UP) // ifi_change
	return change(ns, unix.RTM_NEWLINK, 0, head)
}

// link is a struct ifinfomsg that says nothing.
func link() []byte { return make([]byte, unix.SizeofIfInfomsg) }

// addAddress gives the only link in ns an IPv4 address.
func addAddress(ns *netns.NS, addr string) error {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return err
	}
	attrs := netlink.NewAttributeEncoder()
	attrs.Bytes(unix.IFA_LOCAL, ip.AsSlice())
	attrs.Bytes(unix.IFA_ADDRESS, ip.AsSlice())
	data, err := attrs.Encode()
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	head := []byte{unix.AF_INET, prefixBits, 0, unix.RT_SCOPE_UNIVERSE}
	head = binary.NativeEndian.AppendUint32(head, firstIndex)
	return change(ns, unix.RTM_NEWADDR, netlink.Create|netlink.Excl, append(head, data...))
}

func change(ns *netns.NS, message netlink.HeaderType, flags netlink.HeaderFlags, data []byte) error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: ns.Fd()})
	if err != nil {
		return fmt.Errorf("open rtnetlink in %s: %w", ns, err)
	}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: message, Flags: netlink.Request | netlink.Acknowledge | flags},
		Data:   data,
	})
	return errors.Join(err, conn.Close())
}
