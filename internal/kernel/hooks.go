// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// loopbackIndex is the interface index of lo in every network namespace
// (LOOPBACK_IFINDEX, include/net/flow.h).
const loopbackIndex = 1

func tryTCX(s *site) error {
	if s.progErr != nil {
		return s.progErr
	}
	return s.inside(func() error {
		attached, err := link.AttachTCX(link.TCXOptions{
			Interface: loopbackIndex, Program: s.prog, Attach: ebpf.AttachTCXIngress,
		})
		if err != nil {
			return fmt.Errorf("attach through tcx: %w", err)
		}
		return attached.Close()
	})
}

// tryClsact puts the qdisc and a filter on lo; both go with the namespace.
func tryClsact(s *site) error {
	if s.progErr != nil {
		return s.progErr
	}
	return s.inside(func() error {
		if err := rtnetlink(clsactQdisc()); err != nil {
			return fmt.Errorf("add clsact qdisc: %w", err)
		}
		if err := rtnetlink(bpfFilter(s.prog.FD())); err != nil {
			return fmt.Errorf("add bpf filter: %w", err)
		}
		return nil
	})
}

// tryNetkit makes a netkit pair, which goes with the namespace.
func tryNetkit(s *site) error {
	return s.inside(func() error {
		if err := rtnetlink(netkitPair()); err != nil {
			return fmt.Errorf("add netkit link: %w", err)
		}
		return nil
	})
}

// rtnetlink sends a message in the calling thread's namespace and waits for
// its acknowledgement. It takes the results of the function that encoded it.
func rtnetlink(msg netlink.Message, encodeErr error) (err error) {
	if encodeErr != nil {
		return encodeErr
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	_, err = conn.Execute(msg)
	// What the kernel says of a kind of link, qdisc or filter that it does
	// not know (net/core/rtnetlink.c, net/sched/sch_api.c, cls_api.c).
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	return err
}
