// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"errors"
	"runtime"
	"sync"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/output"
)

// chunk is how many containers are looked at together, each with its network
// namespace open: well below the usual limit of open files.
const chunk = 256

// visit is a container whose network namespace is open.
type visit struct {
	row    *output.PSRow
	ns     *netns.NS
	places []linktable.Place
	// inner and host are what is on the ends of the places' links.
	inner, host []listed
}

// listed is what is on the points of one link.
type listed struct {
	entries []hook.Entry
	err     error
}

// rows describes containers at a price that grows with their number only: each is
// looked into once, and each home asked for all host ends at once.
func (h *homes) rows(containers []container.Container) []output.PSRow {
	rows := make([]output.PSRow, len(containers))
	var visits []*visit
	for i, c := range containers {
		rows[i] = output.PSRow{
			Runtime: c.Runtime, Name: c.Name, ID: c.ID, Image: c.Image, HostNetwork: c.HostNetwork,
		}
		ns, err := open(c)
		switch {
		case err == nil:
			rows[i].Netns = ns.Inode()
			visits = append(visits, &visit{row: &rows[i], ns: ns})
		case !c.HostNetwork:
			rows[i].Why = oneLine(err)
		}
	}
	h.find(visits)
	h.listHosts(visits)
	listInner(visits)
	for _, v := range visits {
		for i, place := range v.places {
			v.row.Links = append(v.row.Links, describe(place, v.inner[i], v.host[i]))
		}
		if err := v.ns.Close(); err != nil && v.row.Why == "" {
			v.row.Why = oneLine(err)
		}
	}
	return rows
}

// find finds the links of those with a network of their own.
func (h *homes) find(visits []*visit) {
	var list []*netns.NS
	var own []*visit
	for _, v := range visits {
		if !v.row.HostNetwork {
			list, own = append(list, v.ns), append(own, v)
		}
	}
	for i, found := range linktable.ResolveAll(list, h.tables) {
		v := own[i]
		switch {
		case errors.Is(found.Err, linktable.ErrHostNetwork):
			v.row.HostNetwork = true
		case found.Err != nil:
			v.row.Why = oneLine(found.Err)
		}
		v.places = found.Places
		v.inner, v.host = make([]listed, len(v.places)), make([]listed, len(v.places))
	}
}

// listHosts lists what is on the host ends, at one visit to each home.
func (h *homes) listHosts(visits []*visit) {
	for _, table := range h.tables {
		var indexes []int
		var ends []*listed
		for _, v := range visits {
			for i, place := range v.places {
				if place.Home == table {
					indexes, ends = append(indexes, place.Host.Index), append(ends, &v.host[i])
				}
			}
		}
		list(table.NS(), indexes, ends)
	}
}

// listInner lists what is on the links inside, in several namespaces at once.
func listInner(visits []*visit) {
	workers := min(runtime.GOMAXPROCS(0), len(visits))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(visits); i += workers {
				visits[i].listInner()
			}
		})
	}
	group.Wait()
}

func (v *visit) listInner() {
	indexes, ends := make([]int, len(v.places)), make([]*listed, len(v.places))
	for i, place := range v.places {
		indexes[i], ends[i] = place.Inner.Index, &v.inner[i]
	}
	list(v.ns, indexes, ends)
}

// list fills ends with what is on the links with these indexes.
func list(ns *netns.NS, indexes []int, ends []*listed) {
	if len(indexes) == 0 {
		return
	}
	entries, errs := hook.ListLinks(ns, indexes)
	for i, end := range ends {
		*end = listed{entries: entries[i], err: errs[i]}
	}
}
