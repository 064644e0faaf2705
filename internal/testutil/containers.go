// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// batch is how many containers are linked by one system call.
const batch = 64

// Containers makes n network namespaces as container runtimes do, each with its
// loopback link and a link eth0 up, whose other end is up in host as
// [HostLink] names it. Nothing in them sends packets. When the test ends their
// links go at once and the namespaces are closed; any may be closed before.
func Containers(tb testing.TB, host *netns.NS, n int) []*netns.NS {
	tb.Helper()
	made := make([]*netns.NS, n)
	// By its group number the kernel finds all links of this call at their end.
	group := max(rand.Uint32(), 1) //nolint:gosec // need not be secret
	tb.Cleanup(func() { removeContainers(tb, host, made, group) })
	workers := min(runtime.GOMAXPROCS(0), n)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { errs[w] = makeContainers(host, made[n*w/workers:n*(w+1)/workers], group) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	SkipIfNotSupported(tb, err)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// HostLink is the name of the host end of a container of [Containers].
func HostLink(container *netns.NS) string { return fmt.Sprintf("veth%d", container.Inode()) }

// makeContainers fills made.
func makeContainers(host *netns.NS, made []*netns.NS, group uint32) error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: host.Fd()})
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	for len(made) > 0 && err == nil {
		some := made[:min(batch, len(made))]
		made = made[len(some):]
		err = makeBatch(conn, host, some, group)
	}
	return errors.Join(err, conn.Close())
}

// makeBatch fills made.
func makeBatch(conn *netlink.Conn, host *netns.NS, made []*netns.NS, group uint32) error {
	// A socket works for its own namespace wherever the thread is that uses it.
	conns := make([]*netlink.Conn, 0, len(made))
	// The thread ends in the last one. It is never the main thread, whose network
	// namespace is that of the process.
	err := host.Do(func() error {
		for i := range made {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("make netns: %w", err)
			}
			var err error
			if made[i], err = netns.OpenPath("/proc/thread-self/ns/net"); err != nil {
				return err
			}
			inside, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
			if err != nil {
				return fmt.Errorf("open rtnetlink: %w", err)
			}
			conns = append(conns, inside)
		}
		return nil
	})
	if err == nil {
		err = linkContainers(conn, made, group)
	}
	for _, inside := range conns {
		if err == nil {
			err = setUpInside(inside)
		}
		err = errors.Join(err, inside.Close())
	}
	return err
}

// setUpInside sets a container's two links up. A write to its sysctl for quiet links
// would turn round and round while somebody else makes links.
func setUpInside(inside *netlink.Conn) error {
	lo, err := upMessage("lo")
	if err != nil {
		return err
	}
	quiet, err := quietMessage("eth0")
	if err != nil {
		return err
	}
	eth0, err := upMessage("eth0")
	if err != nil {
		return err
	}
	return exchange(inside, []netlink.Message{lo, quiet, eth0})
}

// linkContainers makes the links of a batch at once.
func linkContainers(conn *netlink.Conn, containers []*netns.NS, group uint32) error {
	var messages []netlink.Message
	for _, ns := range containers {
		pair, err := vethMessage(ns, group)
		if err != nil {
			return err
		}
		quiet, err := quietMessage(HostLink(ns))
		if err != nil {
			return err
		}
		up, err := upMessage(HostLink(ns))
		if err != nil {
			return err
		}
		messages = append(messages, pair, quiet, up)
	}
	return exchange(conn, messages)
}

// exchange sends messages at once and takes the answers, of which each comes by
// itself.
func exchange(conn *netlink.Conn, messages []netlink.Message) error {
	if _, err := conn.SendMessages(messages); err != nil {
		return fmt.Errorf("make links: %w", err)
	}
	var errs []error
	for range messages {
		if _, err := conn.Receive(); err != nil {
			errs = append(errs, fmt.Errorf("make links: %w", err))
		}
	}
	return errors.Join(errs...)
}

// vethMessage makes a pair. Its ends are down: the kernel makes the far one first,
// which cannot be up without the other.
func vethMessage(container *netns.NS, group uint32) (netlink.Message, error) {
	peer := netlink.NewAttributeEncoder()
	peer.String(unix.IFLA_IFNAME, "eth0")
	peer.Uint32(unix.IFLA_NET_NS_FD, uint32(container.Fd()))
	inside, err := peer.Encode()
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encode link: %w", err)
	}
	const vethInfoPeer = 1 // linux/veth.h
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, HostLink(container))
	attrs.Uint32(unix.IFLA_GROUP, group)
	attrs.Nested(unix.IFLA_LINKINFO, func(info *netlink.AttributeEncoder) error {
		info.String(unix.IFLA_INFO_KIND, "veth")
		info.Nested(unix.IFLA_INFO_DATA, func(data *netlink.AttributeEncoder) error {
			data.Bytes(vethInfoPeer, append(linkHead(0), inside...))
			return nil
		})
		return nil
	})
	return linkMessage(unix.RTM_NEWLINK, netlink.Create|netlink.Excl, linkHead(0), attrs)
}

// quietMessage keeps a link from getting an IPv6 link-local address, so that it sends
// nothing. The kernel sees to it after what else a message asks for, so it comes
// before the link is set up.
func quietMessage(name string) (netlink.Message, error) {
	const addrGenMode, none = 8, 1 // IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE (linux/if_link.h)
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, name)
	attrs.Nested(unix.IFLA_AF_SPEC, func(families *netlink.AttributeEncoder) error {
		families.Nested(unix.AF_INET6, func(inet6 *netlink.AttributeEncoder) error {
			inet6.Uint8(addrGenMode, none)
			return nil
		})
		return nil
	})
	return linkMessage(unix.RTM_NEWLINK, 0, linkHead(0), attrs)
}

func upMessage(name string) (netlink.Message, error) {
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, name)
	return linkMessage(unix.RTM_NEWLINK, 0, linkHead(unix.IFF_UP), attrs)
}

// linkHead is a struct ifinfomsg that sets flags.
func linkHead(flags uint32) []byte {
	head := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(head[8:12], flags)
	binary.NativeEndian.PutUint32(head[12:16], flags)
	return head
}

func linkMessage(kind netlink.HeaderType, flags netlink.HeaderFlags, head []byte, attrs *netlink.AttributeEncoder) (netlink.Message, error) {
	data, err := attrs.Encode()
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encode link: %w", err)
	}
	return netlink.Message{
		Header: netlink.Header{Type: kind, Flags: flags | netlink.Request | netlink.Acknowledge},
		Data:   append(head, data...),
	}, nil
}

// removeContainers removes the links at once, together with their other ends: the
// kernel removes namespaces later, and slowly.
func removeContainers(tb testing.TB, host *netns.NS, made []*netns.NS, group uint32) {
	tb.Helper()
	if err := removeGroup(host, group); err != nil {
		tb.Errorf("remove containers: %v", err)
	}
	for _, ns := range made {
		if ns == nil {
			continue
		}
		if err := ns.Close(); err != nil {
			tb.Error(err)
		}
	}
}

func removeGroup(host *netns.NS, group uint32) error {
	if host.Fd() < 0 {
		return nil // closed, and the links go with it
	}
	attrs := netlink.NewAttributeEncoder()
	attrs.Uint32(unix.IFLA_GROUP, group)
	m, err := linkMessage(unix.RTM_DELLINK, 0, linkHead(0), attrs)
	if err != nil {
		return err
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: host.Fd()})
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	_, err = conn.Execute(m)
	if errors.Is(err, unix.ENODEV) {
		err = nil // none is left
	}
	return errors.Join(err, conn.Close())
}
