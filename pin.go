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

// pin is the one link of an interface target that has an ifindex.
type pin struct {
	link linktable.Link
	// gone says that the link was deleted or left: a later one with its ifindex is
	// another.
	gone bool
}

// newPin finds the link of an interface target. The kernel is asked: the link may
// be so young that its message is still on its way to the table.
func newPin(table *linktable.Table, target Target) (*pin, error) {
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
	return &pin{link: link}, nil
}

// unpinLocked ends the pins of links that are gone.
func (r *Runtime) unpinLocked(list []change) {
	t := r.tenants[netns.Key{}]
	if t == nil || len(t.pins) == 0 {
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
	for _, p := range t.pins {
		// What lives since the link was asked for is on a later link than the one whose
		// end is told only now. What was made since may be on one that nobody asked for.
		if moved[p.link.Index] || gone[p.link.Index] && !t.livesOn(p.link.Index) {
			p.gone = true
		}
	}
}

// noteAskedLocked notes the attachments of links that were just asked for.
func (r *Runtime) noteAskedLocked(added map[string]*tenant) {
	for id, t := range added {
		p := t.pins[id]
		if p == nil {
			continue
		}
		for _, d := range r.program.directions() {
			at := placement{space: r.self.Key(), index: p.link.Index, point: ownPoint(d), direction: d}
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

// doubtPins lets the next look be about the interfaces alone that targets just
// added mean by their ifindex: one more, or one less, among many is no reason to
// look at the rest.
func (t *tenant) doubtPins(added map[string]*tenant) {
	if t.ns != nil {
		return
	}
	t.doubted = map[int]bool{}
	for id, its := range added {
		if its != t {
			continue
		}
		p := t.pins[id]
		if p == nil {
			t.doubted = nil
			return
		}
		t.doubted[p.link.Index] = true
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
	if p := t.pins[id]; p != nil && t.linkErrs != nil {
		return t.linkErrs[p.link.Index]
	}
	return t.err
}

// standsAlone says whether a link is one that a target means by its ifindex, and
// has no error of its own.
func (t *tenant) standsAlone(index int) bool {
	if t.linkErrs == nil || t.linkErrs[index] != nil {
		return false
	}
	for _, p := range t.pins {
		if p.link.Index == index && !p.gone {
			return true
		}
	}
	return false
}

// interfaces are the links that the interface targets mean, those that the
// table does not know yet included.
func (t *tenant) interfaces(table *linktable.Table) ([]linktable.Link, error) {
	pinned := map[int]bool{}
	var list []linktable.Link
	for _, p := range t.pins {
		if p.gone || pinned[p.link.Index] {
			continue
		}
		pinned[p.link.Index] = true
		if link, known := table.Link(p.link.Index); known {
			list = append(list, link)
		} else {
			list = append(list, p.link)
		}
	}
	var patterns []string
	for id, target := range t.targets {
		if t.pins[id] == nil {
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
		if wanted && !pinned[link.Index] {
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
