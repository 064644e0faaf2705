// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/florianl/go-tc"
	"github.com/florianl/go-tc/core"
	"golang.org/x/sys/unix"
)

const (
	// priority is that of every filter (line 179).
	priority = 1
	// handles are tried from 1 to this one.
	handles = 127
)

// hooks puts filters on links, for one direction, through one socket.
type hooks struct {
	conn      *tc.Tc
	direction Direction
}

// addQdisc adds a clsact qdisc unless there is one.
func (h hooks) addQdisc(index int) error {
	err := h.conn.Qdisc().Add(&tc.Object{
		Msg: tc.Msg{
			Family: unix.AF_UNSPEC, Ifindex: uint32(index),
			Handle: core.BuildHandle(tc.HandleRoot, 0), Parent: tc.HandleIngress,
		},
		Attribute: tc.Attribute{Kind: "clsact"},
	})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add qdisc: %w", err)
	}
	return nil
}

// addFilter adds a filter under the first handle that is free.
func (h hooks) addFilter(index int, prog *ebpf.Program) (tc.Object, error) {
	// What enters the container leaves the host's end.
	parent := tc.HandleMinEgress
	if h.direction == Egress {
		parent = tc.HandleMinIngress
	}
	fd, flags, name := uint32(prog.FD()), uint32(tc.BpfActDirect), "baseline"
	filter := tc.Object{
		Msg: tc.Msg{
			Family: unix.AF_UNSPEC, Ifindex: uint32(index),
			Parent: core.BuildHandle(tc.HandleRoot, parent),
			Info:   core.FilterInfo(priority, unix.ETH_P_ALL),
		},
		Attribute: tc.Attribute{Kind: "bpf", BPF: &tc.Bpf{FD: &fd, Flags: &flags, Name: &name}},
	}
	for handle := uint32(1); handle <= handles; handle++ {
		filter.Handle = handle
		err := h.conn.Filter().Add(&filter)
		if err == nil {
			return filter, nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return tc.Object{}, fmt.Errorf("add filter: %w", err)
		}
	}
	return tc.Object{}, errors.New("add filter: all handles are taken")
}
