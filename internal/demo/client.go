// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/boathook/boathook/internal/netns"
)

const (
	// pause is the time from one conversation to the next.
	pause = 500 * time.Millisecond
	// Bytes of a request: some packets over TCP, one over UDP.
	tcpBytes, udpBytes = 8000, 64
)

// client starts conversations with the server.
type client struct{ ns *netns.NS }

// talk is what the client knows of its conversations.
type talk struct {
	// tcp and udp count those in which the whole answer came.
	tcp, udp int
	// failed counts those in which it did not, err says why the first one failed.
	failed int
	err    error
}

// talk holds conversations until the time is over or ctx is done. One that ctx
// interrupts does not count.
func (c client) talk(ctx context.Context, length time.Duration) talk {
	var t talk
	end := time.NewTimer(length)
	defer end.Stop()
	next := time.NewTicker(pause)
	defer next.Stop()
	for i := 0; ; i++ {
		if i%2 == 0 {
			t.count(ctx, &t.tcp, c.ask(ctx, "tcp4", tcpPort, tcpBytes))
		} else {
			t.count(ctx, &t.udp, c.ask(ctx, "udp4", udpPort, udpBytes))
		}
		select {
		case <-ctx.Done():
			return t
		case <-end.C:
			return t
		case <-next.C:
		}
	}
}

func (t *talk) answered() int { return t.tcp + t.udp }

// count enters the outcome of one conversation into the counter of its protocol.
func (t *talk) count(ctx context.Context, counter *int, err error) {
	switch {
	case err == nil:
		*counter++
	case ctx.Err() != nil:
	default:
		t.failed++
		if t.err == nil {
			t.err = err
		}
	}
}

// ask sends size bytes and wants them back.
func (c client) ask(ctx context.Context, network, port string, size int) (err error) {
	conn, err := c.dial(ctx, network, port)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	interrupt := func() { _ = conn.SetDeadline(time.Now()) } //nolint:errcheck // fails only once it is closed
	defer context.AfterFunc(ctx, interrupt)()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}
	request := bytes.Repeat([]byte("boathook "), size)[:size]
	if _, err := conn.Write(request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if !bytes.Equal(request, answer) {
		return errors.New("receive: not what was sent")
	}
	return nil
}

// dial makes the socket inside the client's network namespace, where it stays.
func (c client) dial(ctx context.Context, network, port string) (net.Conn, error) {
	var conn net.Conn
	err := c.ns.Do(func() error {
		dialer := net.Dialer{Timeout: patience}
		var err error
		conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(serverAddr, port))
		return err
	})
	return conn, err
}
