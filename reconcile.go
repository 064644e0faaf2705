// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
)

// reconcileLocked makes what is attached for the tenants what should be. New
// hooks are made in one burst. A tenant for which one fails keeps what it had;
// its error is in tenant.err, as is ctx's if it is done before all hooks are made.
func (r *Runtime) reconcileLocked(ctx context.Context, tenants []*tenant) {
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
	r.undoPartsLocked(fresh, r.attachLocked(ctx, fresh))
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
