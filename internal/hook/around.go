// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"cmp"
	"slices"

	"github.com/boathook/boathook/internal/netns"
)

// Around lists for each of many hooks of a namespace what [List] does for its
// link, at one visit. It is for hooks that were just made, all of one burst: of
// links that had no qdisc before, the filters are those of these hooks, and are
// not asked for.
func Around(ns *netns.NS, hooks []*Hook) ([][]Entry, []error) {
	places := make(map[int]int) // of links in indexes
	var indexes []int
	for _, h := range hooks {
		if _, ok := places[h.index]; !ok {
			places[h.index] = len(indexes)
			indexes = append(indexes, h.index)
		}
	}
	byLink, linkErrs := listLinks(ns, indexes, filtersAlone(hooks))
	entries, errs := make([][]Entry, len(hooks)), make([]error, len(hooks))
	for i, h := range hooks {
		place := places[h.index]
		entries[i], errs[i] = byLink[place], linkErrs[place]
	}
	return entries, errs
}

// filtersAlone is what the filters of hooks are on links that have no others.
func filtersAlone(hooks []*Hook) map[int][2][]Entry {
	filters := make(map[int][2][]filter)
	for _, h := range hooks {
		points := filters[h.index]
		points[h.point] = append(points[h.point], h.filter)
		filters[h.index] = points
	}
	for _, h := range hooks {
		if !h.alone {
			delete(filters, h.index)
		}
	}
	known := make(map[int][2][]Entry, len(filters))
	for index, points := range filters {
		var tc [2][]Entry
		for point, list := range points {
			slices.SortFunc(list, func(a, b filter) int { return cmp.Compare(a.priority, b.priority) })
			tc[point] = entriesOf(list, Point(point), ByClsact)
		}
		known[index] = tc
	}
	return known
}
