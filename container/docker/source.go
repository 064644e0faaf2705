// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"

	"github.com/boathook/boathook/container"
)

// Options are the settings of a [Source]. The zero value finds the daemon as
// the docker command does.
type Options struct {
	// Host is the daemon's address, such as "unix:///run/docker.sock", or the
	// path of its socket. If it is empty, DOCKER_HOST, DOCKER_CONTEXT and the
	// configuration of the docker command are looked at, in this order, and
	// last the default socket.
	Host string
}

// Source reports the containers of one docker daemon on this machine. It is
// safe for concurrent use and holds nothing open outside of Watch.
type Source struct {
	endpoint endpoint
	timings  timings
}

// timings are how long things may take.
type timings struct {
	answer   time.Duration // of the daemon to one request
	resync   time.Duration // between two comparisons with the list
	retryMin time.Duration // before a first attempt to connect again
	retryMax time.Duration // between two attempts
}

// New returns a source for the daemon that opts name. It does not connect, and
// there is nothing to close.
//
// Returns an error that wraps errors.ErrUnsupported if the daemon is on another
// machine, and os.ErrNotExist if the docker context does not exist.
func New(opts Options) (*Source, error) {
	e, err := resolve(opts.Host, os.Getenv)
	if err != nil {
		return nil, err
	}
	return &Source{endpoint: e, timings: timings{
		answer:   10 * time.Second,
		resync:   30 * time.Second,
		retryMin: 100 * time.Millisecond,
		retryMax: 5 * time.Second,
	}}, nil
}

// Name returns [Name].
func (*Source) Name() string { return Name }

// Host returns the daemon's address.
func (s *Source) Host() string { return s.endpoint.host }

// Watch reports the daemon's containers, see [container.Source]. It speaks the
// newest version of the API that the daemon knows, and needs the right to use its
// socket.
//
// A container that the daemon lists but does not answer for is reported without
// PID and NetnsPath, and as Changed once it has answered.
func (s *Source) Watch(ctx context.Context, emit func(container.Event)) error {
	w := &watch{source: s, emit: emit, known: map[string]entry{}}
	delay := s.timings.retryMin
	for {
		connected := time.Now()
		err := w.attempt(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the caller ended it
		}
		if !w.reached {
			return err
		}
		if w.synced {
			w.synced = false
			emit(container.Event{Type: container.Degraded, Err: err})
		}
		// A daemon that hangs up at once must not be called all the time.
		if time.Since(connected) > s.timings.retryMax {
			delay = s.timings.retryMin
		}
		if !wait(ctx, delay) {
			return nil
		}
		delay = min(2*delay, s.timings.retryMax)
	}
}

// wait returns false if ctx was done before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// open returns a client; it does not connect.
func (s *Source) open() (*client.Client, error) {
	options := []client.Opt{client.WithHost(s.endpoint.host), client.WithAPIVersionFromEnv()}
	if dir := s.endpoint.tlsDir; dir != "" {
		options = append(options, client.WithTLSClientConfig(
			filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	}
	cli, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("watch docker at %s: %w", s.endpoint.host, err)
	}
	return cli, nil
}

// watch is the state of one Watch that outlives a connection. Its goroutine is
// the one that called Watch.
type watch struct {
	source *Source
	emit   func(container.Event)
	// known is what was emitted as Added.
	known   map[string]entry
	reached bool // Synced was emitted once
	synced  bool // Synced was emitted after the last Degraded
}

// add reports a container that runs.
func (w *watch) add(e entry) {
	w.known[e.container.ID] = e
	w.emit(container.Event{Type: container.Added, Container: e.container})
}

// change reports what is different about a known container.
func (w *watch) change(e entry) {
	w.known[e.container.ID] = e
	w.emit(container.Event{Type: container.Changed, Container: e.container})
}

// remove reports a container that does not run; nothing if it is not known.
func (w *watch) remove(id string) {
	e, ok := w.known[id]
	if !ok {
		return
	}
	delete(w.known, id)
	w.emit(container.Event{Type: container.Removed, Container: e.container})
}
