// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"

	"github.com/boathook/boathook/internal/netns"
)

// tenant is a network namespace with the targets that live in it. All of them
// share its attachments.
type tenant struct {
	ns          *netns.NS // nil for the tenant of the interface targets
	targets     map[string]Target
	attachments map[placement]*attachment
	// pins are the links of interface targets that go by ifindex, by target id.
	pins map[string]*pin
	// nsids is what the homes call ns, for telling which of their links concern it.
	nsids map[netns.Key]int
	// watched says that ns is watched by itself, since no home heard of its links.
	watched bool
	err     error // of the last attempt
	// linkErrs are the parts of err that concern single interfaces, by ifindex.
	linkErrs map[int]error
	// doubted are the interfaces whose hooks the next look is about; nil is all.
	doubted map[int]bool
	retry   backoff
}

func newTenant(ns *netns.NS) *tenant {
	return &tenant{ns: ns, targets: map[string]Target{}, attachments: map[placement]*attachment{}, pins: map[string]*pin{}, nsids: map[netns.Key]int{}}
}

func (t *tenant) list() []*attachment {
	list := make([]*attachment, 0, len(t.attachments))
	for _, a := range t.attachments {
		list = append(list, a)
	}
	return list
}

func (t *tenant) close() error {
	if t.ns == nil {
		return nil
	}
	return t.ns.Close()
}

// inode is what programs find in cb[0].
func (t *tenant) inode(r *Runtime) uint32 {
	if t.ns == nil {
		return r.self.Inode()
	}
	return t.ns.Inode()
}

// anyTarget is one of the targets, for a notice.
func (t *tenant) anyTarget() string {
	for id := range t.targets {
		return id
	}
	return ""
}

// reconcileLocked makes what is attached for the tenants what should be. New
// hooks are made in one burst. A tenant for which one fails keeps what it had;
// its error is in tenant.err.
func (r *Runtime) reconcileLocked(tenants []*tenant) {
	var fresh, stale []*attachment
	wishes := r.wantedLocked(tenants)
	gone := r.goneLocked(tenants)
	for i, wanted := range wishes {
		t := tenants[i]
		t.linkErrs = nil
		if t.err != nil && !errors.Is(t.err, ErrHostNetwork) {
			continue
		}
		keep := map[placement]bool{}
		for _, a := range wanted {
			have := t.attachments[a.placement]
			if have == nil || gone[have] {
				fresh = append(fresh, a)
				continue
			}
			keep[a.placement] = true
			have.inner, have.host = a.inner, a.host
		}
		for p, a := range t.attachments {
			if !keep[p] {
				stale = append(stale, a)
			}
		}
	}
	r.publishLocked(tenants, fresh)
	// A link that replaced another one has its ifindex: make room first.
	if err := r.detachLocked(stale); err != nil {
		r.notify(Notice{Err: fmt.Errorf("detach from links that are gone: %w", err)})
	}
	r.undoPartsLocked(fresh, r.attachLocked(fresh))
	r.publishLocked(tenants, nil)
	r.warnLocked(fresh)
	r.tellLocked()
}

// undoPartsLocked records the attachments that were made, and takes off again
// those of a tenant that did not get all of its own. Interfaces that go by ifindex
// are not held to each other.
func (r *Runtime) undoPartsLocked(fresh []*attachment, errs []error) {
	for i, a := range fresh {
		if errs[i] != nil && !vanished(errs[i]) {
			a.tenant.failed(a.index, errs[i])
		}
	}
	var undo []*attachment
	for i, a := range fresh {
		switch {
		case errs[i] != nil:
		case a.tenant.err != nil && !a.tenant.standsAlone(a.index):
			undo = append(undo, a)
		default:
			r.keepLocked(a)
		}
	}
	if err := r.detachLocked(undo); err != nil {
		r.notify(Notice{Err: fmt.Errorf("undo a part of what was asked: %w", err)})
	}
}
