// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// ownHandle is the handle of each of our filters. Others take 1 or let the
	// kernel count from 1, so that a `tc filter replace` of theirs at the
	// priority that is ours does not replace ours.
	ownHandle = 0xb0a7

	// attachTries bounds how often another priority is looked for when
	// somebody else takes the chosen one meanwhile.
	attachTries = 5
)

// clsact attaches through filters of the clsact qdisc. It keeps no socket and
// no memory of what it made: before every change it looks again.
type clsact struct {
	ns    *netns.NS
	owner Owner
	age   func(index int) time.Duration
	// spent is the sum over all sockets so far.
	spent spent
}

// visit runs fn with a socket of its own.
func (c *clsact) visit(fn func(conn *conn) error) error {
	return withConn(c.ns, func(conn *conn) error {
		err := fn(conn)
		c.spent.requests += conn.spent.requests
		c.spent.dumps += conn.spent.dumps
		c.spent.sends += conn.spent.sends
		return err
	})
}

// clsactBurst is the state of one call of attach.
type clsactBurst struct {
	*clsact
	conn  *conn
	reqs  []Request
	hooks []*Hook
	errs  []error
	links map[int]*clsactLink
	ids   programIDs
	// lost are hooks that may have been made: the kernel's answer got lost.
	lost []*Hook
}

// clsactLink is what is known of one link during a burst.
type clsactLink struct {
	err     error // why nothing can be attached to it
	made    bool  // the qdisc is ours
	alone   bool  // there was none before this burst, nor any filter
	filters [2][]filter
}

// attach sends what it has to say in a few batches, which wait for nothing.
func (c *clsact) attach(_ context.Context, reqs []Request) ([]*Hook, []error) {
	b := &clsactBurst{
		clsact: c, reqs: reqs,
		hooks: make([]*Hook, len(reqs)), errs: make([]error, len(reqs)),
		links: make(map[int]*clsactLink), ids: make(programIDs),
	}
	err := c.visit(func(conn *conn) error {
		b.conn = conn
		b.makeQdiscs()
		b.addFilters()
		b.undo()
		return nil
	})
	if b.conn == nil { // otherwise each request has its own result
		fill(b.errs, err)
	}
	return b.hooks, b.errs
}

// addFilters tries all requests and then, with a fresh view, those whose
// priority was taken by somebody else in between.
func (b *clsactBurst) addFilters() {
	var todo []int
	for i := range b.reqs {
		todo = append(todo, i)
	}
	for try := 1; len(todo) > 0; try++ {
		planned := b.plan(todo)
		var msgs []netlink.Message
		for _, h := range planned {
			m, err := h.hook.filter.addMessage(b.reqs[h.req].Program.FD())
			if err != nil {
				b.errs[h.req] = err
			}
			msgs = append(msgs, m)
		}
		todo = nil
		for i, r := range b.conn.batch(msgs) {
			h := planned[i]
			b.errs[h.req] = r.err
			switch {
			case r.err == nil:
				b.hooks[h.req] = h.hook
			case !answered(r.err):
				b.lost = append(b.lost, h.hook)
			case try < attachTries && b.taken(h.hook, r.err):
				todo = append(todo, h.req)
			}
		}
	}
}

// plannedHook is a hook that answers request number req.
type plannedHook struct {
	req  int
	hook *Hook
}

// plan chooses a priority for each of the requests in todo, taking those
// chosen before into account.
func (b *clsactBurst) plan(todo []int) []plannedHook {
	var planned []plannedHook
	for _, i := range todo {
		req := b.reqs[i]
		l := b.links[req.Index]
		if b.errs[i] = l.err; l.err != nil {
			continue
		}
		h, err := b.planOne(req, l)
		if b.errs[i] = err; err != nil {
			continue
		}
		l.filters[req.Point] = append(l.filters[req.Point], h.filter)
		planned = append(planned, plannedHook{req: i, hook: h})
	}
	return planned
}

