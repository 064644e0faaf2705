// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// directory finds the tenants that a change of a link concerns, however many there
// are. Tenants of interface targets are not in it.
type directory struct {
	// byID goes by home and what that calls the tenant's network namespace.
	byID   map[netns.Key]map[int]*tenant
	byLink map[attachedLink]*tenant
	// strangers are the tenants that a home has no id for.
	strangers map[netns.Key]map[*tenant]struct{}
}

// attachedLink is a link with hooks of ours.
type attachedLink struct {
	space netns.Key
	index int
}

func newDirectory() *directory {
	return &directory{
		byID: map[netns.Key]map[int]*tenant{}, byLink: map[attachedLink]*tenant{}, strangers: map[netns.Key]map[*tenant]struct{}{},
	}
}

// name notes what a home calls a tenant's network namespace.
func (d *directory) name(t *tenant, home netns.Key, id int) {
	if old, known := t.nsids[home]; known && old == id {
		return
	}
	d.forgetName(t, home)
	t.nsids[home] = id
	if d.byID[home] == nil {
		d.byID[home], d.strangers[home] = map[int]*tenant{}, map[*tenant]struct{}{}
	}
	if id == linktable.NoNSID {
		d.strangers[home][t] = struct{}{}
	} else {
		d.byID[home][id] = t
	}
}

func (d *directory) forgetName(t *tenant, home netns.Key) {
	if id := t.nsids[home]; d.byID[home][id] == t {
		delete(d.byID[home], id)
	}
	delete(d.strangers[home], t)
	delete(t.nsids, home)
}

// forget forgets a tenant without attachments.
func (d *directory) forget(t *tenant) {
	for home := range t.nsids {
		d.forgetName(t, home)
	}
}

// attached notes an attachment.
func (d *directory) attached(a *attachment) {
	if a.tenant.ns != nil {
		d.byLink[attachedLink{a.space, a.index}] = a.tenant
	}
}

// detached forgets an attachment that its tenant has no more.
func (d *directory) detached(a *attachment) {
	at := attachedLink{a.space, a.index}
	if d.byLink[at] == a.tenant && !a.tenant.usesLink(at) {
		delete(d.byLink, at)
	}
}

func (t *tenant) usesLink(at attachedLink) bool {
	for p := range t.attachments {
		if p.space == at.space && p.index == at.index {
			return true
		}
	}
	return false
}
