// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
)

// Direction is the way of a packet as the target sees it.
type Direction uint8

const (
	// Ingress is traffic into the container, or into the link of an interface target.
	Ingress Direction = iota + 1
	// Egress is traffic out of it.
	Egress
)

// String returns "ingress" or "egress".
func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	default:
		return fmt.Sprintf("direction(%d)", uint8(d))
	}
}

// Verdict says which of a program's verdicts count.
type Verdict uint8

const (
	// Observe lets every packet go on, whatever the program returns.
	Observe Verdict = iota
	// Drop honours TC_ACT_SHOT. Everything else goes on to what comes next on the hook.
	Drop
	// Enforce does what the program returns: TC_ACT_OK keeps what comes next from running.
	Enforce
)

// String returns "observe", "drop" or "enforce".
func (v Verdict) String() string { return v.mode().String() }

func (v Verdict) mode() dispatch.Mode {
	switch v {
	case Drop:
		return dispatch.Drop
	case Enforce:
		return dispatch.Enforce
	default:
		return dispatch.Observe
	}
}

// Backend is the way onto a hook.
type Backend uint8

const (
	// Auto is TCX where the kernel has it, else Clsact.
	Auto Backend = iota
	// TCX is bpf links, gone with the process. Requires at least Linux 6.6.
	TCX
	// Clsact is cls_bpf filters on a clsact qdisc. A filter that outlives a killed
	// process lets every packet pass.
	Clsact
)

// String returns "auto", "tcx" or "clsact".
func (b Backend) String() string {
	switch b {
	case TCX:
		return hook.TCX.String()
	case Clsact:
		return hook.Clsact.String()
	default:
		return "auto"
	}
}

// Position is a place among the programs of a hook.
type Position uint8

const (
	// DefaultPosition is First under Observe, so that everything is seen, and Last otherwise.
	DefaultPosition Position = iota
	// First is before all others.
	First
	// Last is behind all others.
	Last
	// Before is before the program Order.Program.
	Before
	// After is behind the program Order.Program.
	After
)

// Order is where on a hook the program goes. The zero value is DefaultPosition.
type Order struct {
	Position Position
	// Program is the id of the program that Before and After refer to.
	Program ebpf.ProgramID
}

func (o Order) on(v Verdict) hook.Order {
	switch o.Position {
	case Before:
		return hook.Order{Position: hook.Before, Program: o.Program}
	case After:
		return hook.Order{Position: hook.After, Program: o.Program}
	case Last:
		return hook.Order{Position: hook.Last}
	case DefaultPosition:
		if v != Observe {
			return hook.Order{Position: hook.Last}
		}
	case First:
	}
	return hook.Order{Position: hook.First}
}

// Program is what a [Runtime] runs: programs of an object, or programs that the
// caller has loaded.
type Program struct {
	// Spec is the object. It is copied; set its variables before.
	Spec *ebpf.CollectionSpec
	// Loaded are programs, by the names used below, in place of Spec. They stay the
	// caller's, who may close them. They must be of type SchedCLS and attach type none.
	Loaded map[string]*ebpf.Program
	// Ingress and Egress name the programs for the two directions, as the target
	// sees them. An empty name leaves its direction alone; both may be the same.
	Ingress, Egress string
}

// Event is what a program sent to user space.
type Event struct {
	// Direction is that of the packet, whatever the program wrote.
	Direction Direction
	// Netns is the nsfs inode of the target's network namespace and Hook the ifindex
	// of the link with the hook, if the copy of the program that sent the event
	// serves this link alone; else 0. See Options.PerLink and [Runtime.Links].
	Netns uint32
	Hook  int
	// Map is the name of the ring buffer or perf event array.
	Map string
	// Data is valid only during the call; nil if the event only says what was lost.
	Data []byte
	// Perf says that up to 7 bytes at the end of Data are padding.
	Perf bool
	// Lost counts events that the program could not send since the one before.
	Lost uint64
	// Full says that the ring buffer was found full, by a program that does not
	// count what it could not send: events are probably missing, nobody knows how many.
	Full bool
}

// Options configure a [Runtime]. The zero value, with a Program, observes
// through the best backend of this kernel.
type Options struct {
	Program Program
	Verdict Verdict
	// AllowWrites accepts programs that change packets. Without it the packet and
	// its metadata are the same as without Boathook.
	AllowWrites bool
	Backend     Backend
	Order       Order
	// PerLink gives every link its own copy of the program, so that events which do
	// not say whose packet it was still have a Netns. Links of targets that have
	// several get one in any case. From 512 copies on, further links share one, and
	// Notify is told.
	PerLink bool
	// PinPath is a folder on a bpffs for maps that ask for pinning by name. Empty
	// keeps them private.
	PinPath string
	// NeverExpedite leaves the kernel's RCU grace periods as they are, which makes
	// bursts of TCX attachments slow and spares a host with isolated CPUs.
	NeverExpedite bool
	// LogLevel is passed to the kernel's verifier.
	LogLevel ebpf.LogLevel
	// Events takes the program's events. It is called from several goroutines, one
	// for each event map of each copy, and must call no method of the Runtime but
	// Links. Nil leaves events in their buffers.
	Events func(Event)
	// Spare is a TCP connection, by its two ends, whose packets pass interface targets
	// as if nothing were attached: for instance that of the user who looks. The zero
	// value is none.
	Spare [2]netip.AddrPort
	// HostLink picks among the links of netns targets by the names of their host
	// ends; nil takes all, those without a host end included.
	HostLink func(name string) bool
	// Changed is told how many attachments there are whenever that changes. It must
	// not call the Runtime. Nil drops it.
	Changed func(attachments int)
	// Notify is told what happens to targets after they were added. It is called
	// from several goroutines and must not call the Runtime. Nil drops it.
	Notify func(Notice)
}

// Notice reports what happened to a target behind the caller's back.
type Notice struct {
	// Target is the id of the target; empty if it concerns all.
	Target string
	// Err is what went wrong, for instance [ErrHostNetwork]; nil if all is well again.
	Err error
}
