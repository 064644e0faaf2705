// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/linktable"
)

// Link is a network interface as its own network namespace knows it. The zero
// value is none.
type Link struct {
	// Name is for people: it changes, and is used again. Ifindex is unique within
	// the namespace, and above 0.
	Name    string
	Ifindex int
}

// Attachment is one program on one hook.
type Attachment struct {
	// Targets are the ids of the targets that share it, sorted.
	Targets []string
	// Netns is the nsfs inode of the targets' network namespace; our own for interface targets.
	Netns uint32
	// Link is the link inside that namespace, Host its other end if that is where
	// the hook is. For an interface target only Host is set.
	Link, Host Link
	// Direction is that of the packets as the targets see them.
	Direction Direction
	Backend   Backend
	// ProgramID is the id of the program on the hook, which calls the user's.
	ProgramID ebpf.ProgramID
	// Since is when it was attached, Counters what has passed it from then on.
	Since    time.Time
	Counters Counters
	// Err is what the last attempt to attach to all links of the targets ended with;
	// nil if all is well.
	Err error
}

// Status is what a target has.
type Status struct {
	// Target is its id, Netns the nsfs inode of its network namespace.
	Target string
	Netns  uint32
	// Attachments is how many there are.
	Attachments int
	// Err is what the last attempt to attach ended with; nil if all is well.
	Err error
}

// Attachments lists what is attached, by network namespace, link and direction,
// with its counters. Returns [ErrClosed] after Close.
func (r *Runtime) Attachments() ([]Attachment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, closedError{}
	}
	var list []Attachment
	var errs []error
	for _, t := range r.tenants {
		for _, a := range t.attachments {
			one := Attachment{
				Targets: slices.Sorted(maps.Keys(t.targets)), Netns: t.inode(r),
				Link: publicLink(a.inner), Host: publicLink(a.host),
				Direction: a.direction, Backend: r.Backend(), ProgramID: a.hook.Program(), Since: a.since, Err: t.err,
			}
			counters, err := a.load.Counters(a.index)
			errs = append(errs, err)
			one.Counters.add(counters)
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Attachment) int {
		return cmp.Or(cmp.Compare(a.Netns, b.Netns), cmp.Compare(a.Link.Ifindex, b.Link.Ifindex),
			cmp.Compare(a.Host.Ifindex, b.Host.Ifindex), cmp.Compare(a.Direction, b.Direction))
	})
	return list, errors.Join(errs...)
}

// Targets says how each target fares, by id. Returns [ErrClosed] after Close.
func (r *Runtime) Targets() ([]Status, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, closedError{}
	}
	var list []Status
	for id, t := range r.targets {
		list = append(list, Status{Target: id, Netns: t.inode(r), Attachments: len(t.attachments), Err: t.errOf(id)})
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.Target, b.Target) })
	return list, nil
}

// Totals is what a Runtime has done so far.
type Totals struct {
	// Attachments is how many were ever made, Counters what passed them.
	Attachments int
	Counters    Counters
}

// Totals sums up all attachments, those that are gone included. It works after
// Close as well.
func (r *Runtime) Totals() (Totals, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := Totals{Attachments: r.made, Counters: r.past}
	total.Counters.Verdicts = maps.Clone(r.past.Verdicts)
	var errs []error
	for _, t := range r.tenants {
		for _, a := range t.attachments {
			counters, err := a.load.Counters(a.index)
			errs = append(errs, err)
			total.Counters.add(counters)
		}
	}
	return total, errors.Join(errs...)
}

// Maps are the program's maps that all copies share, by name; none of a program
// that the caller has loaded, whose maps are the caller's. They are the Runtime's: do
// not close them, nor use them after Close or Replace. It is nil after Close.
func (r *Runtime) Maps() map[string]*ebpf.Map {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	return r.source.Maps()
}

func publicLink(l linktable.Link) Link { return Link{Name: l.Name, Ifindex: l.Index} }
