// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"
	"time"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// space is a network namespace in which we have hooks.
type space struct {
	key   netns.Key
	hooks *hook.Set
	// table is the namespace's links, and own the namespace, if it is a home: one
	// that may hold the host ends of containers' links. Else the tenant owns it.
	table *linktable.Table
	own   *netns.NS
}

func (s *space) close() error {
	var errs []error
	if s.hooks != nil {
		errs = append(errs, s.hooks.Close())
	}
	if s.table != nil {
		errs = append(errs, s.table.Close())
	}
	if s.own != nil {
		errs = append(errs, s.own.Close())
	}
	return errors.Join(errs...)
}

// homeLocked makes ns a home: a space with its links watched. It does not keep ns.
func (r *Runtime) homeLocked(ns *netns.NS) error {
	key := ns.Key()
	if s := r.spaces[key]; s != nil && s.table != nil {
		return nil
	}
	s := &space{key: key}
	var err error
	if s.own, err = netns.OpenPath(fmt.Sprintf("/proc/self/fd/%d", ns.Fd())); err != nil {
		return fmt.Errorf("keep %s: %w", ns, err)
	}
	s.table, err = linktable.Open(s.own, func(c linktable.Change) { r.changes.push(change{key, c}) })
	if err != nil {
		return errors.Join(fmt.Errorf("watch links of %s: %w", ns, err), s.close())
	}
	if s.hooks, err = r.openSet(s.own, s.table.Age); err != nil {
		return errors.Join(err, s.close())
	}
	r.spaces[key] = s
	return nil
}

// insideLocked returns the space for hooks inside a tenant's network namespace.
func (r *Runtime) insideLocked(t *tenant) (*space, error) {
	key := t.ns.Key()
	if s := r.spaces[key]; s != nil {
		return s, nil
	}
	since := time.Now()
	hooks, err := r.openSet(t.ns, func(int) time.Duration { return time.Since(since) })
	if err != nil {
		return nil, err
	}
	s := &space{key: key, hooks: hooks}
	r.spaces[key] = s
	return s, nil
}

func (r *Runtime) openSet(ns *netns.NS, age func(int) time.Duration) (*hook.Set, error) {
	opts := r.hookOpts
	opts.LinkAge = age
	set, err := hook.Open(ns, r.backend, opts)
	if err != nil {
		return nil, fmt.Errorf("open hooks of %s: %w", ns, err)
	}
	return set, nil
}

// homesLocked are the spaces among whose links a container's host ends are looked for.
func (r *Runtime) homesLocked() []*space {
	var homes []*space
	for _, s := range r.spaces {
		if s.table != nil {
			homes = append(homes, s)
		}
	}
	return homes
}
