// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// Add attaches the program to all links of the targets, in one burst, and to
// links that they get later. A target that is known already, by its id, is left as
// it is. A target without any link yet is no error.
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
		return nil, closedError{}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	failed := map[string]error{}
	added := map[string]*tenant{}
	homes := r.addHomesLocked(targets)
	for _, target := range targets {
		if r.targets[target.ID] != nil || failed[target.ID] != nil {
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
		return failed, errors.Join(err, r.removeLocked(ctx, added))
	}
	tenants := distinct(added)
	for _, t := range tenants {
		t.doubtExact(added)
	}
	r.reconcileLocked(ctx, tenants)
	r.noteAskedLocked(added)
	rejected := map[string]*tenant{}
	for id, t := range added {
		if err := t.errOf(id); err != nil {
			rejected[id] = t
			failed[id] = withAdvice(err)
		}
	}
	if err := ctx.Err(); err != nil && len(rejected) > 0 {
		return nil, errors.Join(err, r.removeLocked(ctx, added))
	}
	return failed, r.removeLocked(ctx, rejected)
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

func (e *targetError) Error() string {
	if e.id == "" {
		return e.err.Error()
	}
	return e.id + ": " + e.err.Error()
}

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
	var one *exactLink
	var err error
	if target.Ifindex != 0 {
		one, err = newExactLink(r.spaces[r.self.Key()].table, target)
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
		t.exact[target.ID] = one
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
