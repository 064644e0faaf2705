// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bufio"
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil"
)

// pipe makes a pipe and fills it, so that who writes next waits for a reader.
func pipe(tb testing.TB) (read, write *os.File) {
	tb.Helper()
	read, write, err := os.Pipe()
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { _, _ = read.Close(), write.Close() })
	raw, err := write.SyscallConn()
	qt.Assert(tb, qt.IsNil(err))
	lines := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 1000))
	var full error
	qt.Assert(tb, qt.IsNil(raw.Write(func(fd uintptr) bool {
		for full == nil {
			_, full = unix.Write(int(fd), lines)
		}
		return true
	})))
	qt.Assert(tb, qt.ErrorIs(full, error(unix.EAGAIN)))
	return read, write
}

// hooks is how many programs there are on the links of the world.
func (w *world) hooks(tb testing.TB) int {
	tb.Helper()
	n := 0
	for index := 2; index <= 3; index++ {
		list, err := hook.List(w.ns, index)
		qt.Assert(tb, qt.IsNil(err))
		n += len(list)
	}
	return n
}

// stuck is a run whose output nobody reads.
func stuck(t *testing.T, w *world, change func(cfg *session.Config)) (read *os.File, cancel func(), done <-chan error) {
	t.Helper()
	cfg := w.config(t, "dropall", object.Want{Direction: "egress"})
	read, cfg.Env.Stdout = pipe(t)
	live := make(chan struct{})
	cfg.Ready = func() {
		qt.Check(t, qt.Not(qt.Equals(w.hooks(t), 0)))
		w.send(t)
		close(live)
	}
	change(&cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { ended <- session.Run(ctx, cfg) })
	t.Cleanup(wg.Wait)
	t.Cleanup(cancel)
	select {
	case <-live:
	case err := <-ended:
		testutil.SkipIfNotSupported(t, err)
		t.Fatalf("ended too early: %v", err)
	}
	return read, cancel, ended
}

// checkSoon checks that a run ends while nobody reads.
func checkSoon(tb testing.TB, w *world, done <-chan error) {
	tb.Helper()
	select {
	case err := <-done:
		qt.Check(tb, qt.IsNil(err))
	case <-time.After(10 * time.Second):
		tb.Fatal("the run did not end")
	}
	qt.Check(tb, qt.Equals(w.hooks(tb), 0))
}

func TestRunEndsThoughNobodyReads(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(cfg *session.Config){
		"records": func(*session.Config) {},
		"maps":    func(cfg *session.Config) { cfg.Maps, cfg.Interval = []string{"all"}, time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, cancel, done := stuck(t, w, change)
			cancel()
			checkSoon(t, w, done)
			said := regexp.MustCompile(`(?m)^boathook: nobody reads the output: the last of it was dropped, (\d+) records$`).FindStringSubmatch(w.stderr.String())
			qt.Assert(t, qt.HasLen(said, 2), qt.Commentf("%s", w.stderr.String()))
			qt.Check(t, qt.IsTrue(said[1] != "0" || name == "maps"))
		})
	}
}

func TestRunEndsThoughNobodyReadsItsTalkEither(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config(t, "dropall", object.Want{Direction: "egress"})
	_, cfg.Env.Stderr = pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- session.Run(ctx, cfg) }()
	testutil.Eventually(t, 10*time.Second, func() bool { return w.hooks(t) > 0 }, "attached")
	cancel()
	checkSoon(t, w, done)
}

// When the time is over a slow reader gets everything, but the hooks go at once.
func TestTimeDetachesThoughNobodyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read, _, done := stuck(t, w, func(cfg *session.Config) { cfg.For = 100 * time.Millisecond })
	testutil.Eventually(t, 10*time.Second, func() bool { return w.hooks(t) == 0 }, "detached")
	qt.Assert(t, qt.IsNil(read.SetReadDeadline(time.Now().Add(10*time.Second))))
	lines := bufio.NewReader(read)
	for {
		line, err := lines.ReadString('\n')
		qt.Assert(t, qt.IsNil(err))
		if strings.Contains(line, `{"time":`) {
			break
		}
	}
	checkSoon(t, w, done)
}
