// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// station is a running peer: see test/e2e/peer. Its talk goes through pipes, so
// it obeys whatever happens to the network.
type station struct {
	address string
	stdin   io.Writer
	replies *bufio.Reader
}

// station starts one in the container, reachable by the container's address in
// the world's network.
func (b *box) station(tb testing.TB) *station {
	tb.Helper()
	return b.stationAt(tb, b.address(tb, b.world.network))
}

func (b *box) stationAt(tb testing.TB, address string) *station {
	tb.Helper()
	cmd := exec.Command("docker", "exec", "--interactive", b.id, "/peer", "station") //nolint:noctx // ends with its stdin
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+b.world.docker.Host, "DOCKER_CONTEXT=")
	return newStation(tb, cmd, address, cmd.Start)
}

// station starts one at the bridge's end of the network.
func (w *world) station(tb testing.TB) *station {
	tb.Helper()
	return w.stationAt(tb, w.gateway)
}

func (w *world) stationAt(tb testing.TB, address string) *station {
	tb.Helper()
	cmd := exec.Command(built.peer, "station") //nolint:noctx // ends with its stdin
	return newStation(tb, cmd, address, func() error { return w.host.Do(cmd.Start) })
}

func newStation(tb testing.TB, cmd *exec.Cmd, address string, start func() error) *station {
	tb.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	qt.Assert(tb, qt.IsNil(err))
	stdout, err := cmd.StdoutPipe()
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(start()))
	tb.Cleanup(func() {
		qt.Check(tb, qt.IsNil(stdin.Close()))
		// The container may have been stopped by the test.
		_ = cmd.Wait()
	})
	s := &station{stdin: stdin, replies: bufio.NewReader(stdout)}
	port, err := s.replies.ReadString('\n')
	qt.Assert(tb, qt.IsNil(err))
	s.address = address + ":" + strings.TrimSpace(port)
	return s
}

func (s *station) ask(tb testing.TB, format string, args ...any) string {
	tb.Helper()
	_, err := fmt.Fprintf(s.stdin, format+"\n", args...)
	qt.Assert(tb, qt.IsNil(err))
	reply, err := s.replies.ReadString('\n')
	qt.Assert(tb, qt.IsNil(err))
	reply = strings.TrimSpace(reply)
	qt.Assert(tb, qt.IsFalse(strings.HasPrefix(reply, "error")), qt.Commentf("%s", reply))
	return reply
}

// send sends count packets with numbers from first on.
func (s *station) send(tb testing.TB, to *station, first, count int) {
	tb.Helper()
	s.ask(tb, "send %s %d %d", to.address, first, count)
}

// received are the numbers that have come so far, in order.
func (s *station) received(tb testing.TB) []int {
	tb.Helper()
	numbers := []int{}
	for word := range strings.FieldsSeq(s.ask(tb, "received")) {
		n, err := strconv.Atoi(word)
		qt.Assert(tb, qt.IsNil(err))
		numbers = append(numbers, n)
	}
	return numbers
}

// expect waits for as many packets as there are numbers and compares.
func (s *station) expect(tb testing.TB, want []int) {
	tb.Helper()
	var got []int
	if !testutil.Poll(patience, func() bool {
		got = s.received(tb)
		return len(got) >= len(want)
	}) {
		tb.Errorf("%d packets of %d have come", len(got), len(want))
	}
	qt.Check(tb, qt.DeepEquals(slices.Sorted(slices.Values(got)), want))
}

// numbers counts from first on.
func numbers(first, count int) []int {
	list := make([]int, count)
	for i := range list {
		list[i] = first + i
	}
	return list
}

// endsWith waits until the last packets that have come are these. Packets sent
// from two processors may overtake each other.
func (s *station) endsWith(tb testing.TB, want []int) {
	tb.Helper()
	var last []int
	testutil.Poll(patience, func() bool {
		got := s.received(tb)
		last = slices.Sorted(slices.Values(got[max(0, len(got)-len(want)):]))
		return slices.Equal(last, want)
	})
	qt.Check(tb, qt.DeepEquals(last, want))
}

func has(numbers []int, n int) bool { return slices.Contains(numbers, n) }
