// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"math"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
)

// startProcess runs a process that ends when the function is called.
func startProcess(tb testing.TB) (pid int, end func()) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "cat")
	input, err := cmd.StdinPipe()
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(cmd.Start()))
	end = func() {
		_ = input.Close()
		_ = cmd.Wait()
	}
	tb.Cleanup(end)
	return cmd.Process.Pid, end
}

// watch follows a source until the test ends or stop is called, which says how it ended.
func watch(tb testing.TB, source container.Source) (events <-chan container.Event, stop func() error) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	told, done := make(chan container.Event, 8), make(chan error, 1)
	go func() { done <- source.Watch(ctx, func(e container.Event) { told <- e }) }()
	return told, func() error {
		cancel()
		return <-done
	}
}

// next waits for an event.
func next(tb testing.TB, events <-chan container.Event) container.Event {
	tb.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(10 * time.Second):
		tb.Fatal("no event")
		return container.Event{}
	}
}

func TestProcessIsThereUntilItEnds(t *testing.T) {
	t.Parallel()
	pid, end := startProcess(t)
	want := container.Container{Runtime: processName, ID: strconv.Itoa(pid), PID: pid}
	events, stop := watch(t, processSource{pid: pid})
	qt.Check(t, qt.DeepEquals(next(t, events), container.Event{Type: container.Added, Container: want}))
	qt.Check(t, qt.DeepEquals(next(t, events), container.Event{Type: container.Synced}))
	end()
	qt.Check(t, qt.DeepEquals(next(t, events), container.Event{Type: container.Removed, Container: want}))
	qt.Check(t, qt.IsNil(stop()))
}

func TestProcessOutlivesItsWatch(t *testing.T) {
	t.Parallel()
	pid, _ := startProcess(t)
	events, stop := watch(t, processSource{pid: pid})
	next(t, events)
	next(t, events)
	qt.Check(t, qt.IsNil(stop()))
	qt.Check(t, qt.HasLen(events, 0), qt.Commentf("it still runs"))
	qt.Check(t, qt.IsNil(unix.Kill(pid, 0)))
}

func TestProcessThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, stop := watch(t, processSource{pid: math.MaxInt32})
	err := stop()
	qt.Check(t, qt.ErrorMatches(err, "no process 2147483647: .*"))
	qt.Check(t, qt.ErrorIs(err, error(unix.ESRCH)))
}
