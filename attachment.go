// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// placement is where one attachment goes and what it stands for.
type placement struct {
	space     netns.Key
	index     int
	point     hook.Point
	direction Direction
}

// attachment is one program on one hook.
type attachment struct {
	placement
	tenant *tenant
	// inner is the link inside the target's netns, host its other end. For a hook
	// inside, or an interface target, host or inner is zero.
	inner, host linktable.Link
	// own asks for a copy of the program that serves this link alone.
	own bool
	// asked says of one on an exact link that it was there when the link was last
	// asked for, and not made since.
	asked bool
	load  *load
	hook  *hook.Hook
	since time.Time
}

// hostPoint is where the host end of a veth sees traffic of a direction: what
// the container receives leaves the host end, and the other way round.
func hostPoint(d Direction) hook.Point {
	if d == Ingress {
		return hook.Egress
	}
	return hook.Ingress
}

// ownPoint is where the link itself sees traffic of a direction.
func ownPoint(d Direction) hook.Point {
	if d == Ingress {
		return hook.Ingress
	}
	return hook.Egress
}

// attachLocked makes the attachments and returns an error for each that was not
// made, in the same order. Nothing stays of one that failed.
func (r *Runtime) attachLocked(ctx context.Context, list []*attachment) []error {
	errs := make([]error, len(list))
	bySpace := map[netns.Key][]int{}
	tooMany := false
	for i, a := range list {
		if errs[i] = r.prepareLocked(a); errs[i] == nil {
			bySpace[a.space] = append(bySpace[a.space], i)
			tooMany = tooMany || r.alone(a) && a.load.key.index == 0
		}
	}
	if tooMany {
		r.notify(Notice{Err: errTooMany})
	}
	for key, members := range bySpace {
		requests := make([]hook.Request, len(members))
		for n, i := range members {
			a := list[i]
			requests[n] = hook.Request{Index: a.index, Point: a.point, Program: a.load.Program(), Order: r.opts.Order.on(r.opts.Verdict)}
		}
		hooks, failures := r.spaces[key].hooks.Attach(ctx, requests)
		for n, i := range members {
			a := list[i]
			if failures[n] == nil {
				a.hook, a.since = hooks[n], time.Now()
				r.made++
				continue
			}
			errs[i] = errors.Join(fmt.Errorf("link %s: %w", a.linkName(), failures[n]), r.leaveLocked(a.load, a.index))
		}
	}
	return errs
}

// prepareLocked enters the link into a load, so that the program knows it before
// the first packet comes.
func (r *Runtime) prepareLocked(a *attachment) error {
	if a.tenant.ns != nil && a.space == a.tenant.ns.Key() {
		if _, err := r.insideLocked(a.tenant); err != nil {
			return err
		}
	}
	key := loadKey{direction: a.direction, point: a.point, space: a.space}
	if r.alone(a) && r.roomLocked() {
		key.netns, key.index = a.tenant.inode(r), a.index
	}
	var err error
	a.load, err = r.enterLocked(key, a.index, a.tenant.inode(r))
	if err != nil {
		return fmt.Errorf("prepare for %s: %w", a.linkName(), err)
	}
	return nil
}

// alone says that a link is to have a copy of the program to itself. Events of
// loaded programs are the caller's.
func (r *Runtime) alone(a *attachment) bool { return a.own && r.program.Loaded == nil }

// goneLocked says which attachments of the tenants the kernel no longer has. It asks
// once for each namespace with hooks.
func (r *Runtime) goneLocked(tenants []*tenant) map[*attachment]bool {
	bySpace := map[netns.Key][]*attachment{}
	for _, t := range tenants {
		for _, a := range t.attachments {
			if t.doubted == nil || t.doubted[a.index] {
				bySpace[a.space] = append(bySpace[a.space], a)
			}
		}
		t.doubted = nil
	}
	gone := map[*attachment]bool{}
	for key, list := range bySpace {
		hooks := make([]*hook.Hook, len(list))
		for i, a := range list {
			hooks[i] = a.hook
		}
		for i, is := range r.spaces[key].hooks.Gone(hooks) {
			gone[list[i]] = is
		}
	}
	return gone
}

// detachLocked takes attachments off their hooks and keeps what they counted.
func (r *Runtime) detachLocked(list []*attachment) error {
	bySpace := map[netns.Key][]*hook.Hook{}
	for _, a := range list {
		if a.hook != nil {
			bySpace[a.space] = append(bySpace[a.space], a.hook)
		}
	}
	var errs []error
	for key, hooks := range bySpace {
		errs = append(errs, r.spaces[key].hooks.Detach(hooks))
	}
	for _, a := range list {
		r.dropLocked(a)
		if a.load == nil {
			continue
		}
		counters, err := a.load.Counters(a.index)
		r.past.add(counters)
		errs = append(errs, err, r.leaveLocked(a.load, a.index))
		a.hook, a.load = nil, nil
	}
	return errors.Join(errs...)
}

// keepLocked enters an attachment that was made into what its tenant has.
func (r *Runtime) keepLocked(a *attachment) {
	if a.tenant.attachments[a.placement] == nil {
		r.attached++
	}
	a.tenant.attachments[a.placement] = a
	r.directory.attached(a)
}

// dropLocked takes one out again, if it was ever entered.
func (r *Runtime) dropLocked(a *attachment) {
	if a.tenant.attachments[a.placement] == a {
		delete(a.tenant.attachments, a.placement)
		r.attached--
		r.directory.detached(a)
	}
}

func (a *attachment) linkName() string {
	link := a.host
	if link.Index == 0 {
		link = a.inner
	}
	return fmt.Sprintf("%s (ifindex %d)", link.Name, link.Index)
}

// vanished says whether an attachment failed because its link is gone, which is
// no failure: there is nothing left to attach to.
func vanished(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO)
}
