// SPDX-License-Identifier: Apache-2.0

// Command peer sends and counts numbered UDP packets for the end-to-end tests.
// It runs inside containers, so it is static and needs no files.
//
// "peer station" obeys lines on its standard input, see station; "peer burst
// ADDRESS COUNT" is a container that talks from its first moment on and ends
// with status 0 if every packet came back; "peer wait" does nothing.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// echoTime is how long burst waits for one packet to come back.
const echoTime = 3 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "station":
		return runStation(os.Stdin, os.Stdout)
	case len(args) == 3 && args[0] == "burst":
		return burst(args[1], args[2])
	case len(args) == 1 && args[0] == "wait":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		<-signals
		return nil
	}
	return fmt.Errorf("arguments %q mean nothing", args)
}

// burst sends packets one by one, each when the one before has come back.
func burst(address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: echoTime}).DialContext(context.Background(), "udp4", address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // ends with the process at the latest
	for i := range n {
		if _, err := fmt.Fprint(conn, i+1); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(echoTime)); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return fmt.Errorf("packet %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

// station is a UDP socket that remembers the numbers it has received.
type station struct {
	conn *net.UDPConn

	mu      sync.Mutex // guards the fields below
	numbers []string
	echo    bool
}

// runStation prints its port and then answers each command with one line:
// "send ADDRESS FIRST COUNT", "received" (the numbers so far), "echo" (send back
// what comes from now on). It ends with its input.
func runStation(in io.Reader, out io.Writer) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // ends with the process at the latest
	s := &station{conn: conn}
	var reader sync.WaitGroup
	reader.Go(s.receive)
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, port); err != nil {
		return err
	}
	commands := bufio.NewScanner(in)
	for commands.Scan() {
		if _, err := fmt.Fprintln(out, s.obey(strings.Fields(commands.Text()))); err != nil {
			return err
		}
	}
	return commands.Err()
}

func (s *station) obey(words []string) string {
	switch {
	case len(words) == 4 && words[0] == "send":
		if err := s.send(words[1], words[2], words[3]); err != nil {
			return "error " + err.Error()
		}
		return "sent"
	case len(words) == 1 && words[0] == "received":
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Join(s.numbers, " ")
	case len(words) == 1 && words[0] == "echo":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.echo = true
		return "echoing"
	}
	return "error unknown command"
}

func (s *station) send(address, first, count string) error {
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for i := range n {
		if _, err := s.conn.WriteToUDP([]byte(strconv.Itoa(from+i)), to); err != nil {
			return err
		}
	}
	return nil
}

// receive runs until the socket is closed.
func (s *station) receive() {
	packet := make([]byte, 64)
	for {
		n, from, err := s.conn.ReadFromUDP(packet)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.numbers = append(s.numbers, string(packet[:n]))
		echo := s.echo
		s.mu.Unlock()
		if echo {
			// An echo that is not sent is one that the other side misses.
			if _, err := s.conn.WriteToUDP(packet[:n], from); err != nil {
				fmt.Fprintln(os.Stderr, "peer: echo:", err)
			}
		}
	}
}
