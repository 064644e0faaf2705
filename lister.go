// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

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
