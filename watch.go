// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// Retries of what could not be attached begin after firstRetry and double up to lastRetry.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
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

// backoff says when to try again what fails. The zero value is due at once.
type backoff struct {
	delay time.Duration
	next  time.Time
}

func (b *backoff) due(now time.Time) bool { return !now.Before(b.next) }

func (b *backoff) failed(now time.Time) {
	b.delay = min(max(2*b.delay, firstRetry), lastRetry)
	b.next = now.Add(b.delay)
}

// failure is a target of Follow that could not be attached and is tried again.
type failure struct {
	backoff

	target Target
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
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for _, c := range list {
		if c.Kind == linktable.Stale {
			r.notify(Notice{Err: fmt.Errorf("links may come and go unseen: %w", c.Err)})
		}
	}
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

// retry tries again what Follow could not attach, and tenants left incomplete.
func (r *Runtime) retry(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	now := time.Now()
	r.retryTargetsLocked(ctx, now)
	r.retryTenantsLocked(now)
	for inode, since := range r.departed {
		if now.Sub(since) > linkMemory {
			r.links.Delete(inode)
			delete(r.departed, inode)
		}
	}
}

func (r *Runtime) retryTargetsLocked(ctx context.Context, now time.Time) {
	for id, f := range r.failed {
		if !f.due(now) {
			continue
		}
		err := r.addLocked(ctx, []Target{f.target})
		if err != nil && !isFinal(err) {
			f.failed(now)
			continue
		}
		delete(r.failed, id)
		r.notify(Notice{Target: id, Err: err})
	}
}

func (r *Runtime) retryTenantsLocked(now time.Time) {
	var incomplete []*tenant
	for _, t := range r.tenants {
		if t.err != nil && t.retry.due(now) {
			incomplete = append(incomplete, t)
		}
	}
	r.reconcileLocked(incomplete)
	for _, t := range incomplete {
		if t.err != nil {
			t.retry.failed(now)
		} else {
			t.retry = backoff{}
		}
	}
}

// isFinal says whether trying again cannot help.
func isFinal(err error) bool {
	return errors.Is(err, ErrHostNetwork) || errors.Is(err, os.ErrNotExist)
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
