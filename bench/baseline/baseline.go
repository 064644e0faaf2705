// SPDX-License-Identifier: Apache-2.0

// Package baseline does what the benchmarks compare Boathook with: the steps by
// which Inspektor Gadget's pkg/tchandler (v0.28.1) puts a tc program on the
// networks of containers, written anew from a description of them, with the
// libraries that it uses.
//
// Lines named here are those of its tracer.go. Two things differ, neither of
// which makes it slower: a container is given by the path of its network
// namespace where the original takes a process id, which is such a path, and
// links are listed by the standard library where the original needs another
// module. The host is the network namespace of the calling thread, in place of
// that of process 1. Its defects are left out where they change what is measured
// and kept where they do not.
//
// Requires at least Linux 4.15.
package baseline

import "time"

//go:generate go tool -modfile=../../tools/go.mod bpf2go -tags linux -target bpfel dispatcher dispatcher.bpf.c -- -O2 -g -Wall -Werror -I../../bpf/libbpf

// Direction is the way of a packet as the container sees it.
type Direction uint8

const (
	// Ingress is into the container.
	Ingress Direction = iota + 1
	// Egress is out of it.
	Egress
)

// Times is how long the steps took, all attachments of a handler together.
type Times struct {
	// Netns: stat of the container's network namespace (line 195).
	Netns time.Duration
	// Peers: enter the namespace, list its links, leave it (line 210, which calls
	// GetIfacePeers).
	Peers time.Duration
	// Lookup: net.InterfaceByIndex for each peer, which lists all links of the host
	// (line 210, the second half of GetIfacePeers).
	Lookup time.Duration
	// Parse: read the dispatcher's ELF file and set its constant (lines 152 to 158).
	Parse time.Duration
	// Load: make its maps and have its program verified (lines 158 and 175).
	Load time.Duration
	// Qdisc: add a clsact qdisc (lines 162 to 168).
	Qdisc time.Duration
	// Filter: add a direct-action filter under the first free handle (lines 166 to
	// 181, and addTCFilter of tc.go).
	Filter time.Duration
}

// Plus adds up the steps of two handlers.
func (t Times) Plus(o Times) Times {
	return Times{
		t.Netns + o.Netns, t.Peers + o.Peers, t.Lookup + o.Lookup,
		t.Parse + o.Parse, t.Load + o.Load, t.Qdisc + o.Qdisc, t.Filter + o.Filter,
	}
}

// Step is one of the [Times] with its name.
type Step struct {
	Name string
	Took time.Duration
}

// Steps lists the steps in their order.
func (t Times) Steps() []Step {
	return []Step{
		{"stat of the netns", t.Netns},
		{"enter it and list its links", t.Peers},
		{"net.InterfaceByIndex", t.Lookup},
		{"parse the dispatcher", t.Parse},
		{"load the dispatcher", t.Load},
		{"clsact qdisc", t.Qdisc},
		{"cls_bpf filter", t.Filter},
	}
}

// stopwatch adds the time since it was last asked to a step.
type stopwatch struct{ last time.Time }

func start() stopwatch { return stopwatch{time.Now()} }

func (s *stopwatch) lap(step *time.Duration) {
	now := time.Now()
	*step += now.Sub(s.last)
	s.last = now
}
