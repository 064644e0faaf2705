// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// dumpBytes holds the largest part of a list that the kernel gives at once
// (32 KiB, netlink_dump in net/netlink/af_netlink.c).
const dumpBytes = 32 << 10

// look lists the links inside each of the namespaces with one request each,
// tried again only if links changed meanwhile.
func look(list []*netns.NS) ([][]Link, []error) {
	links := make([][]Link, len(list))
	request, err := linkRequest(0)
	if err != nil {
		return links, slices.Repeat([]error{err}, len(list))
	}
	out := appendMessage(nil, netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request | netlink.Dump},
		Data:   request,
	}, 0)
	buffers := sync.Pool{New: func() any { b := make([]byte, dumpBytes); return &b }}
	errs := netns.Visit(list, func(i int) error {
		buffer := buffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // nothing else is in it
		defer buffers.Put(buffer)
		var err error
		if links[i], err = lookAround(out, *buffer); err != nil {
			return fmt.Errorf("list links of %s: %w", list[i], err)
		}
		return nil
	})
	return links, errs
}

// lookAround lists the links of the calling thread's namespace.
func lookAround(request, buffer []byte) ([]Link, error) {
	fd, err := rtnetlink()
	if err != nil {
		return nil, err
	}
	for range maxDumps {
		list := dumping{}
		if err = list.read(fd, request, buffer); err != nil || !list.interrupted {
			return list.links, errors.Join(err, unix.Close(fd))
		}
	}
	return nil, errors.Join(errInterrupted, unix.Close(fd))
}

// dumping is one list that is being read.
type dumping struct {
	links             []Link
	done, interrupted bool
}

func (d *dumping) read(fd int, request, buffer []byte) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send to rtnetlink: %w", err)
	}
	for !d.done {
		n, err := receive(fd, buffer)
		if err == nil {
			err = eachMessage(buffer[:n], d.take)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dumping) take(m rawMessage) error {
	if m.flags&netlink.DumpInterrupted != 0 {
		d.interrupted = true
	}
	switch m.kind { //nolint:exhaustive // others say nothing of links
	case netlink.Done, netlink.Error:
		d.done = true
		return m.err
	case unix.RTM_NEWLINK:
		parsed, isLink, err := parse(m.data)
		if isLink {
			d.links = append(d.links, parsed.link)
		}
		return err
	}
	return nil
}
