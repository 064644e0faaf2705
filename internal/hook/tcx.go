// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// loopback is the interface index of the loopback link in every namespace.
const loopback = 1

// tcx attaches through BPF links.
type tcx struct{ ns *netns.NS }

// probeTCX asks for the programs of a link that always exists: kernels without
// TCX do not know the attach type.
func probeTCX(ns *netns.NS) error {
	return visit(ns, func() error {
		_, err := link.QueryPrograms(link.QueryOptions{Target: loopback, Attach: ebpf.AttachTCXIngress})
		if errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("tcx requires at least Linux 6.6: %w", ErrNotSupported)
		}
		return err
	})
}

func (p Point) tcxType() ebpf.AttachType {
	if p == Egress {
		return ebpf.AttachTCXEgress
	}
	return ebpf.AttachTCXIngress
}

// attach makes all links on one thread inside the namespace: the kernel looks
// the interface index up in the namespace of the caller.
func (t *tcx) attach(ctx context.Context, reqs []Request) ([]*Hook, []error) {
	hooks, errs := make([]*Hook, len(reqs)), make([]error, len(reqs))
	ids := make(programIDs)
	err := visit(t.ns, func() error {
		for i, req := range reqs {
			if errs[i] = ctx.Err(); errs[i] == nil {
				hooks[i], errs[i] = attachTCX(req, ids)
			}
		}
		return nil
	})
	if err != nil { // the namespace could not be entered
		for i := range errs {
			errs[i] = err
		}
	}
	return hooks, errs
}

func attachTCX(req Request, ids programIDs) (*Hook, error) {
	id, err := ids.of(req.Program)
	if err != nil {
		return nil, err
	}
	l, err := link.AttachTCX(link.TCXOptions{
		Interface: req.Index,
		Program:   req.Program,
		Attach:    req.Point.tcxType(),
		Anchor:    req.Order.anchor(),
	})
	if errors.Is(err, unix.ENOENT) && req.Order.relative() {
		return nil, fmt.Errorf("program %d is not there: %w", req.Order.Program, ErrOrder)
	}
	if err != nil {
		return nil, err
	}
	return &Hook{index: req.Index, point: req.Point, program: id, link: l}, nil
}

// detach does not need the namespace. Detaching comes before closing since
// somebody else may hold the link, too; for a link whose interface vanished
// the kernel does nothing and reports success.
func (*tcx) detach(hooks []*Hook) []error {
	errs := make([]error, len(hooks))
	for i, h := range hooks {
		if err := h.link.Detach(); err != nil {
			errs[i] = err
			continue
		}
		errs[i] = h.link.Close()
	}
	return errs
}

// gone asks for the links' interface indexes, which are 0 once they are severed.
func (*tcx) gone(hooks []*Hook) []bool {
	gone := make([]bool, len(hooks))
	for i, h := range hooks {
		if info, err := h.link.Info(); err == nil {
			extra := info.TCX()
			gone[i] = extra != nil && extra.Ifindex == 0
		}
	}
	return gone
}

func (o Order) relative() bool { return o.Position == Before || o.Position == After }

func (o Order) anchor() link.Anchor { //nolint:ireturn // what the library takes
	switch o.Position {
	case Last:
		return link.Tail()
	case Before:
		return link.BeforeProgramByID(o.Program)
	case After:
		return link.AfterProgramByID(o.Program)
	case First:
	}
	return link.Head()
}
