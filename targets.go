// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// Add attaches the program to all links of the targets, in one burst, and to
// links that they get later. A target that is known already is left as it is. A
// target without any link yet is no error.
//
// For each target all links are attached or none; the errors of those that were
// not added are joined, each with the target's id. They wrap [ErrHostNetwork] if
// a target shares our network, os.ErrNotExist if it is gone, [ErrNotNetns] if its
// path is not one's, path.ErrBadPattern for a malformed glob, [ErrOrder] or
// [ErrIngressQdisc] if a hook cannot be had as asked, [ErrClosed] after Close, or
// the context's error: then none was added.
func (r *Runtime) Add(ctx context.Context, targets ...Target) error {
	r.mu.Lock()
	err := r.addLocked(ctx, targets)
	return errors.Join(err, r.unlock())
}

func (r *Runtime) addLocked(ctx context.Context, targets []Target) error {
	failed, err := r.addEachLocked(ctx, targets)
	errs := []error{err}
	for _, target := range targets {
		if err := failed[target.ID]; err != nil {
			errs = append(errs, &targetError{target.ID, err})
			delete(failed, target.ID)
		}
	}
	return errors.Join(errs...)
}

// addEachLocked adds targets and returns the errors of those that it did not, by
// id, and one that stopped them all or was left over.
func (r *Runtime) addEachLocked(ctx context.Context, targets []Target) (map[string]error, error) {
	if r.closed {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	failed := map[string]error{}
	added := map[string]*tenant{}
	homes := r.addHomesLocked(targets)
	for _, target := range targets {
		if r.targets[target.ID] != nil {
			continue
		}
		t, err := r.admitLocked(target, homes[target.RuntimePID])
		if err != nil {
			failed[target.ID] = withAdvice(err)
			continue
		}
		added[target.ID] = t
	}
	if err := ctx.Err(); err != nil {
		return failed, errors.Join(err, r.removeLocked(added))
	}
	tenants := distinct(added)
	for _, t := range tenants {
		t.doubtPins(added)
	}
	r.reconcileLocked(tenants)
	r.noteAskedLocked(added)
	rejected := map[string]*tenant{}
	for id, t := range added {
		if err := t.errOf(id); err != nil {
			rejected[id] = t
			failed[id] = withAdvice(err)
		}
	}
	return failed, r.removeLocked(rejected)
}

// withAdvice says what to do about a limit that many containers reach.
func withAdvice(err error) error {
	if errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("%w (raise the limit of open files, as by ulimit -n: a container takes one, and each TCX hook another)", err)
	}
	return err
}

// targetError is an error with the id of the target that it concerns.
type targetError struct {
	id  string
	err error
}

func (e *targetError) Error() string { return e.id + ": " + e.err.Error() }

func (e *targetError) Unwrap() error { return e.err }

func distinct(byID map[string]*tenant) []*tenant {
	var list []*tenant
	seen := map[*tenant]bool{}
	for _, t := range byID {
		if !seen[t] {
			seen[t] = true
			list = append(list, t)
		}
	}
	return list
}

// admitLocked finds or makes the target's tenant. home is what went wrong with the
// network namespace of its runtime.
func (r *Runtime) admitLocked(target Target, home error) (*tenant, error) {
	if err := errors.Join(target.check(), home); err != nil {
		return nil, err
	}
	if target.HostNetwork {
		return nil, ErrHostNetwork
	}
	var t *tenant
	var err error
	if target.Interface != "" {
		t, err = r.interfaceTenantLocked(target)
	} else {
		t, err = r.netnsTenantLocked(target)
	}
	if err != nil {
		return nil, err
	}
	t.targets[target.ID] = target
	r.targets[target.ID] = t
	return t, nil
}

func (r *Runtime) interfaceTenantLocked(target Target) (*tenant, error) {
	var one *pin
	var err error
	if target.Ifindex != 0 {
		one, err = newPin(r.spaces[r.self.Key()].table, target)
	} else {
		_, err = matchesAny([]string{target.Interface}, "")
	}
	if err != nil {
		return nil, err
	}
	t := r.tenants[netns.Key{}]
	if t == nil {
		t = newTenant(nil)
		r.tenants[netns.Key{}] = t
	}
	if one != nil {
		t.pins[target.ID] = one
	}
	return t, nil
}

func (r *Runtime) netnsTenantLocked(target Target) (*tenant, error) {
	ns, err := target.openNetns()
	if err != nil {
		return nil, err
	}
	if t := r.tenants[ns.Key()]; t != nil {
		return t, ns.Close()
	}
	t := newTenant(ns)
	r.tenants[ns.Key()] = t
	delete(r.departed, ns.Inode())
	return t, nil
}

// addHomesLocked makes the network namespaces of the targets' runtimes homes, and
// returns what went wrong by process id.
func (r *Runtime) addHomesLocked(targets []Target) map[int]error {
	errs := map[int]error{}
	for _, target := range targets {
		pid := target.RuntimePID
		if _, known := errs[pid]; !known && pid > 0 && !target.HostNetwork && target.Interface == "" && r.targets[target.ID] == nil {
			errs[pid] = r.addHomeLocked(pid)
		}
	}
	return errs
}

// addHomeLocked makes the network namespace of a runtime's daemon a home.
func (r *Runtime) addHomeLocked(pid int) error {
	ns, err := netns.OpenPID(pid)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the daemon is being restarted; the links stay where they are
	}
	if err != nil {
		return fmt.Errorf("open network namespace of the runtime: %w", err)
	}
	return errors.Join(r.homeLocked(ns), ns.Close())
}

// Remove detaches, in one burst, from the links of the targets with these ids
// unless another target in the same network namespace needs them. The errors of
// ids that were never added wrap [ErrNotAttached].
func (r *Runtime) Remove(ids ...string) error {
	r.mu.Lock()
	err := r.takeOutLocked(ids)
	return errors.Join(err, r.unlock())
}

func (r *Runtime) takeOutLocked(ids []string) error {
	if r.closed {
		return ErrClosed
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
	return errors.Join(append(errs, r.removeLocked(known))...)
}

// removeLocked takes targets out of their tenants and frees tenants left empty.
func (r *Runtime) removeLocked(byID map[string]*tenant) error {
	var stale []*attachment
	var empty, interfaces []*tenant
	for id, t := range byID {
		delete(t.targets, id)
		delete(t.pins, id)
		delete(r.targets, id)
	}
	for _, t := range distinct(byID) {
		switch {
		case len(t.targets) == 0:
			stale = append(stale, t.list()...)
			empty = append(empty, t)
		case t.ns == nil:
			t.doubtPins(nil)
			interfaces = append(interfaces, t)
		}
	}
	errs := []error{r.detachLocked(stale)}
	for _, t := range empty {
		errs = append(errs, r.evictLocked(t))
	}
	r.reconcileLocked(interfaces)
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
