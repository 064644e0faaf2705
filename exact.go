// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// exactLink is the one link of an interface target that has an ifindex.
type exactLink struct {
	link linktable.Link
	// gone says that the link was deleted or left: a later one with its ifindex is
	// another.
	gone bool
}

// newExactLink finds the link of an interface target. The kernel is asked: the link may
// be so young that its message is still on its way to the table.
func newExactLink(table *linktable.Table, target Target) (*exactLink, error) {
	link, err := table.Ask(target.Ifindex)
	if errors.Is(err, unix.ENODEV) {
		return nil, fmt.Errorf("interface %s: no link here has ifindex %d: %w", target.Interface, target.Ifindex, os.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if link.Name != target.Interface {
		return nil, fmt.Errorf("interface %s: ifindex %d is %s here, was it looked up in another network namespace?: %w",
			target.Interface, target.Ifindex, link.Name, os.ErrNotExist)
	}
	return &exactLink{link: link}, nil
}

// endExactLocked ends the exact links that are gone.
func (r *Runtime) endExactLocked(list []change) {
	t := r.tenants[netns.Key{}]
	if t == nil || len(t.exact) == 0 {
		return
	}
	gone, moved := map[int]bool{}, map[int]bool{}
	for _, c := range list {
		if c.home != r.self.Key() || c.NSID != linktable.NoNSID {
			continue
		}
		gone[c.Link.Index] = gone[c.Link.Index] || c.Kind == linktable.LinkGone
		moved[c.Link.Index] = moved[c.Link.Index] || c.Kind == linktable.LinkMoved
	}
	for _, e := range t.exact {
		// What lives since the link was asked for is on a later link than the one whose
		// end is told only now. What was made since may be on one that nobody asked for.
		if moved[e.link.Index] || gone[e.link.Index] && !t.livesOn(e.link.Index) {
			e.gone = true
		}
	}
}

// noteAskedLocked notes the attachments of links that were just asked for.
func (r *Runtime) noteAskedLocked(added map[string]*tenant) {
	for id, t := range added {
		e := t.exact[id]
		if e == nil {
			continue
		}
		for _, d := range r.program.directions() {
			at := placement{space: r.self.Key(), index: e.link.Index, point: ownPoint(d), direction: d}
			if a := t.attachments[at]; a != nil {
				a.asked = true
			}
		}
	}
}

// livesOn says whether a hook that was there when the link with that ifindex was
// asked for still is.
func (t *tenant) livesOn(index int) bool {
	for p, a := range t.attachments {
		if p.index == index && a.asked && !a.hook.Gone() {
			return true
		}
	}
	return false
}

// doubtExact lets the next look be about the interfaces alone that targets just
// added mean by their ifindex: one more, or one less, among many is no reason to
// look at the rest.
func (t *tenant) doubtExact(added map[string]*tenant) {
	if t.ns != nil {
		return
	}
	t.doubted = map[int]bool{}
	for id, its := range added {
		if its != t {
			continue
		}
		e := t.exact[id]
		if e == nil {
			t.doubted = nil
			return
		}
		t.doubted[e.link.Index] = true
	}
}

// failed notes that a link could not be attached.
func (t *tenant) failed(index int, err error) {
	t.err = errors.Join(t.err, err)
	if t.ns != nil {
		return
	}
	if t.linkErrs == nil {
		t.linkErrs = map[int]error{}
	}
	t.linkErrs[index] = errors.Join(t.linkErrs[index], err)
}

// errOf is what the last attempt to attach to the links of one target ended with.
func (t *tenant) errOf(id string) error {
	if e := t.exact[id]; e != nil && t.linkErrs != nil {
		return t.linkErrs[e.link.Index]
	}
	return t.err
}

// standsAlone says whether a link is one that a target means by its ifindex, and
// has no error of its own.
func (t *tenant) standsAlone(index int) bool {
	if t.linkErrs == nil || t.linkErrs[index] != nil {
		return false
	}
	for _, e := range t.exact {
		if e.link.Index == index && !e.gone {
			return true
		}
	}
	return false
}

// interfaces are the links that the interface targets mean, those that the
// table does not know yet included.
func (t *tenant) interfaces(table *linktable.Table) ([]linktable.Link, error) {
	taken := map[int]bool{}
	var list []linktable.Link
	for _, e := range t.exact {
		if e.gone || taken[e.link.Index] {
			continue
		}
		taken[e.link.Index] = true
		if link, known := table.Link(e.link.Index); known {
			list = append(list, link)
		} else {
			list = append(list, e.link)
		}
	}
	var patterns []string
	for id, target := range t.targets {
		if t.exact[id] == nil {
			patterns = append(patterns, target.Interface)
		}
	}
	if len(patterns) == 0 {
		return list, nil
	}
	for _, link := range table.Links() {
		wanted, err := matchesAny(patterns, link.Name)
		if err != nil {
			return nil, err
		}
		if wanted && !taken[link.Index] {
			list = append(list, link)
		}
	}
	return list, nil
}

func matchesAny(patterns []string, name string) (bool, error) {
	for _, pattern := range patterns {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return false, fmt.Errorf("interface pattern %q: %w", pattern, err)
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}
