// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/boathook/boathook/container"
)

// connection is one connection to the daemon. Its methods run on the goroutine
// of Watch.
type connection struct {
	*watch
	client  *client.Client
	peer    peer
	inspect inspector

	// listed has the ids that Synced waits for.
	listed map[string]bool
	// unanswered has the questions to ask again.
	unanswered map[string]*question
}

// attempt connects and follows until ctx is done or the connection is lost.
// It returns why.
func (w *watch) attempt(ctx context.Context) error {
	c := &connection{watch: w, listed: map[string]bool{}, unanswered: map[string]*question{}}
	if err := c.connect(ctx); err != nil {
		return err
	}
	defer c.client.Close() //nolint:errcheck // closes idle connections only
	if err := c.run(ctx); err != nil {
		return &unavailableError{w.source.endpoint.host, err}
	}
	return nil
}

// connect learns who the daemon is and which version it speaks.
func (c *connection) connect(ctx context.Context) error {
	host := c.source.endpoint.host
	ctx, cancel := c.answerIn(ctx)
	defer cancel()
	var err error
	if c.peer, err = findPeer(ctx, host); err != nil {
		return err
	}
	if c.client, err = c.source.open(); err != nil {
		return err
	}
	if _, err := c.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return &unavailableError{host, errors.Join(cause(ctx, err), c.client.Close())}
	}
	return nil
}

// run subscribes, lists and follows. All that it starts has ended when it
// returns.
func (c *connection) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	c.inspect = newInspector(c.client, c.source.timings.answer)
	defer c.inspect.workers.Wait()
	defer cancel()
	stream, err := subscribe(ctx, c.client, c.source.timings.answer)
	if err != nil {
		return err
	}
	defer stream.join()
	defer cancel()
	if err := c.begin(ctx, stream); err != nil {
		return err
	}
	return c.follow(ctx, stream)
}

// begin asks for everything that the daemon lists.
func (c *connection) begin(ctx context.Context, stream *stream) error {
	running, err := c.list(ctx)
	if err != nil {
		return err
	}
	// A subscription that was refused must not be followed by Synced.
	if err := stream.ended(); err != nil {
		return err
	}
	for id := range c.known {
		if _, ok := running[id]; !ok {
			c.remove(id)
		}
	}
	for id, summary := range running {
		c.listed[id] = true
		c.inspect.ask(ctx, &question{id: id, fallback: c.peer.fromSummary(summary)})
	}
	c.settle("")
	return nil
}

// follow handles what comes until ctx is done or the connection is lost.
func (c *connection) follow(ctx context.Context, stream *stream) error {
	resync := time.NewTicker(c.source.timings.resync)
	defer resync.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-c.inspect.answers:
			c.answered(a)
		case <-stream.wake:
			messages, err := stream.take()
			for _, m := range messages {
				c.event(ctx, m)
			}
			if err != nil {
				return err
			}
		case <-resync.C:
			if err := c.compare(ctx); err != nil {
				return err
			}
		}
	}
}

// compare asks for every container about which the list and we disagree. It
// also finds out whether the daemon still answers.
func (c *connection) compare(ctx context.Context) error {
	running, err := c.list(ctx)
	if err != nil {
		return err
	}
	for id, e := range c.known {
		if _, ok := running[id]; !ok {
			c.inspect.ask(ctx, &question{id: id, fallback: e.container})
		}
	}
	for id, summary := range running {
		_, known := c.known[id]
		if c.unanswered[id] != nil || !known && !c.inspect.isAsked(id) {
			c.inspect.ask(ctx, &question{id: id, fallback: c.peer.fromSummary(summary)})
		}
	}
	return nil
}

// list returns what runs by id.
func (c *connection) list(ctx context.Context) (map[string]api.Summary, error) {
	ctx, cancel := c.answerIn(ctx)
	defer cancel()
	result, err := c.client.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", cause(ctx, err))
	}
	running := make(map[string]api.Summary, len(result.Items))
	for _, summary := range result.Items {
		if summary.ID != "" {
			running[summary.ID] = summary
		}
	}
	return running, nil
}

// settle notes that id needs no waiting for and reports Synced after the last.
func (c *connection) settle(id string) {
	delete(c.listed, id)
	if len(c.listed) > 0 || c.synced {
		return
	}
	c.synced, c.reached = true, true
	c.emit(container.Event{Type: container.Synced})
}

// answerIn limits a request to the time in which the daemon must answer.
func (c *connection) answerIn(ctx context.Context) (context.Context, context.CancelFunc) {
	return withAnswer(ctx, c.source.timings.answer)
}

func withAnswer(ctx context.Context, answer time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answer, fmt.Errorf("%w within %v", errNoAnswer, answer))
}

// cause prefers the reason of a timeout to its effect on a request.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
