// SPDX-License-Identifier: Apache-2.0

// Package linktable knows the links of a network namespace: it lists them once
// and then follows the kernel's messages, and it finds out where the packets
// of a container can be seen.
//
// Links are told apart by the namespace and the interface index. Names are for
// people only: they change, and are used again at once.
package linktable

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// NoNSID stands for "no id": a namespace can have an id in another one, by
// which that one's messages name it, but need not.
const NoNSID = -1

// errShort is returned for a message that ends before its fixed part does.
var errShort = errors.New("message too short")

// Link is what the kernel last said about a network interface.
type Link struct {
	// Index is the interface index, unique within a namespace and above 0.
	Index int
	// Name is the interface name.
	Name string
	// Kind is the type of a virtual link as in ip-link(8), for example veth or
	// macvlan. It is empty for others.
	Kind string
	// Up tells that the link is set up.
	Up bool
	// Running tells that the link can carry packets.
	Running bool
	// Loopback tells that the link is the namespace's loopback link.
	Loopback bool
	// PeerIndex is the interface index of the other end of a pair, or of the
	// link that this one is stacked on. 0 if there is none.
	PeerIndex int
	// PeerNSID is the id of the namespace that PeerIndex belongs to, given in
	// the link's own namespace. NoNSID if that is the link's own.
	PeerNSID int
}

// isPair tells kinds of links that come in two: what goes in at one end comes
// out at the other.
func (l Link) isPair() bool { return l.Kind == "veth" || l.Kind == "netkit" }

// lacksPeer tells an end of a pair that was announced before it had a peer.
func (l Link) lacksPeer() bool { return l.isPair() && l.PeerIndex == 0 }

// message is an RTM_NEWLINK or RTM_DELLINK.
type message struct {
	link Link
	// fresh tells that the link has just come to be in its namespace.
	fresh bool
	// movedTo and newIndex say where a link that leaves its namespace goes.
	// NoNSID and 0 if it goes nowhere.
	movedTo, newIndex int
}

// freshChange is ifi_change of the message that announces a link (net/core/dev.c,
// register_netdevice and dev_change_net_namespace).
const freshChange = 0xffffffff

// parse reads what follows the netlink header. It reports false for a message
// about something else than a link: a bridge sends the same message types when
// it gains or loses a port.
func parse(data []byte) (message, bool, error) {
	if len(data) < unix.SizeofIfInfomsg {
		return message{}, false, fmt.Errorf("parse link: %w", errShort)
	}
	index := int(int32(binary.NativeEndian.Uint32(data[4:8])))
	if data[0] != unix.AF_UNSPEC || index <= 0 {
		return message{}, false, nil
	}
	flags := binary.NativeEndian.Uint32(data[8:12])
	m := message{
		link: Link{
			Index:    index,
			Up:       flags&unix.IFF_UP != 0,
			Running:  flags&unix.IFF_RUNNING != 0,
			Loopback: flags&unix.IFF_LOOPBACK != 0,
			PeerNSID: NoNSID,
		},
		fresh:   binary.NativeEndian.Uint32(data[12:16]) == freshChange,
		movedTo: NoNSID,
	}
	if err := m.parseAttributes(data[unix.SizeofIfInfomsg:]); err != nil {
		return message{}, false, fmt.Errorf("parse link %d: %w", index, err)
	}
	return m, true, nil
}

func (m *message) parseAttributes(data []byte) error {
	attrs, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return err
	}
	for attrs.Next() {
		switch attrs.Type() {
		case unix.IFLA_IFNAME:
			m.link.Name = attrs.String()
		case unix.IFLA_LINK:
			m.link.PeerIndex = int(attrs.Int32())
		case unix.IFLA_LINK_NETNSID:
			m.link.PeerNSID = int(attrs.Int32())
		case unix.IFLA_LINKINFO:
			attrs.Nested(m.parseInfo)
		case unix.IFLA_NEW_NETNSID:
			m.movedTo = int(attrs.Int32())
		case unix.IFLA_NEW_IFINDEX:
			m.newIndex = int(attrs.Int32())
		}
	}
	return attrs.Err()
}

func (m *message) parseInfo(attrs *netlink.AttributeDecoder) error {
	for attrs.Next() {
		if attrs.Type() == unix.IFLA_INFO_KIND {
			m.link.Kind = attrs.String()
		}
	}
	return nil // the outer decoder reports the error of the inner one
}
