// SPDX-License-Identifier: Apache-2.0

// Package hook puts tc programs on the ingress and egress points of links and
// takes them off again, through TCX or, on older kernels, through filters of
// the clsact qdisc. It also says what else is on a point, whoever owns it.
//
// What another program put on a point is never changed or removed.
package hook

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// ErrNotSupported tells that the kernel lacks a backend. The error that wraps
// it says which version brought it.
var ErrNotSupported = ebpf.ErrNotSupported

// ErrIngressQdisc tells that an `ingress` qdisc occupies the place of the
// clsact qdisc. It has no egress point and belongs to somebody else.
var ErrIngressQdisc = errors.New("an ingress qdisc is in the way")

// ErrOrder tells that a backend cannot give the order that was asked for.
var ErrOrder = errors.New("order not possible")

// Point is one of the two tc points of a link, seen from the link itself:
// Ingress runs for packets that the link receives. On the host end of a veth
// that is the opposite of the container's view.
type Point uint8

// The points of a link.
const (
	Ingress Point = iota
	Egress
)

// String returns "ingress" or "egress".
func (p Point) String() string {
	switch p {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	}
	return fmt.Sprintf("point %d", uint8(p))
}

// Backend is a way to put a program on a point.
type Backend uint8

const (
	// TCX uses BPF links: ordered, gone with the process that made them,
	// run before any filter. Requires at least Linux 6.6.
	TCX Backend = iota
	// Clsact uses direct-action filters of the clsact qdisc. They stay when
	// the process dies.
	Clsact
)

// String returns "tcx" or "clsact".
func (b Backend) String() string {
	switch b {
	case TCX:
		return "tcx"
	case Clsact:
		return "clsact"
	}
	return fmt.Sprintf("backend %d", uint8(b))
}

// Position says where among the programs of a point a program goes.
type Position uint8

const (
	// First is ahead of everything that is there. A clsact filter cannot get
	// ahead of one with priority 1 and then takes the lowest unused priority;
	// [List] shows who runs before.
	First Position = iota
	// Last is behind everything that is there.
	Last
	// Before is ahead of Order.Program: immediately on TCX, with the nearest
	// unused priority on clsact.
	Before
	// After is behind Order.Program, with the same precision as Before.
	After
)

// Order is a place among the programs of a point. The zero value is First.
type Order struct {
	Position Position
	// Program is what Before and After refer to; the others ignore it.
	Program ebpf.ProgramID
}

// Request asks for one program on one point.
type Request struct {
	// Index is the link's interface index in the namespace of the [Set].
	Index int
	Point Point
	// Program is a SchedCLS program. It may be closed once it is attached.
	Program *ebpf.Program
	Order   Order
}

// Options configures a [Set].
type Options struct {
	// Owner marks what is made. The TCX backend, whose links die with the
	// process, does not need it.
	Owner Owner
	// Expedite is used around every change of TCX, be it of one hook. Nil means
	// that each hook takes as long as a grace period of the kernel does, and
	// keeps all others from changing links meanwhile. Filters wait for none:
	// 160 took the same 15 ms with and without.
	Expedite *Window
	// LinkAge says for how long a link is known. A clsact qdisc is removed
	// only from links that are 10 s old, since whoever makes a link may be
	// about to use the qdisc. Nil means that qdiscs stay.
	LinkAge func(index int) time.Duration
}

// Open prepares for attaching in ns through one backend. ns must stay open for
// as long as the set is in use, and stays the caller's.
//
// Returns an error that wraps [ErrNotSupported] if backend is TCX and the
// kernel is older than Linux 6.6.
func Open(ns *netns.NS, backend Backend, opts Options) (*Set, error) {
	s := &Set{opts: opts, hooks: make(map[*Hook]struct{})}
	switch backend {
	case TCX:
		if err := probeTCX(ns); err != nil {
			return nil, fmt.Errorf("open tcx in %s: %w", ns, err)
		}
		s.via = &tcx{ns: ns}
	case Clsact:
		if err := opts.Owner.check(); err != nil {
			return nil, fmt.Errorf("open clsact in %s: %w", ns, err)
		}
		s.opts.Expedite = nil
		s.via = &clsact{ns: ns, owner: opts.Owner, age: opts.LinkAge}
	default:
		return nil, fmt.Errorf("open %s in %s: %w", backend, ns, unix.EINVAL)
	}
	return s, nil
}
