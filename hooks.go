// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/boathook/boathook/internal/linktable"
)

// HookEntry is one thing on a hook, whoever put it there: a program, a filter of
// any kind, or an `ingress` qdisc. What does not apply, or cannot be known, is zero.
type HookEntry struct {
	// Target is the target's id, Netns the nsfs inode of its network namespace; our
	// own for interface targets.
	Target string
	Netns  uint32
	// Link is the link inside that namespace, Host its other end if that is where
	// the hook is. For an interface target only Host is set.
	Link, Host Link
	// Direction is that of the packets as the target sees them. The hook of a Host
	// end beside a Link has the opposite name for tc(8) and bpftool(8).
	Direction Direction
	// Position counts, from 0, the entries of one hook in the order in which they
	// run. How far a packet gets is up to what each one returns.
	Position int
	// Backend is "tcx", "netkit", "clsact", or "ingress" for the qdisc of that name,
	// which keeps clsact away, and for its filters.
	Backend string

	// ProgramID is 0 for what is no BPF program. ProgramName is given when a program
	// is loaded, at most 15 bytes; ProgramTag is the hash of its instructions, in hex.
	ProgramID               ebpf.ProgramID
	ProgramName, ProgramTag string
	// LinkID is the id of the BPF link that holds the program there; 0 for none.
	LinkID link.ID
	// Filter is set for filters of tc(8).
	Filter Filter

	// Ours says that Boathook put it there, in whatever process. Owner tells the
	// processes apart, by filters; links go with theirs.
	Ours  bool
	Owner string
}

// Filter is what tc(8) knows of a filter.
type Filter struct {
	// Kind is the classifier: "bpf", "u32", "flower" and so on; empty for what is no filter.
	Kind string
	// Name is what its maker called it.
	Name     string
	Priority uint16
	Handle   uint32
	// Protocol is the EtherType of the packets it is for, ETH_P_ALL for all.
	Protocol uint16
	// Chain is 0 for what every packet passes; filters of other chains run if one
	// of chain 0 jumps there.
	Chain uint32
}

// Hooks lists what is on the hooks of the targets' links, whoever owns it: by
// target, link and direction, each in the order in which packets meet it, first on
// the one end of a veth and then on the other. It changes nothing and needs no
// [Runtime]. The targets need no ID here. Where nothing is attached the list is empty.
//
// The errors of targets whose hooks could not be listed are joined, beside the
// entries of the others. They wrap [ErrHostNetwork] if a target shares our
// network, os.ErrNotExist if it is gone or no link has the name, [ErrNotNetns], or
// the context's error.
//
// TCX needs Linux 6.6 and netkit Linux 6.7, of which only the primary end can be
// asked; older kernels have nothing there to list. Requires CAP_BPF, CAP_NET_ADMIN
// and CAP_SYS_ADMIN. Safe for concurrent use.
func Hooks(ctx context.Context, targets ...Target) ([]HookEntry, error) {
	homes, err := linktable.OpenHomes()
	if err != nil {
		return nil, err
	}
	l := &lister{homes}
	var list []HookEntry
	var errs []error
	for _, target := range targets {
		entries, err := l.list(ctx, target)
		for i := range entries {
			entries[i].Target = target.ID
		}
		list = append(list, entries...)
		if err != nil && target.ID != "" {
			err = &targetError{target.ID, err}
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return list, errors.Join(append(errs, l.homes.Close())...)
}
