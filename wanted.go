// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// wantedLocked is what should be attached for each tenant by the links that exist
// now. What went wrong is in tenant.err.
func (r *Runtime) wantedLocked(tenants []*tenant) [][]*attachment {
	wanted := make([][]*attachment, len(tenants))
	var inside []*tenant
	var places []int
	for i, t := range tenants {
		if t.ns == nil {
			wanted[i], t.err = r.wantedInterfacesLocked(t)
			continue
		}
		inside, places = append(inside, t), append(places, i)
	}
	for n, found := range r.resolveLocked(inside) {
		t := inside[n]
		if t.err = found.Err; t.err == nil {
			wanted[places[n]] = r.wantedPlacesLocked(t, found.Places)
		}
	}
	return wanted
}

// resolveLocked finds the links of tenants, with those that no home hears of
// followed from before they are listed.
func (r *Runtime) resolveLocked(tenants []*tenant) []linktable.Found {
	found := r.askHomesLocked(tenants)
	var unheard []*tenant
	var places []int
	for i, t := range tenants {
		if found[i].Err != nil || found[i].Heard || t.watched {
			continue
		}
		if err := r.listenLocked(t); err != nil {
			found[i].Err = err
			continue
		}
		unheard, places = append(unheard, t), append(places, i)
	}
	if len(unheard) > 0 {
		for n, again := range r.askHomesLocked(unheard) {
			found[places[n]] = again
		}
	}
	return found
}

func (r *Runtime) askHomesLocked(tenants []*tenant) []linktable.Found {
	homes := r.homesLocked()
	tables := make([]*linktable.Table, len(homes))
	for i, home := range homes {
		tables[i] = home.table
	}
	list := make([]*netns.NS, len(tenants))
	for i, t := range tenants {
		list[i] = t.ns
	}
	found := linktable.ResolveAll(list, tables)
	for i, t := range tenants {
		if found[i].Err != nil {
			continue
		}
		for h, home := range homes {
			r.directory.name(t, home.key, found[i].IDs[h])
		}
	}
	return found
}

func (r *Runtime) wantedPlacesLocked(t *tenant, places []linktable.Place) []*attachment {
	var list []*attachment
	own := r.opts.PerLink || len(places) > 1
	for _, place := range places {
		if r.opts.HostLink != nil && (place.Home == nil || !r.opts.HostLink(place.Host.Name)) {
			continue
		}
		for _, d := range r.program.directions() {
			a := &attachment{tenant: t, inner: place.Inner, own: own}
			if place.Home == nil {
				a.placement = placement{space: t.ns.Key(), index: place.Inner.Index, point: ownPoint(d), direction: d}
			} else {
				a.host = place.Host
				a.placement = placement{space: place.Home.NS().Key(), index: place.Host.Index, point: hostPoint(d), direction: d}
			}
			list = append(list, a)
		}
	}
	return list
}

func (r *Runtime) wantedInterfacesLocked(t *tenant) ([]*attachment, error) {
	home := r.spaces[r.self.Key()]
	links, err := t.interfaces(home.table)
	if err != nil {
		return nil, err
	}
	var list []*attachment
	for _, link := range links {
		for _, d := range r.program.directions() {
			list = append(list, &attachment{
				tenant: t, host: link, own: true,
				placement: placement{space: home.key, index: link.Index, point: ownPoint(d), direction: d},
			})
		}
	}
	return list, nil
}

// listenLocked watches the links of a tenant that no home has an id for: nobody has
// linked it to a home, so what happens in it is told to none. It keeps on when one
// has; then changes are told twice.
func (r *Runtime) listenLocked(t *tenant) error {
	if r.lonely == nil {
		var err error
		r.lonely, err = linktable.NewWatcher(func(key netns.Key) {
			r.changes.push(change{key, linktable.Change{Kind: linktable.Resync, NSID: linktable.NoNSID, MovedTo: linktable.NoNSID}})
		})
		if err != nil {
			return err
		}
	}
	if err := r.lonely.Add(t.ns); err != nil {
		return err
	}
	t.watched = true
	return nil
}
