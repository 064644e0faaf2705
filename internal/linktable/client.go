// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// maxMessageBytes is more than the kernel puts into one dump message
	// (32 KiB, net/netlink/af_netlink.c) and than a link with many virtual
	// functions needs.
	maxMessageBytes = 64 << 10
	// maxDumps bounds how often a dump is tried again because links changed
	// meanwhile.
	maxDumps = 32
	// skipStats is RTEXT_FILTER_SKIP_STATS (linux/rtnetlink.h).
	skipStats = 1 << 3
	// genmsgBytes is the size of struct rtgenmsg with its padding.
	genmsgBytes = 4
)

// errInterrupted is returned for a list that kept changing while it was read.
var errInterrupted = errors.New("links kept changing")

// Dump lists the links of ns with a single request, tried again only if links
// changed meanwhile.
func Dump(ns *netns.NS) ([]Link, error) {
	c, err := dial(ns)
	if err != nil {
		return nil, err
	}
	links, err := c.dump()
	return links, errors.Join(err, c.close())
}

// client asks the kernel about one namespace. It is safe for concurrent use.
type client struct {
	conn *netlink.Conn
	ns   *netns.NS
	// dumps counts the lists asked for, questions those about an id.
	dumps, questions atomic.Int64
}

func dial(ns *netns.NS) (*client, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{
		NetNS:             ns.Fd(),
		MessageBufferSize: maxMessageBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink in %s: %w", ns, err)
	}
	return &client{conn: conn, ns: ns}, nil
}

// dump lists all links.
func (c *client) dump() ([]Link, error) {
	for range maxDumps {
		links, complete, err := c.dumpOnce()
		if err != nil {
			return nil, fmt.Errorf("list links of %s: %w", c.ns, err)
		}
		if complete {
			return links, nil
		}
	}
	return nil, fmt.Errorf("list links of %s: %w", c.ns, errInterrupted)
}

func (c *client) dumpOnce() (links []Link, complete bool, err error) {
	c.dumps.Add(1)
	data, err := linkRequest(0)
	if err != nil {
		return nil, false, err
	}
	replies, err := c.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request | netlink.Dump},
		Data:   data,
	})
	if err != nil {
		return nil, false, err
	}
	links = make([]Link, 0, len(replies))
	for _, reply := range replies {
		if reply.Header.Flags&netlink.DumpInterrupted != 0 {
			return nil, false, nil
		}
		if reply.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		m, isLink, err := parse(reply.Data)
		if err != nil {
			return nil, false, err
		}
		if isLink {
			links = append(links, m.link)
		}
	}
	return links, true, nil
}

// nsid returns the id of the namespace of, or NoNSID.
func (c *client) nsid(of *netns.NS) (int, error) {
	c.questions.Add(1)
	request, err := nsidRequest(of)
	if err != nil {
		return NoNSID, err
	}
	replies, err := c.conn.Execute(request)
	if err != nil {
		return NoNSID, fmt.Errorf("ask %s for the id of %s: %w", c.ns, of, err)
	}
	for _, reply := range replies {
		if reply.Header.Type == unix.RTM_NEWNSID {
			return parseNSID(reply.Data)
		}
	}
	return NoNSID, nil
}

func (c *client) close() error {
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("close rtnetlink in %s: %w", c.ns, err)
	}
	return nil
}

// linkRequest is the payload of RTM_GETLINK. Index 0 asks for all links.
func linkRequest(index int) ([]byte, error) {
	attrs := netlink.NewAttributeEncoder()
	// Counters make up most of the answer and are of no use here.
	attrs.Uint32(unix.IFLA_EXT_MASK, skipStats)
	data, err := attrs.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	head := make([]byte, unix.SizeofIfInfomsg, unix.SizeofIfInfomsg+len(data))
	binary.NativeEndian.PutUint32(head[4:8], uint32(index))
	return append(head, data...), nil
}

// nsidRequest asks for the id of the namespace of.
func nsidRequest(of *netns.NS) (netlink.Message, error) {
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.NETNSA_FD, uint32(of.Fd()))
	data, err := attrs.Encode()
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encode request: %w", err)
	}
	return netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETNSID, Flags: netlink.Request},
		Data:   append(make([]byte, genmsgBytes), data...),
	}, nil
}

// parseNSID reads RTM_NEWNSID.
func parseNSID(data []byte) (int, error) {
	if len(data) < genmsgBytes {
		return NoNSID, fmt.Errorf("parse id of netns: %w", errShort)
	}
	attrs, err := netlink.NewAttributeDecoder(data[genmsgBytes:])
	if err != nil {
		return NoNSID, fmt.Errorf("parse id of netns: %w", err)
	}
	id := NoNSID
	for attrs.Next() {
		if attrs.Type() == unix.NETNSA_NSID {
			id = int(attrs.Int32())
		}
	}
	if err := attrs.Err(); err != nil {
		return NoNSID, fmt.Errorf("parse id of netns: %w", err)
	}
	return id, nil
}
