// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"slices"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// concernedLocked are the tenants for which one of the changes may alter what is
// wanted.
func (r *Runtime) concernedLocked(list []change) []*tenant {
	concerned := map[*tenant]struct{}{}
	var unknown []netns.Key
	for _, c := range list {
		if c.Kind == linktable.Resync {
			r.lostLocked(c.home, concerned)
			continue
		}
		r.matchLocked(c, concerned)
		// A home may have got a link to a tenant that it had none to.
		mayName := c.NSID == linktable.NoNSID && c.Link.PeerNSID != linktable.NoNSID
		if mayName && r.directory.byID[c.home][c.Link.PeerNSID] == nil && !slices.Contains(unknown, c.home) {
			unknown = append(unknown, c.home)
		}
	}
	for _, home := range unknown {
		r.meetStrangersLocked(home, concerned)
	}
	tenants := make([]*tenant, 0, len(concerned))
	for t := range concerned {
		tenants = append(tenants, t)
	}
	return tenants
}

// lostLocked is for changes that nobody knows.
func (r *Runtime) lostLocked(home netns.Key, concerned map[*tenant]struct{}) {
	if s := r.spaces[home]; s == nil || s.table == nil {
		if t := r.tenants[home]; t != nil {
			concerned[t] = struct{}{}
		}
		return
	}
	for _, t := range r.tenants {
		concerned[t] = struct{}{}
	}
}

// matchLocked finds the tenants that one change may concern.
func (r *Runtime) matchLocked(c change, concerned map[*tenant]struct{}) {
	if t := r.tenants[netns.Key{}]; t != nil && c.home == r.self.Key() && c.NSID == linktable.NoNSID && r.wantsLocked(t, c) {
		concerned[t] = struct{}{}
	}
	ids := r.directory.byID[c.home]
	candidates := []*tenant{r.tenants[c.home], ids[c.NSID]}
	if c.NSID == linktable.NoNSID {
		candidates = append(candidates, ids[c.MovedTo], ids[c.Link.PeerNSID], r.directory.byLink[attachedLink{c.home, c.Link.Index}])
	}
	for _, t := range candidates {
		if t != nil && t.ns != nil && !t.expects(c) {
			concerned[t] = struct{}{}
		}
	}
}

// wantsLocked says that a change of a link of ours may alter what is wanted for t,
// the tenant of the interface targets.
func (r *Runtime) wantsLocked(t *tenant, c change) bool {
	if t.err != nil {
		return true
	}
	for _, d := range r.program.directions() {
		if a := t.attachments[placement{space: c.home, index: c.Link.Index, point: ownPoint(d), direction: d}]; a != nil {
			return c.Kind != linktable.LinkChanged || !sameLink(a.host, c.Link)
		}
	}
	for id, target := range t.targets {
		if e := t.exact[id]; e != nil {
			if e.link.Index == c.Link.Index {
				return true
			}
			continue
		}
		if wanted, err := matchesAny([]string{target.Interface}, c.Link.Name); wanted || err != nil {
			return true
		}
	}
	return false
}

// meetStrangersLocked finds those that the home has an id for by now.
func (r *Runtime) meetStrangersLocked(home netns.Key, concerned map[*tenant]struct{}) {
	s := r.spaces[home]
	if s == nil || s.table == nil {
		return
	}
	var tenants []*tenant
	var list []*netns.NS
	for t := range r.directory.strangers[home] {
		tenants, list = append(tenants, t), append(list, t.ns)
	}
	ids, errs := s.table.IDs(list)
	for i, t := range tenants {
		if errs[i] != nil || ids[i] != linktable.NoNSID {
			concerned[t] = struct{}{} // which asks again, and keeps the error
		}
	}
}

// expects says that a change leaves what is attached for a complete tenant as it
// is: most are about links that are set up or get a carrier.
func (t *tenant) expects(c change) bool {
	if c.Link.Loopback && c.NSID != linktable.NoNSID {
		return true
	}
	if c.Kind != linktable.LinkChanged || t.err != nil {
		return false
	}
	for _, a := range t.attachments {
		if sameLink(a.known(c), c.Link) {
			return true
		}
	}
	return false
}

// known is the end of the attachment's link on the side where the change happened.
func (a *attachment) known(c change) linktable.Link {
	if c.NSID == linktable.NoNSID && a.space == c.home {
		return a.host
	}
	if c.NSID != linktable.NoNSID && a.tenant.nsids[c.home] == c.NSID {
		return a.inner
	}
	return linktable.Link{}
}

func sameLink(a, b linktable.Link) bool {
	a.Up, a.Running = b.Up, b.Running
	return a == b
}
