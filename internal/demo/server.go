// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	tcpPort, udpPort = "80", "53"
	// patience bounds a conversation, which takes a millisecond.
	patience = 5 * time.Second
)

// server answers over TCP and UDP with what it is told.
type server struct {
	stream   net.Listener
	datagram net.PacketConn
	serving  sync.WaitGroup
}

// listen opens the server's sockets inside its network namespace, where they
// stay whoever uses them.
func listen(ctx context.Context, n *network) (*server, error) {
	s := &server{}
	err := n.server.Do(func() error {
		var config net.ListenConfig
		var err error
		if s.stream, err = config.Listen(ctx, "tcp4", net.JoinHostPort(serverAddr, tcpPort)); err != nil {
			return err
		}
		s.datagram, err = config.ListenPacket(ctx, "udp4", net.JoinHostPort(serverAddr, udpPort))
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen in %s: %w", n.server, err), s.close())
	}
	s.serving.Go(s.answerStreams)
	s.serving.Go(s.answerDatagrams)
	return s, nil
}

// answerStreams returns when the listener is closed.
func (s *server) answerStreams() {
	for {
		conn, err := s.stream.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() {
			defer conn.Close() //nolint:errcheck // the client tells what did not arrive
			if conn.SetDeadline(time.Now().Add(patience)) == nil {
				// Hidden from io.Copy, which would splice(2) and keep the pipes for later.
				plain := struct{ io.Writer }{conn}
				_, _ = io.Copy(plain, conn) //nolint:errcheck // the client tells what did not arrive
			}
		})
	}
}

// answerDatagrams returns when the socket is closed.
func (s *server) answerDatagrams() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := s.datagram.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = s.datagram.WriteTo(buffer[:n], from) //nolint:errcheck // the client tells what did not arrive
		}
	}
}

// close waits for the conversations in progress.
func (s *server) close() error {
	var errs []error
	if s.stream != nil {
		errs = append(errs, s.stream.Close())
	}
	if s.datagram != nil {
		errs = append(errs, s.datagram.Close())
	}
	s.serving.Wait()
	return errors.Join(errs...)
}
