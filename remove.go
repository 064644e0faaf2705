// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/boathook/boathook/internal/netns"
)

// Remove detaches, in one burst, from the links of the targets with these ids
// unless another target in the same network namespace needs them. The errors of
// ids that were never added wrap [ErrNotAttached].
func (r *Runtime) Remove(ids ...string) error {
	r.mu.Lock()
	err := r.takeOutLocked(context.Background(), ids)
	return errors.Join(err, r.unlock())
}

func (r *Runtime) takeOutLocked(ctx context.Context, ids []string) error {
	if r.closed {
		return closedError{}
	}
	var errs []error
	known := map[string]*tenant{}
	for _, id := range ids {
		switch t := r.targets[id]; {
		case t != nil:
			known[id] = t
		case r.failed[id] != nil:
			delete(r.failed, id)
		default:
			errs = append(errs, fmt.Errorf("%s: %w", id, ErrNotAttached))
		}
	}
	return errors.Join(append(errs, r.removeLocked(ctx, known))...)
}

// removeLocked takes targets out of their tenants and frees tenants left empty,
// also when ctx is done.
func (r *Runtime) removeLocked(ctx context.Context, byID map[string]*tenant) error {
	var stale []*attachment
	var empty, interfaces []*tenant
	for id, t := range byID {
		delete(t.targets, id)
		delete(t.exact, id)
		delete(r.targets, id)
	}
	for _, t := range distinct(byID) {
		switch {
		case len(t.targets) == 0:
			stale = append(stale, t.list()...)
			empty = append(empty, t)
		case t.ns == nil:
			t.doubtExact(nil)
			interfaces = append(interfaces, t)
		}
	}
	errs := []error{r.detachLocked(stale)}
	for _, t := range empty {
		errs = append(errs, r.evictLocked(t))
	}
	r.reconcileLocked(context.WithoutCancel(ctx), interfaces)
	r.tellLocked()
	return errors.Join(errs...)
}

// evictLocked forgets a tenant that has no targets and no attachments.
func (r *Runtime) evictLocked(t *tenant) error {
	if t.ns == nil {
		delete(r.tenants, netns.Key{})
		return nil
	}
	key := t.ns.Key()
	delete(r.tenants, key)
	r.directory.forget(t)
	r.departed[t.ns.Inode()] = time.Now()
	var err error
	if s := r.spaces[key]; s != nil && s.table == nil {
		err = s.close()
		delete(r.spaces, key)
	}
	if t.watched {
		err = errors.Join(err, r.lonely.Remove(key))
	}
	return errors.Join(err, t.close())
}
