// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// Options configure a [Runtime]. The zero value, with a Program, observes
// through the best backend of this kernel.
//
// The functions are called from goroutines of the Runtime.
type Options struct {
	// Program is what runs. It must name a program for at least one direction.
	Program Program
	// Verdict says which of the program's verdicts count; the zero value is [Observe].
	Verdict Verdict
	// AllowWrites accepts programs that change packets. Without it the packet and
	// its metadata are the same as without Boathook.
	AllowWrites bool
	// Backend is the way onto hooks; the zero value is [Auto].
	Backend Backend
	// Order is the place among the programs on a hook; see [DefaultPosition].
	Order Order
	// PerLink gives every link its own copy of the program, so that events which do
	// not say whose packet it was still have a Netns. Links of targets that have
	// several get one in any case. From 512 copies on, further links share one, and
	// Notify is told.
	PerLink bool
	// PinPath is a folder on a bpffs for maps that ask for pinning by name; they
	// stay there after Close. Empty keeps them private, and so does Events for the
	// maps that it reads.
	PinPath string
	// NeverExpedite leaves the kernel's RCU grace periods as they are: each hook on TCX
	// then takes some 10 ms, in which nobody can change links, and no processor is
	// interrupted for it. Where that is asked of the host (nohz_full, isolated CPUs,
	// PREEMPT_RT) they are left as they are in any case.
	NeverExpedite bool
	// LogLevel is passed to the kernel's verifier, whose log is in the
	// *ebpf.VerifierError of a program that it rejects; 0 is enough for that.
	LogLevel ebpf.LogLevel
	// Events takes the program's events. It is called from several goroutines, one
	// for each event map of each copy, and must call no method of the Runtime but
	// Links. While it blocks events get lost, and Remove and Close, which detach at
	// once, do not return. Nil leaves events in their buffers. Programs that the
	// caller has loaded send theirs to the caller.
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

// check says what is wrong with o itself, before the kernel is asked.
func (o Options) check() error {
	switch {
	case o.Verdict > Enforce:
		return fmt.Errorf("verdict %d is none", o.Verdict)
	case o.Backend > Clsact:
		return fmt.Errorf("backend %d is none", o.Backend)
	case o.Order.Position > After:
		return fmt.Errorf("position %d is none", o.Order.Position)
	case o.Order.Program == 0 && (o.Order.Position == Before || o.Order.Position == After):
		return errors.New("order is relative to a program without id")
	}
	return o.Program.check()
}
