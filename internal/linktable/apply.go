// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// applyOwn takes in what happened to a link of the table's own namespace.
func (t *Table) applyOwn(header syscall.NlMsghdr, m message) []Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	if header.Type == unix.RTM_NEWLINK {
		changes := t.index.learn(m.link, time.Now())
		return append(changes, t.completePeerLocked(m.link)...)
	}
	if _, isKnown := t.index.links[m.link.Index]; !isKnown {
		return nil // it went before the list was made
	}
	t.index.drop(m.link.Index)
	change := newChange(LinkGone, m.link, NoNSID)
	if m.movedTo == NoNSID {
		return []Change{change}
	}
	change.Kind, change.MovedTo, change.NewIndex = LinkMoved, m.movedTo, m.newIndex
	return append([]Change{change}, t.followPeerLocked(m)...)
}

// completePeerLocked notes the other end of a pair at the end that was made
// first: the kernel announces that one before it has a peer.
func (t *Table) completePeerLocked(link Link) []Change {
	first, isKnown := t.index.links[link.PeerIndex]
	isOwnPair := link.isPair() && link.PeerNSID == NoNSID
	if !isKnown || !isOwnPair || !first.link.lacksPeer() {
		return nil
	}
	first.link.PeerIndex = link.Index
	return t.index.learn(first.link, time.Now())
}

// followPeerLocked notes where the other end of a pair went: the kernel does
// not announce the end that stays.
func (t *Table) followPeerLocked(moved message) []Change {
	stays, isKnown := t.index.otherEnd(NoNSID, moved.link.Index)
	if !isKnown {
		return nil
	}
	stays.PeerNSID = moved.movedTo
	if moved.newIndex > 0 { // sent since Linux 5.0
		stays.PeerIndex = moved.newIndex
	}
	return t.index.learn(stays, time.Now())
}

// applyForeign takes in what happened in the namespace with the id nsid.
func (t *Table) applyForeign(header syscall.NlMsghdr, m message, nsid int) []Change {
	if header.Type == unix.RTM_NEWLINK {
		kind := LinkChanged
		if m.fresh {
			kind = LinkNew
		}
		changes := []Change{newChange(kind, m.link, nsid)}
		if first, isKnown := t.Link(m.link.PeerIndex); isKnown && m.link.isPair() && first.lacksPeer() {
			changes = append(changes, t.refresh(first.Index)...)
		}
		return changes
	}
	change := newChange(LinkGone, m.link, nsid)
	if m.movedTo == NoNSID {
		return []Change{change}
	}
	change.Kind, change.MovedTo, change.NewIndex = LinkMoved, m.movedTo, m.newIndex
	return append([]Change{change}, t.refreshPeer(nsid, m.link.Index)...)
}

// refreshPeer asks where the other end of a pair is: the message that it left
// nsid names its new namespace by an id that means nothing here.
func (t *Table) refreshPeer(nsid, ifindex int) []Change {
	t.mu.RLock()
	stays, isKnown := t.index.otherEnd(nsid, ifindex)
	t.mu.RUnlock()
	if !isKnown {
		return nil
	}
	return t.refresh(stays.Index)
}

// refresh asks for a link that messages no longer describe.
func (t *Table) refresh(ifindex int) []Change {
	link, err := t.Ask(ifindex)
	if err != nil {
		return nil // gone meanwhile, which a message of its own will tell
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.index.learn(link, time.Now())
}

// refreshOwnNSID looks whether the new id is that of the table's own
// namespace: its own messages carry it from then on.
func (t *Table) refreshOwnNSID() {
	if nsid, err := t.client.nsid(t.ns); err == nil {
		t.ownNSID = nsid
	}
}
