// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// firstAge is the age of the links of the first list: old enough for
	// every question about links that are too young.
	firstAge = time.Hour
	// retryInterval is the time until the links are listed again after that
	// did not work.
	retryInterval = 100 * time.Millisecond
)

// Table holds the links of one network namespace and keeps up with them. It is
// safe for concurrent use.
type Table struct {
	ns       *netns.NS
	client   *client
	socket   *socket
	listener *listener
	visits   atomic.Int64
	onChange func(Change)
	// ownNSID is the id that the namespace has in itself; kernels before the
	// stable updates of mid-2026 put it on its own messages (do_one_broadcast in
	// net/netlink/af_netlink.c). It belongs to the goroutine.
	ownNSID int

	done      chan struct{} // closed by Close
	finished  sync.WaitGroup
	closeOnce sync.Once
	closeErr  error

	// mu guards the field below.
	mu    sync.RWMutex
	index *index
}

// Open lists the links of ns, which must stay open until Close, and follows
// them from then on. Changes, also those inside every namespace that has an id
// in ns, go to onChange, one after the other from one goroutine and with no
// lock held; the first list is not told. onChange must not call Close and
// should return soon: messages wait meanwhile. Needs CAP_SYS_ADMIN and
// CAP_NET_ADMIN, and CAP_NET_BROADCAST for the changes in other namespaces.
func Open(ns *netns.NS, onChange func(Change)) (*Table, error) {
	return open(ns, onChange, receiveBufferBytes)
}

func open(ns *netns.NS, onChange func(Change), bufferBytes int) (*Table, error) {
	// Subscribe first, list second: nothing can happen in between.
	l, err := listen(ns, bufferBytes)
	if err != nil {
		return nil, err
	}
	c, err := dial(ns)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	s, err := openSocket(ns)
	if err != nil {
		return nil, errors.Join(err, c.close(), l.close())
	}
	t := &Table{ns: ns, client: c, socket: s, listener: l, onChange: onChange, done: make(chan struct{})}
	links, err := c.dump()
	if err == nil {
		t.ownNSID, err = c.nsid(ns)
	}
	if err != nil {
		return nil, errors.Join(err, s.close(), c.close(), l.close())
	}
	t.index = newIndex(links, time.Now().Add(-firstAge))
	t.finished.Go(t.follow)
	return t, nil
}

// NS returns the namespace whose links these are.
func (t *Table) NS() *netns.NS { return t.ns }

// Links returns all links, by interface index.
func (t *Table) Links() []Link {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.index.all()
}

// Link returns the link with that interface index.
func (t *Table) Link(ifindex int) (Link, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, isKnown := t.index.links[ifindex]
	return e.link, isKnown
}

// Age returns how long the link is known, 0 if it is not. Links that were there
// when the table was opened are at least an hour old.
func (t *Table) Age(ifindex int) time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, isKnown := t.index.links[ifindex]
	if !isKnown {
		return 0
	}
	return time.Since(e.since)
}

// Close stops following and waits until onChange has returned for the last
// time. It may be called more than once.
func (t *Table) Close() error {
	t.closeOnce.Do(func() {
		close(t.done)
		err := t.listener.close()
		t.finished.Wait()
		if err = errors.Join(err, t.socket.close(), t.client.close()); err != nil {
			t.closeErr = fmt.Errorf("close links of %s: %w", t.ns, err)
		}
	})
	return t.closeErr
}

// follow runs until Close.
func (t *Table) follow() {
	receive := t.listener.receive
	for {
		n, err := receive()
		switch {
		case err == nil:
			t.tell(t.apply(n))
		case errors.Is(err, errLost):
			// List again only with no older message left: it could bring back
			// a link whose end was among the lost ones.
			receive = t.listener.poll
		case errors.Is(err, errNoMessage):
			if !t.resync() {
				return
			}
			receive = t.listener.receive
		default:
			return // closed
		}
	}
}

// resync lists the links until that works and reports false after Close.
func (t *Table) resync() bool {
	retry := time.NewTicker(retryInterval)
	defer retry.Stop()
	for isFirst := true; ; isFirst = false {
		links, err := t.client.dump()
		if err == nil {
			t.ownNSID, err = t.client.nsid(t.ns)
		}
		if err == nil {
			t.mu.Lock()
			changes := t.index.replace(links, time.Now())
			t.mu.Unlock()
			t.tell(append(changes, newChange(Resync, Link{}, NoNSID)))
			return true
		}
		if isFirst {
			stale := newChange(Stale, Link{}, NoNSID)
			stale.Err = err
			t.tell([]Change{stale})
		}
		select {
		case <-t.done:
			return false
		case <-retry.C:
		}
	}
}

func (t *Table) tell(changes []Change) {
	for _, c := range changes {
		t.onChange(c)
	}
}

// apply takes in what the kernel said and returns what that changed.
func (t *Table) apply(n notice) []Change {
	var changes []Change
	isOwn := n.nsid == NoNSID || n.nsid == t.ownNSID
	for _, raw := range n.messages {
		switch raw.Header.Type {
		case unix.RTM_NEWNSID:
			// The message that gives us an id in ourselves comes with that id on
			// it already. A thousand containers get other ids.
			if id, err := parseNSID(raw.Data); err == nil && id == n.nsid {
				t.refreshOwnNSID()
				isOwn = n.nsid == NoNSID || n.nsid == t.ownNSID
			}
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			m, isLink, err := parse(raw.Data)
			if err != nil || !isLink {
				continue // the kernel's own messages parse; others are not for us
			}
			if isOwn {
				changes = append(changes, t.applyOwn(raw.Header, m)...)
			} else {
				changes = append(changes, t.applyForeign(raw.Header, m, n.nsid)...)
			}
		}
	}
	return changes
}
