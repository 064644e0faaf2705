// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

// command is a running boathook.
type command struct {
	cmd            *exec.Cmd
	stdout, stderr transcript
	objects        kernelObjects
	exited         chan struct{} // closed when err is set
	err            error
	ended          bool // and the end was looked at
}

// transcript collects what a process writes. Safe for concurrent use.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// start runs "boathook run" with the arguments, on this machine's own network
// namespace and the world's docker.
func (w *world) start(tb testing.TB, args ...string) *command {
	tb.Helper()
	return start(tb, []string{"DOCKER_HOST=" + w.docker.Host}, args...)
}

func start(tb testing.TB, env []string, args ...string) *command {
	tb.Helper()
	c := newCommand(env, args...)
	c.begin(tb, c.cmd.Start)
	return c
}

// startIn runs it in another network namespace.
func startIn(tb testing.TB, ns *netns.NS, args ...string) *command {
	tb.Helper()
	c := newCommand(nil, args...)
	c.begin(tb, func() error { return ns.Do(c.cmd.Start) })
	return c
}

func newCommand(env []string, args ...string) *command {
	c := &command{objects: newKernelObjects(), exited: make(chan struct{})}
	c.cmd = exec.Command(built.boathook, append([]string{"run"}, args...)...) //nolint:noctx // ended by the test
	c.cmd.Env = append(append(os.Environ(), "DOCKER_CONTEXT=", "DOCKER_HOST="), env...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	return c
}

func (c *command) begin(tb testing.TB, start func() error) {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(start()))
	// Joined by wait, which every run comes to.
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	tb.Cleanup(func() {
		if !c.ended {
			c.kill(tb)
		}
		if tb.Failed() {
			tb.Logf("%s\nstderr:\n%s", c.cmd, c.stderr.String())
		}
	})
}

var readyLine = regexp.MustCompile(`(?m)^boathook: ready: (\d+) attachments, (\d+) containers$`)

// ready waits for the ready line and checks its numbers.
func (c *command) ready(tb testing.TB, attachments, containers int) {
	tb.Helper()
	c.says(tb, "boathook: ready: ")
	match := readyLine.FindStringSubmatch(c.stderr.String())
	qt.Assert(tb, qt.HasLen(match, 3), qt.Commentf("%s", c.stderr.String()))
	qt.Check(tb, qt.DeepEquals(match[1:], []string{strconv.Itoa(attachments), strconv.Itoa(containers)}))
}

// says waits until the text has been written to stderr.
func (c *command) says(tb testing.TB, text string) {
	tb.Helper()
	said := func() bool { return strings.Contains(c.stderr.String(), text) }
	if !testutil.Poll(patience, func() bool { return said() || c.hasExited() }) || !said() {
		tb.Fatalf("not said: %q\nstdout:\n%s\nstderr:\n%s", text, c.stdout.String(), c.stderr.String())
	}
}

func (c *command) hasExited() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// outcome is what a run leaves.
type outcome struct {
	code           int
	stdout, stderr string
}

// stop is Ctrl-C.
func (c *command) stop(tb testing.TB) outcome {
	tb.Helper()
	return c.signal(tb, os.Interrupt)
}

func (c *command) kill(tb testing.TB) outcome {
	tb.Helper()
	return c.signal(tb, os.Kill)
}

func (c *command) signal(tb testing.TB, signal os.Signal) outcome {
	tb.Helper()
	c.objects.add(tb, c.cmd.Process.Pid)
	if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		tb.Error(err)
	}
	return c.wait(tb)
}

// wait waits for the end and checks that nothing of the process is left in the kernel.
func (c *command) wait(tb testing.TB) outcome {
	tb.Helper()
	c.ended = true
	if !testutil.Poll(patience, c.hasExited) {
		tb.Errorf("does not end")
		qt.Check(tb, qt.IsNil(c.cmd.Process.Kill()))
		<-c.exited
	}
	var exit *exec.ExitError
	if c.err != nil && !errors.As(c.err, &exit) {
		tb.Error(c.err)
	}
	var left []string
	if !testutil.Poll(patience, func() bool { left = c.objects.left(); return len(left) == 0 }) {
		tb.Errorf("left in the kernel: %q", left)
	}
	return outcome{code: c.cmd.ProcessState.ExitCode(), stdout: c.stdout.String(), stderr: c.stderr.String()}
}

// record is docs/schema/record.json.
type record struct {
	Gadget     string
	Container  *containerInfo
	Containers []containerInfo
	Netns      uint32
	Link       *linkInfo
	Direction  string
	Event      map[string]any
}

type containerInfo struct {
	Runtime, ID, Name, Image string
	Labels                   map[string]string
}

type linkInfo struct {
	Name        string
	Ifindex     int
	Host        string
	HostIfindex int `json:"host_ifindex"`
}

// number is the one in the payload of a packet that dropall.o has seen; 0 for none.
func (r record) number() int {
	n, _ := r.Event["number"].(float64)
	return int(n)
}

// records are those printed so far, all of which the schema must allow.
func (c *command) records(tb testing.TB) []record {
	tb.Helper()
	text := c.stdout.String()
	text = text[:strings.LastIndexByte(text, '\n')+1]
	schematest.Check(tb, "record", []byte(text))
	var list []record
	for line := range strings.Lines(text) {
		var r record
		qt.Assert(tb, qt.IsNil(json.Unmarshal([]byte(line), &r)))
		list = append(list, r)
	}
	return list
}

// lines counts what has been printed so far.
func (c *command) lines() int { return strings.Count(c.stdout.String(), "\n") }

// recorded waits for the given number of records and returns all there are.
func (c *command) recorded(tb testing.TB, count int) []record {
	tb.Helper()
	if !testutil.Poll(patience, func() bool { return c.lines() >= count }) {
		tb.Fatalf("%d records of %d have come\n%s", c.lines(), count, c.stderr.String())
	}
	return c.records(tb)
}

// numbersOf are the numbers of the packets of one direction, in order.
func numbersOf(records []record, direction string) []int {
	list := []int{}
	for _, r := range records {
		if r.Direction == direction {
			list = append(list, r.number())
		}
	}
	slices.Sort(list) // packets sent from two processors may overtake each other
	return list
}

// summary is docs/schema/summary.json.
type summary struct {
	Attachments, Containers, Packets, Bytes, Events, Lost int
	Verdicts                                              map[string]int
}

// summary reads the last line, of a run with -o json.
func (o outcome) summary(tb testing.TB) summary {
	tb.Helper()
	text := strings.TrimSpace(o.stderr)
	line := text[strings.LastIndexByte(text, '\n')+1:]
	schematest.Check(tb, "summary", []byte(line))
	var s struct{ Summary summary }
	qt.Assert(tb, qt.IsNil(json.Unmarshal([]byte(line), &s)), qt.Commentf("%s", o.stderr))
	return s.Summary
}

// ok checks that the run has ended as one that was interrupted should.
func (o outcome) ok(tb testing.TB) {
	tb.Helper()
	qt.Check(tb, qt.Equals(o.code, 0), qt.Commentf("%s", o.stderr))
}

// fails checks the exit code, that the last but one line says what happened, and
// the last gives a hint.
func (o outcome) fails(tb testing.TB, code int, message, hint string) {
	tb.Helper()
	qt.Check(tb, qt.Equals(o.code, code))
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	qt.Assert(tb, qt.IsTrue(len(lines) >= 2), qt.Commentf("%s", o.stderr))
	qt.Check(tb, qt.Matches(lines[len(lines)-2], "boathook: "+message))
	qt.Check(tb, qt.Matches(lines[len(lines)-1], "hint: "+hint))
}