func (b *clsactBurst) planOne(req Request, l *clsactLink) (*Hook, error) {
	id, err := b.ids.of(req.Program)
	if err != nil {
		return nil, err
	}
	priority, err := choosePriority(l.filters[req.Point], req.Order)
	if err != nil {
		return nil, err
	}
	tag := b.owner.tag()
	if l.made {
		tag = b.owner.qdiscTag()
	}
	return &Hook{
		index: req.Index, point: req.Point, program: id, alone: l.alone,
		filter: filter{
			index: req.Index, parent: req.Point.parent(),
			priority: priority, protocol: unix.ETH_P_ALL, handle: ownHandle,
			kind: kindBPF, name: tag, program: id,
		},
	}, nil
}

// taken looks at the link again and reports whether err comes from somebody
// else's filter with the same priority. With another protocol or kind the
// kernel says EINVAL.
func (b *clsactBurst) taken(h *Hook, err error) bool {
	if !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EINVAL) {
		return false
	}
	filters, err := b.conn.filters(h.index, h.filter.parent)
	if err != nil {
		return false
	}
	b.links[h.index].filters[h.point], b.links[h.index].alone = filters, false
	for _, f := range filters {
		if f.chain == 0 && f.priority == h.filter.priority {
			return true
		}
	}
	return false
}

// undo removes what failed requests may have left.
func (b *clsactBurst) undo() {
	failed := make(map[int]bool)
	for i, req := range b.reqs {
		if b.errs[i] != nil && b.links[req.Index].made {
			failed[req.Index] = true
		}
	}
	errs := append(b.detach(b.lost), b.dropQdiscs(b.conn, failed))
	if err := errors.Join(errs...); err != nil {
		for i := range b.reqs {
			if b.errs[i] != nil {
				b.errs[i] = errors.Join(b.errs[i], err)
			}
		}
	}
}

// detach looks at each place again and deletes what is there under our priority
// and handle only if the program and the tag are ours, too. Little time passes
// between looking and deleting: hooks are detached some at a time.
func (c *clsact) detach(hooks []*Hook) []error {
	errs := make([]error, len(hooks))
	if len(hooks) == 0 {
		return errs
	}
	err := c.visit(func(conn *conn) error {
		emptied := make(map[int]bool)
		for start := 0; start < len(hooks); start += maxBatch {
			end := min(start+maxBatch, len(hooks))
			conn.deleteFilters(hooks[start:end], errs[start:end], emptied)
		}
		return c.dropQdiscs(conn, emptied)
	})
	fill(errs, err)
	return errs
}

// deleteFilters sets one error per hook, nil also for those that are gone. It
// adds the links from which it took a filter that says that the qdisc is ours to
// emptied. For one that is gone that cannot be known: the interface index may
// have come to mean another link.
func (c *conn) deleteFilters(hooks []*Hook, errs []error, emptied map[int]bool) {
	there, listErrs := c.has(filtersOf(hooks))
	var msgs []netlink.Message
	var places []int
	for i, h := range hooks {
		if errs[i] = listErrs[i]; errs[i] != nil || !there[i] {
			continue
		}
		m, err := h.filter.deleteMessage()
		if err != nil {
			errs[i] = err
			continue
		}
		msgs, places = append(msgs, m), append(places, i)
	}
	for i, r := range c.batch(msgs) {
		h := hooks[places[i]]
		errs[places[i]] = c.unlessGone(h.filter, r.err)
		if tag, ok := parseTag(h.filter.name); ok && tag.madeQdisc && r.err == nil {
			emptied[h.index] = true
		}
	}
}

func filtersOf(hooks []*Hook) []filter {
	filters := make([]filter, len(hooks))
	for i, h := range hooks {
		filters[i] = h.filter
	}
	return filters
}

func (c *clsact) gone(hooks []*Hook) []bool {
	gone := make([]bool, len(hooks))
	if len(hooks) == 0 {
		return gone
	}
	// A socket that cannot be had is no reason to believe that hooks are gone.
	_ = c.visit(func(conn *conn) error { //nolint:errcheck // see above
		there, errs := conn.has(filtersOf(hooks))
		for i := range hooks {
			gone[i] = errs[i] == nil && !there[i]
		}
		return nil
	})
	return gone
}

// fill gives err, if it is one, to everything that has none of its own.
func fill(errs []error, err error) {
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
}
