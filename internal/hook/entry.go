// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// What an [Entry] is attached through.
const (
	ByTCX     = "tcx"
	ByClsact  = "clsact"
	ByNetkit  = "netkit"
	ByIngress = "ingress" // the `ingress` qdisc, or a filter on it
)

// Entry is something on a point of a link, whoever put it there. What does not
// apply or cannot be known is zero.
type Entry struct {
	Point Point
	// Backend is one of ByTCX, ByClsact, ByNetkit and ByIngress.
	Backend string
	// Position counts the entries of a point from 0 in the order in which they
	// run. How far a packet gets is up to what each one returns.
	Position int

	// ProgramID is 0 for an ingress qdisc and for filters that are no BPF
	// programs.
	ProgramID ebpf.ProgramID
	// ProgramName is given at load time, at most 15 bytes.
	ProgramName string
	// ProgramTag is the hash of the program's instructions, in hex.
	ProgramTag string
	// LoadTime is when the program was loaded, as time since boot.
	LoadTime time.Duration

	// LinkID is the BPF link's id; 0 for programs attached without a link.
	LinkID link.ID

	// The fields below are those of filters.

	// Kind is the classifier: "bpf", "u32", "flower" and so on.
	Kind string
	// Name is what the filter's maker called it.
	Name     string
	Priority uint16
	Handle   uint32
	Protocol uint16 // EtherType
	// Chain is 0 for what every packet passes. Filters of other chains run
	// only if one of chain 0 jumps there.
	Chain uint32
	// Owner is set if the name is an owner tag of this program.
	Owner *Owner
}

// dispatcherName is that of the program which we put on hooks.
const dispatcherName = "boathook"

// Ours says that Boathook put it there, in whatever process. Filters have a tag; of
// links, which have none, the program's name tells.
func (e *Entry) Ours() bool {
	return e.Owner != nil || e.LinkID != 0 && e.ProgramName == dispatcherName
}

func entriesOf(filters []filter, point Point, backend string) []Entry {
	var entries []Entry
	for _, f := range filters {
		e := Entry{
			Point: point, Backend: backend, ProgramID: f.program,
			Kind: f.kind, Name: f.name, Priority: f.priority, Handle: f.handle,
			Protocol: f.protocol, Chain: f.chain,
		}
		if tag, ok := parseTag(f.name); ok {
			e.Owner = &tag.owner
		}
		entries = append(entries, e)
	}
	return entries
}

// number counts the entries of one point.
func number(entries []Entry) []Entry {
	for i := range entries {
		entries[i].Position = i
	}
	return entries
}
