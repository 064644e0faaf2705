// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"fmt"
	"slices"

	"github.com/boathook/boathook/internal/netns"
)

// List returns everything on both points of a link, ingress first, each in the
// order in which it runs. An `ingress` qdisc, which keeps a clsact qdisc away,
// is an entry itself, ahead of its filters.
//
// Returns an error that wraps unix.ENODEV if the link does not exist. Links of
// type netkit need Linux 6.7 and their primary end; TCX needs Linux 6.6. Older
// kernels have nothing there to list.
func List(ns *netns.NS, index int) ([]Entry, error) {
	entries, errs := ListLinks(ns, []int{index})
	return entries[0], errs[0]
}

// ListLinks does for each of many links what [List] does, at one visit to their
// namespace. Both results are as long as indexes: for each link there are either
// entries, be it none, or an error.
func ListLinks(ns *netns.NS, indexes []int) ([][]Entry, []error) {
	return listLinks(ns, indexes, nil)
}

// listing is what is on the points of one link, by who told.
type listing struct {
	bpf [numPlaces][]Entry
	tc  [2][]Entry
}

// listLinks does not ask for the filters of links that known has.
func listLinks(ns *netns.NS, indexes []int, known map[int][2][]Entry) ([][]Entry, []error) {
	entries, errs := make([][]Entry, len(indexes)), make([]error, len(indexes))
	links := make([]listing, len(indexes))
	err := visit(ns, func() error {
		for i, index := range indexes {
			links[i].bpf, errs[i] = listAllBPF(index)
		}
		return nil
	})
	if err == nil {
		err = listFilters(ns, indexes, known, links, errs)
	}
	fill(errs, err)
	seen := make(programFacts)
	for i, index := range indexes {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("list programs of ifindex %d in %s: %w", index, ns, errs[i])
			continue
		}
		entries[i] = links[i].inOrder()
		for e := range entries[i] {
			entries[i][e].describe(seen)
		}
	}
	return entries, errs
}

func listFilters(ns *netns.NS, indexes []int, known map[int][2][]Entry, links []listing, errs []error) error {
	var places, unknown []int
	for i, index := range indexes {
		if tc, ok := known[index]; ok {
			links[i].tc = tc
		} else if errs[i] == nil {
			places, unknown = append(places, i), append(unknown, index)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return withConn(ns, func(c *conn) error {
		for n, found := range c.listTC(unknown) {
			links[places[n]].tc, errs[places[n]] = found.points, found.err
		}
		return nil
	})
}

// inOrder returns the entries of both points in the order in which they run. A
// netkit's programs run where its two ends send: the peer's ahead of what the
// primary end receives, the primary's behind what it sends.
func (l *listing) inOrder() []Entry {
	ingress := number(slices.Concat(l.bpf[netkitPeer], l.bpf[tcxIngress], l.tc[Ingress]))
	egress := number(slices.Concat(l.bpf[tcxEgress], l.tc[Egress], l.bpf[netkitPrimary]))
	return slices.Concat(ingress, egress)
}

// onQdisc is what is on the qdisc in a link's ingress slot.
type onQdisc struct {
	points [2][]Entry
	err    error
}

func (c *conn) listTC(indexes []int) []onQdisc {
	found := make([]onQdisc, len(indexes))
	kinds, errs := c.qdiscKinds(indexes)
	for i, index := range indexes {
		if found[i].err = errs[i]; errs[i] == nil {
			found[i].points, found[i].err = c.listQdisc(index, kinds[i])
		}
	}
	return found
}

func (c *conn) listQdisc(index int, kind string) ([2][]Entry, error) {
	var points [2][]Entry
	switch kind {
	case kindClsact:
		for _, point := range []Point{Ingress, Egress} {
			filters, err := c.filters(index, point.parent())
			if err != nil {
				return points, err
			}
			points[point] = entriesOf(filters, point, ByClsact)
		}
	case kindIngress:
		// It gives its only list for either point.
		filters, err := c.filters(index, parentIngress)
		if err != nil {
			return points, err
		}
		qdisc := Entry{Point: Ingress, Backend: ByIngress}
		points[Ingress] = append([]Entry{qdisc}, entriesOf(filters, Ingress, ByIngress)...)
	}
	return points, nil
}
