// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/boathook/boathook/internal/fault"
)

// crowd is all containers that the sources reported, with those that the user
// asked for marked. Safe for concurrent use.
type crowd struct {
	sel    container.Selector
	netns  func(inode uint32) bool // nil: all
	index  *enrich.Index
	taps   []*tap
	mu     sync.Mutex        // guards the fields below
	others map[string]string // names of containers that did not match, by target id
	picked map[string]string // and of those that did and are there
	shared map[string]bool   // those of them that have the host's network, by target id
	total  int               // that ever did
}

func newCrowd(t Targets, index *enrich.Index) (*crowd, error) {
	sel, err := container.ParseSelector(t.Containers, t.Images, t.Labels)
	if err != nil {
		return nil, fault.Usage("a name, an id, a glob such as 'web*', or !name; a label as a=b, a!=b, 'a in (b,c)'", "%w", err)
	}
	filter, err := t.netnsFilter()
	if err != nil {
		return nil, err
	}
	return &crowd{sel: sel, netns: filter, index: index, others: map[string]string{}, picked: map[string]string{}, shared: map[string]bool{}}, nil
}

// admit says whether the user asked for a container, and remembers it.
func (c *crowd) admit(each container.Container) bool {
	key, name := boathook.ContainerTarget(each).ID, each.Name
	if name == "" {
		name = each.ID
	}
	inode, err := inodeOf(each)
	ok := c.sel.Match(each) && (c.netns == nil || err == nil && c.netns(inode))
	// Who shares a namespace with a container that was asked for may have sent its
	// packets as well. A name of the namespace is no more than that.
	if err == nil && !each.HostNetwork && each.Runtime != processName && (ok || each.Runtime != netnsdir.Name) {
		c.index.Add(inode, each)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.others, key)
	if !ok {
		delete(c.picked, key)
		c.others[key] = name
		return false
	}
	if _, known := c.picked[key]; !known {
		c.total++
	}
	c.picked[key] = name
	return true
}

func (c *crowd) leave(each container.Container) {
	c.index.Remove(each)
	c.mu.Lock()
	defer c.mu.Unlock()
	key := boathook.ContainerTarget(each).ID
	delete(c.others, key)
	delete(c.picked, key)
	delete(c.shared, key)
}

// share remembers that a target has no network of its own.
func (c *crowd) share(target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared[target] = true
}

func (c *crowd) nothingMatched() bool { return c.ever() == 0 }

func (c *crowd) ever() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

func (c *crowd) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.picked)
}

// names lists what matched, for a message.
func (c *crowd) names() string { return c.list(func(string) bool { return true }) }

// linkless lists what matched and may get links, for a message while there are none.
func (c *crowd) linkless() string {
	return c.list(func(target string) bool { return !c.shared[target] })
}

// list lists those that matched and for which wanted holds; that is called with the lock held.
func (c *crowd) list(wanted func(target string) bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for target, name := range c.picked {
		if wanted(target) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// title is what people call a target.
func (c *crowd) title(target string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name := c.picked[target]; name != "" {
		return name
	}
	return target
}

// explain says that nothing matched, and what is near.
func (c *crowd) explain(t Targets) (text, hint string) {
	switch {
	case t.onlyInterfaces():
		return fmt.Sprintf("no link matches %q", strings.Join(t.Interfaces, ", ")), "ip link shows the names"
	case len(t.Netns) > 0 && !t.picksContainers() && !t.All:
		wanted, names := t.netnsNames()
		return fmt.Sprintf("no network namespace is called %q", strings.Join(t.Netns, ", ")), near(wanted, names, "ip netns list shows the names")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	names := slices.Sorted(maps.Values(c.others))
	asked := slices.Concat(t.Containers, t.Images, t.Labels, t.Netns, t.Interfaces)
	if len(asked) == 0 {
		return "no container is running", "boathook ps shows what there is"
	}
	wanted := splitCommas(slices.Concat(t.Containers, t.Images, t.Labels))
	return fmt.Sprintf("no container matches %q", strings.Join(asked, ", ")), near(wanted, names, "boathook ps shows what there is")
}

// near names what is like one of those wanted, or some of all there are.
func near(wanted, names []string, none string) string {
	for _, want := range wanted {
		if found := nearest(want, names, 3); len(found) > 0 {
			return "near it: " + strings.Join(found, ", ")
		}
	}
	if len(names) > 0 {
		return "there are: " + strings.Join(names[:min(len(names), 8)], ", ")
	}
	return none
}

func (c *crowd) noMatch(t Targets) error {
	text, hint := c.explain(t)
	return fault.NoMatch(hint, "%s", text)
}

// tap lets pass the events of a source that concern the run.
type tap struct {
	container.Source
	crowd  *crowd
	once   sync.Once
	synced chan struct{} // closed when what runs at the start is attached
}

// Watch implements container.Source.
func (t *tap) Watch(ctx context.Context, emit func(container.Event)) error {
	return t.Source.Watch(ctx, func(e container.Event) {
		switch e.Type {
		case container.Added, container.Changed:
			if !t.crowd.admit(e.Container) {
				if e.Type == container.Changed {
					e.Type = container.Removed
					emit(e)
				}
				return
			}
		case container.Removed:
			emit(e)
			t.crowd.leave(e.Container)
			return
		case container.Synced, container.Degraded:
		}
		emit(e)
		if e.Type == container.Synced {
			t.sync()
		}
	})
}

func (t *tap) sync() { t.once.Do(func() { close(t.synced) }) }

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}
