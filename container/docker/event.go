// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"reflect"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// event handles one message of the daemon. Since the stream overlaps with the
// list, a message may be older than what is known.
func (c *connection) event(ctx context.Context, m events.Message) {
	if m.Type == events.NetworkEventType {
		id := m.Actor.Attributes["container"]
		if e, known := c.known[id]; known {
			c.inspect.ask(ctx, &question{id: id, fallback: e.container, changed: true})
		}
		return
	}
	if m.Type != events.ContainerEventType || m.Actor.ID == "" {
		return
	}
	q := &question{id: m.Actor.ID, fallback: c.peer.fromEvent(m)}
	if m.Action == events.ActionDie {
		c.died(ctx, q, m.TimeNano)
		return
	}
	c.inspect.ask(ctx, q)
}

// died handles the end of a process of the container, at a time by the daemon's
// clock in nanoseconds, or 0 if the daemon did not say.
func (c *connection) died(ctx context.Context, q *question, nanos int64) {
	e, known := c.known[q.id]
	if known && nanos != 0 && !time.Unix(0, nanos).Before(e.started) {
		c.remove(q.id)
	}
	// An answer on its way may be from before.
	if c.inspect.isAsked(q.id) || known && nanos == 0 {
		c.inspect.ask(ctx, q)
	}
}

// answered takes over what the daemon says about a container.
func (c *connection) answered(a answer) {
	if !c.inspect.accept(a) {
		return
	}
	id := a.question.id
	delete(c.unanswered, id)
	e, running := c.peer.fromInspect(a.response)
	switch {
	case a.err == nil && running:
		c.running(e, a.question)
	case a.err == nil, errdefs.IsNotFound(a.err):
		c.remove(id)
	default:
		c.unanswered[id] = a.question
		if _, known := c.known[id]; !known {
			c.add(entry{container: a.question.fallback})
		}
	}
	c.settle(id)
}

// running compares a container that runs with what is known about it.
func (c *connection) running(e entry, q *question) {
	old, known := c.known[e.container.ID]
	switch {
	case !known:
		c.add(e)
	case !e.sameStart(old):
		c.remove(e.container.ID)
		c.add(e)
	case q.changed || !reflect.DeepEqual(old.container, e.container):
		c.change(e)
	default:
		c.known[e.container.ID] = e
	}
}
