// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
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

// lister lists what is on hooks. Its first home is our own namespace.
type lister struct{ homes linktable.Homes }

func (l *lister) list(ctx context.Context, target Target) ([]HookEntry, error) {
	if target.ID == "" {
		target.ID = "target" // nothing here is told apart by it
	}
	if err := target.check(); err != nil {
		return nil, err
	}
	switch {
	case target.HostNetwork:
		return nil, ErrHostNetwork
	case target.Interface != "":
		return l.listInterfaces(ctx, target)
	}
	if target.RuntimePID != 0 {
		ns, err := netns.OpenPID(target.RuntimePID)
		if err == nil {
			err = l.homes.Add(ns)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("open network namespace of the runtime: %w", err)
		}
	}
	ns, err := target.openNetns()
	if err != nil {
		return nil, err
	}
	list, err := l.listNetns(ctx, ns)
	return list, errors.Join(err, ns.Close())
}

func (l *lister) listInterfaces(ctx context.Context, target Target) ([]HookEntry, error) {
	home := l.homes[0]
	var list []HookEntry
	found := false
	for _, each := range home.Links() {
		wanted, err := matchesAny([]string{target.Interface}, each.Name)
		if err != nil {
			return nil, err
		}
		if target.Ifindex != 0 {
			wanted = each.Index == target.Ifindex && each.Name == target.Interface
		}
		if !wanted {
			continue
		}
		found = true
		if err := ctx.Err(); err != nil {
			return list, err
		}
		at := HookEntry{Netns: home.NS().Inode(), Host: publicLink(each)}
		ingress, egress, err := listEnd(home.NS(), each.Index, at, ownPoint)
		if err != nil {
			return list, err
		}
		list = append(append(list, ingress...), egress...)
	}
	if !found {
		return nil, fmt.Errorf("interface %s: %w", target.Interface, os.ErrNotExist)
	}
	return list, nil
}

// listNetns lists both ends of each link: what enters the container leaves the
// host end first, and the other way round.
func (l *lister) listNetns(ctx context.Context, ns *netns.NS) ([]HookEntry, error) {
	places, err := linktable.Resolve(ns, l.homes)
	if err != nil {
		return nil, err
	}
	var list []HookEntry
	for _, place := range places {
		if err := ctx.Err(); err != nil {
			return list, err
		}
		at := HookEntry{Netns: ns.Inode(), Link: publicLink(place.Inner)}
		ingress, egress, err := listEnd(ns, place.Inner.Index, at, ownPoint)
		if err != nil {
			return list, err
		}
		if place.Home != nil {
			at.Host = publicLink(place.Host)
			in, out, err := listEnd(place.Home.NS(), place.Host.Index, at, hostPoint)
			if err != nil {
				return list, err
			}
			ingress, egress = append(in, ingress...), append(egress, out...)
		}
		list = append(append(list, ingress...), egress...)
	}
	return list, nil
}

// listEnd lists the two hooks of a link, by the directions that they have for
// the target. A link that is gone has none.
func listEnd(ns *netns.NS, index int, at HookEntry, point func(Direction) hook.Point) (ingress, egress []HookEntry, err error) {
	entries, err := hook.List(ns, index)
	if err != nil && !vanished(err) {
		return nil, nil, err
	}
	for _, e := range entries {
		entry := at.with(e)
		if e.Point == point(Ingress) {
			entry.Direction = Ingress
			ingress = append(ingress, entry)
		} else {
			entry.Direction = Egress
			egress = append(egress, entry)
		}
	}
	return ingress, egress, nil
}

// with is e at the place that at describes.
func (at HookEntry) with(e hook.Entry) HookEntry {
	at.Position, at.Backend = e.Position, e.Backend
	at.ProgramID, at.ProgramName, at.ProgramTag = e.ProgramID, e.ProgramName, e.ProgramTag
	at.LinkID = e.LinkID
	at.Filter = Filter{
		Kind: e.Kind, Name: e.Name, Priority: e.Priority, Handle: e.Handle, Protocol: e.Protocol, Chain: e.Chain,
	}
	at.Ours = e.Ours()
	if e.Owner != nil {
		at.Owner = e.Owner.Instance
	}
	return at
}
