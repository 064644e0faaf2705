// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"cmp"
	"slices"
	"time"
)

// entry is a link and the time from which it is known.
type entry struct {
	link  Link
	since time.Time
}

// index finds links by interface index, and pairs by their other end. It is not
// safe for concurrent use.
type index struct {
	links map[int]entry
	peers map[end]int
}

// end is a link as the message about its peer names it: the id of a namespace and
// an interface index in there.
type end [2]int

func newIndex(links []Link, since time.Time) *index {
	x := &index{links: make(map[int]entry, len(links)), peers: make(map[end]int)}
	for _, link := range links {
		x.put(link, since)
	}
	return x
}

// put adds a link or replaces what is known of it; since counts for a link that
// was not known.
func (x *index) put(link Link, since time.Time) {
	if old, isKnown := x.links[link.Index]; isKnown {
		since = old.since
		x.drop(link.Index)
	}
	x.links[link.Index] = entry{link: link, since: since}
	if link.isPair() {
		x.peers[otherEnd(link)] = link.Index
	}
}

// otherEnd is where a link says that its peer is.
func otherEnd(link Link) end { return end{link.PeerNSID, link.PeerIndex} }

// drop forgets a link that is known.
func (x *index) drop(ifindex int) {
	link := x.links[ifindex].link
	delete(x.links, ifindex)
	if x.peers[otherEnd(link)] == ifindex {
		delete(x.peers, otherEnd(link))
	}
}

// otherEnd returns the end of the pair whose other end is link peer of nsid.
func (x *index) otherEnd(nsid, peer int) (Link, bool) {
	ifindex, isKnown := x.peers[end{nsid, peer}]
	return x.links[ifindex].link, isKnown
}

func (x *index) all() []Link {
	links := make([]Link, 0, len(x.links))
	for _, e := range x.links {
		links = append(links, e.link)
	}
	return sorted(links)
}

// replace makes x hold links and returns what that changed, what is gone first.
func (x *index) replace(links []Link, now time.Time) []Change {
	var changes []Change
	kept := make(map[int]struct{}, len(links))
	for _, link := range links {
		kept[link.Index] = struct{}{}
	}
	for _, old := range x.all() {
		if _, isKept := kept[old.Index]; !isKept {
			x.drop(old.Index)
			changes = append(changes, newChange(LinkGone, old, NoNSID))
		}
	}
	for _, link := range links {
		changes = append(changes, x.learn(link, now)...)
	}
	return changes
}

// learn puts a link and returns what that changed.
func (x *index) learn(link Link, now time.Time) []Change {
	old, isKnown := x.links[link.Index]
	x.put(link, now)
	switch {
	case !isKnown:
		return []Change{newChange(LinkNew, link, NoNSID)}
	case old.link != link:
		return []Change{newChange(LinkChanged, link, NoNSID)}
	}
	return nil
}

func sorted(links []Link) []Link {
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	return links
}
