// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// errNoAnswer is returned if the daemon took a request and did not answer.
var errNoAnswer = errors.New("no answer")

// stream takes the daemon's events as fast as they come: the daemon drops them
// when its buffer is full.
type stream struct {
	// wake has a value when there is something to take.
	wake chan struct{}
	done chan struct{} // closed when the reader has ended

	// mu guards the fields below.
	mu       sync.Mutex
	messages []events.Message
	err      error // why the stream has ended
}

// subscribe returns when the daemon has accepted the subscription. The stream
// ends with ctx and must be joined.
func subscribe(ctx context.Context, cli *client.Client, answer time.Duration) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	timeout := time.AfterFunc(answer, cancel)
	// The daemon answers before it subscribes us; with a start time it also
	// sends what happened in between.
	now := time.Now()
	result := cli.Events(ctx, client.EventsListOptions{
		Since: strconv.FormatInt(now.Unix(), 10) + fmt.Sprintf(".%09d", now.Nanosecond()),
		Filters: make(client.Filters).
			Add("type", string(events.ContainerEventType), string(events.NetworkEventType)).
			Add("event", string(events.ActionStart), string(events.ActionDie), string(events.ActionRename),
				string(events.ActionConnect), string(events.ActionDisconnect)),
	})
	s := &stream{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.read(result, cancel)
	if !timeout.Stop() {
		<-s.done
		return nil, fmt.Errorf("subscribe to events: %w within %v", errNoAnswer, answer)
	}
	return s, nil
}

// read ends when the client reports an error, which it does once.
func (s *stream) read(result client.EventsResult, cancel context.CancelFunc) {
	defer close(s.done)
	defer cancel()
	for {
		select {
		case m := <-result.Messages:
			s.put([]events.Message{m}, nil)
		case err := <-result.Err:
			if errors.Is(err, io.EOF) || err == nil {
				err = io.ErrUnexpectedEOF
			}
			s.put(nil, fmt.Errorf("read events: %w", err))
			return
		}
	}
}

func (s *stream) put(messages []events.Message, err error) {
	s.mu.Lock()
	s.messages = append(s.messages, messages...)
	s.err = err
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns what has come since the last call, and why the stream has ended
// if it has.
func (s *stream) take() ([]events.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages := s.messages
	s.messages = nil
	return messages, s.err
}

// ended returns why the stream has ended, nil if it has not.
func (s *stream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// join waits for the reader; the context of subscribe must be done.
func (s *stream) join() { <-s.done }
