// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

const (
	// starts is how often the command is started.
	starts = 15
	// jsonTurn is how long each side prints before the other does.
	jsonTurn = time.Second
	// jsonTurns is how often.
	jsonTurns = 3
	// wakeLikeKernel is a value of the parameter wakeups of testdata/objects/flood.bpf.c.
	wakeLikeKernel = uint32(1)
	// commandTimeout ends a run that has lost its benchmark.
	commandTimeout = "2m"
)

// BenchmarkCommand is what the command takes, as it is shipped.
func BenchmarkCommand(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "boathook")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "../cmd/boathook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	qt.Assert(b, qt.IsNil(build.Run()))
	b.Run("start", func(b *testing.B) { benchmarkStart(b, binary) })
	b.Run("json", func(b *testing.B) { benchmarkJSON(b, binary) })
}

// benchmarkStart is the time from exec to the line that says that the hooks are
// live, and what a run then holds. A ring buffer counts twice: it is mapped twice.
func benchmarkStart(b *testing.B, binary string) {
	b.Helper()
	h := newHost(b, 1)
	var ready, resident []float64
	for range starts {
		var c *command
		ready = append(ready, took(func() {
			c = start(b, binary, testutil.ObjectPath(b, "gadget"), "--netns", testutil.Path(h.containers[0]), "-o", "json")
		}))
		resident = append(resident, residentMemory(b, strconv.Itoa(c.cmd.Process.Pid)))
		c.interrupt(b)
	}
	report(b, figure{name: "boathook run, from exec to the first hooks", unit: duration, ours: middle(ready), baseline: none, aim: atMost(100e6, duration)})
	report(b, figure{name: "boathook run, resident memory idle", unit: size, ours: middle(resident), baseline: none, aim: atMost(30<<20, size)})
}

// benchmarkJSON is how many records a second are decoded and written as JSON to
// /dev/null: by the command, and by what a tool does with the usual reader, a
// struct that it knows and encoding/json.
func benchmarkJSON(b *testing.B, binary string) {
	b.Helper()
	c := start(b, binary, testutil.ObjectPath(b, "flood"), "--program", "flood:ingress", "-i", "lo", "-o", "json")
	result, err := link.QueryPrograms(link.QueryOptions{Target: loopback, Attach: ebpf.AttachTCXIngress})
	qt.Assert(b, qt.IsNil(err))
	qt.Assert(b, qt.HasLen(result.Programs, 1))
	prog := programOf(b, result.Programs[0].ID)
	spec := testutil.Object(b, "flood")
	qt.Assert(b, qt.IsNil(spec.Variables["wakeups"].Set(wakeLikeKernel)))
	theirs := newUsualReader(b, spec, "flood", newEncoder(b))

	var lasted float64
	var rates []float64
	for range jsonTurns {
		lasted += took(func() { produce(b, prog, jsonTurn) })
		rates = append(rates, theirs.turn(b, jsonTurn).rate)
	}
	report(b, figure{
		name: "events of 128 bytes to JSON in /dev/null", unit: rate,
		ours: c.interrupt(b) / lasted * 1e9, baseline: middle(rates), aim: times(2),
	})
}

// floodEvent is struct flood_event of testdata/objects/flood.bpf.c.
type floodEvent struct {
	TimestampNs uint64   `json:"timestamp_ns"`
	Bytes       uint64   `json:"bytes"`
	Packets     uint64   `json:"packets"`
	Cookie      uint64   `json:"cookie"`
	Netns       uint32   `json:"netns"`
	Len         uint32   `json:"len"`
	Mark        uint32   `json:"mark"`
	Hash        uint32   `json:"hash"`
	Saddr       [16]byte `json:"saddr"`
	Daddr       [16]byte `json:"daddr"`
	Sport       uint16   `json:"sport"`
	Dport       uint16   `json:"dport"`
	Ethertype   uint16   `json:"ethertype"`
	L4proto     uint8    `json:"l4proto"`
	TTL         uint8    `json:"ttl"`
	Seq         uint32   `json:"seq"`
	Ack         uint32   `json:"ack"`
	Window      uint16   `json:"window"`
	Flags       uint8    `json:"flags"`
	Pad         [5]byte  `json:"-"`
	Comm        [16]byte `json:"comm"`
	Number      uint64   `json:"number"`
}

// newEncoder returns what decodes an event and writes it as a line to /dev/null.
func newEncoder(tb testing.TB) func([]byte) error {
	tb.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(null.Close())) })
	encoder := json.NewEncoder(bufio.NewWriterSize(null, 64<<10))
	var event floodEvent
	return func(data []byte) error {
		if _, err := binary.Decode(data, binary.NativeEndian, &event); err != nil {
			return err
		}
		return encoder.Encode(&event)
	}
}

// command is a run whose hooks are live.
type command struct {
	cmd    *exec.Cmd
	stderr *bufio.Reader
}

// start runs the command with its output in /dev/null.
func start(tb testing.TB, binary string, args ...string) *command {
	tb.Helper()
	c := &command{cmd: exec.CommandContext(context.WithoutCancel(tb.Context()), binary, append([]string{"run", "--for", commandTimeout}, args...)...)}
	stderr, err := c.cmd.StderrPipe()
	qt.Assert(tb, qt.IsNil(err))
	c.stderr = bufio.NewReader(stderr)
	qt.Assert(tb, qt.IsNil(c.cmd.Start()))
	var said strings.Builder
	for {
		line, err := c.stderr.ReadString('\n')
		said.WriteString(line)
		qt.Assert(tb, qt.IsNil(err), qt.Commentf("%s", said.String()))
		if strings.Contains(line, "ready:") {
			return c
		}
	}
}

// interrupt ends the run and returns how many events it says that it has had.
func (c *command) interrupt(tb testing.TB) float64 {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(c.cmd.Process.Signal(syscall.SIGINT)))
	rest, err := io.ReadAll(c.stderr)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(c.cmd.Wait()), qt.Commentf("%s", rest))
	var end struct {
		Summary struct{ Events float64 }
	}
	for line := range strings.Lines(string(rest)) {
		if strings.HasPrefix(line, `{"summary"`) {
			qt.Assert(tb, qt.IsNil(json.Unmarshal([]byte(line), &end)))
		}
	}
	return end.Summary.Events
}
