// SPDX-License-Identifier: Apache-2.0

package boathook

import "sync"

// TargetLink is a link of a target as both sides know it.
type TargetLink struct {
	// Link is the link inside the target's network namespace, zero for interface
	// targets; Host is its other end if that is where the hook is.
	Link, Host Link
	// Hook is the ifindex of the end with the hook.
	Hook int
	// Own says that a copy of the program serves this link alone: its events have
	// their Hook set, so that events without one are of another link.
	Own bool
}

// Links lists the links attached for the targets in the network namespace with
// this nsfs inode. Unlike the other methods it may be called from Options.Events.
// The result must not be changed.
func (r *Runtime) Links(netns uint32) []TargetLink {
	return r.links.of(netns)
}

// linkIndex finds links by nsfs inode, on the way of each batch of events: nothing is
// allocated for it, as sync.Map would for the key. Safe for concurrent use.
type linkIndex struct {
	mu      sync.RWMutex // guards the field below
	byNetns map[uint32][]TargetLink
}

func (x *linkIndex) of(netns uint32) []TargetLink {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.byNetns[netns]
}

// set replaces what is known; none forgets the namespace.
func (x *linkIndex) set(netns uint32, links []TargetLink) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(links) == 0 {
		delete(x.byNetns, netns)
		return
	}
	if x.byNetns == nil {
		x.byNetns = map[uint32][]TargetLink{}
	}
	x.byNetns[netns] = links
}

// publishLocked makes the links of tenants known to Links, those about to be
// attached included: their first event may come at once.
func (r *Runtime) publishLocked(tenants []*tenant, fresh []*attachment) {
	coming := map[*tenant][]*attachment{}
	for _, a := range fresh {
		coming[a.tenant] = append(coming[a.tenant], a)
	}
	for _, t := range tenants {
		var list []TargetLink
		seen := map[int]bool{}
		for _, a := range append(t.list(), coming[t]...) {
			if !seen[a.index] {
				seen[a.index] = true
				own := a.own && (a.load == nil || a.load.key.index != 0)
				list = append(list, TargetLink{Link: publicLink(a.inner), Host: publicLink(a.host), Hook: a.index, Own: own})
			}
		}
		r.links.set(t.inode(r), list)
	}
}
