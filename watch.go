// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// linkMemory is how long the links of a target that is gone stay known.
const linkMemory = 10 * time.Second

// change is a link change with the home that reported it.
type change struct {
	home netns.Key
	linktable.Change
}

// changes collects link changes until the watching goroutine takes them.
type changes struct {
	wake chan struct{}

	mu   sync.Mutex // guards the fields below
	list []change
}

func newChanges() *changes { return &changes{wake: make(chan struct{}, 1)} }

func (c *changes) add(home netns.Key, each linktable.Change) {
	c.mu.Lock()
	c.list = append(c.list, change{home: home, Change: each})
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *changes) take() []change {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// watch attaches to links that come and forgets those that go, until ctx is done.
func (r *Runtime) watch(ctx context.Context) {
	retry := time.NewTicker(firstRetry)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changes.wake:
			r.followLinks(r.changes.take())
		case <-retry.C:
			r.retry(ctx)
		}
	}
}

func (r *Runtime) followLinks(list []change) {
	r.mu.Lock()
	r.followLinksLocked(list)
	r.unlockAndTell()
}

// unlockAndTell is unlock for what nobody called.
func (r *Runtime) unlockAndTell() {
	if err := r.unlock(); err != nil {
		r.notify(Notice{Err: fmt.Errorf("free copies of the program: %w", err)})
	}
}

func (r *Runtime) followLinksLocked(list []change) {
	if r.closed {
		return
	}
	for _, c := range list {
		if c.Kind == linktable.Stale {
			r.notify(Notice{Err: fmt.Errorf("links may come and go unseen: %w", c.Err)})
		}
	}
	r.unpinLocked(list)
	concerned := map[string]*tenant{}
	for _, t := range r.tenants {
		if r.concernsLocked(t, list) {
			for id := range t.targets {
				concerned[id] = t
				break
			}
		}
	}
	r.reconcileLocked(distinct(concerned))
	for id, t := range concerned {
		if t.err != nil {
			r.notify(Notice{Target: id, Err: t.err})
		}
	}
}

// concernsLocked says whether one of the changes may alter what is wanted for t.
func (r *Runtime) concernsLocked(t *tenant, list []change) bool {
	for _, c := range list {
		switch {
		case c.Kind == linktable.Resync:
			return true
		case t.ns == nil:
			if c.home == r.self.Key() && c.NSID == linktable.NoNSID {
				return true
			}
		case t.concerns(c):
			return true
		}
	}
	return false
}

// concerns is concernsLocked for one change and a tenant with a namespace.
func (t *tenant) concerns(c change) bool {
	if c.home == t.ns.Key() {
		return true
	}
	id, known := t.nsids[c.home]
	if !known || id == linktable.NoNSID {
		// Nobody has linked the two namespaces so far; this may be the first link.
		return c.MovedTo != linktable.NoNSID || c.Link.PeerNSID != linktable.NoNSID
	}
	if c.NSID != linktable.NoNSID {
		return c.NSID == id
	}
	return c.MovedTo == id || c.Link.PeerNSID == id || t.usesLink(c.home, c.Link.Index)
}

func (t *tenant) usesLink(space netns.Key, index int) bool {
	for p := range t.attachments {
		if p.space == space && p.index == index {
			return true
		}
	}
	return false
}

// tellLocked reports the number of attachments if it is another one.
func (r *Runtime) tellLocked() {
	n := 0
	for _, t := range r.tenants {
		n += len(t.attachments)
	}
	if n != r.told && r.opts.Changed != nil {
		r.opts.Changed(n)
	}
	r.told = n
}

func (r *Runtime) notify(n Notice) {
	if r.opts.Notify != nil {
		r.opts.Notify(n)
	}
}
