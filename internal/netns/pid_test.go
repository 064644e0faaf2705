// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

const waitTime = 10 * time.Second

func TestOpenPIDFindsTheNetnsOfAChild(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	child := exec.CommandContext(t.Context(), "sleep", "60")
	qt.Assert(t, qt.IsNil(ns.Do(child.Start)))
	defer stop(child)

	found, err := netns.OpenPID(child.Process.Pid)
	qt.Assert(t, qt.IsNil(err))
	defer mustClose(t, found)
	qt.Assert(t, qt.IsTrue(found.Same(ns)))
}

func TestOpenPIDOfADeadProcess(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "sleep", "60")
	qt.Assert(t, qt.IsNil(child.Start()))
	stop(child)

	_, err := netns.OpenPID(child.Process.Pid)
	qt.Assert(t, qt.ErrorIs(err, unix.ESRCH))
	qt.Assert(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Assert(t, qt.ErrorMatches(err, `open netns of pid \d+: no such process`))
}

func TestOpenPIDOfAZombie(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "true")
	qt.Assert(t, qt.IsNil(child.Start()))
	defer stop(child)
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, child.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
	qt.Assert(t, qt.IsNil(err))

	_, err = netns.OpenPID(child.Process.Pid)
	qt.Assert(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestOpenPIDOfANumberThatIsNone(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{0, -1} {
		_, err := netns.OpenPID(pid)
		qt.Check(t, qt.ErrorIs(err, unix.EINVAL))
	}
}

func stop(child *exec.Cmd) {
	_ = child.Process.Kill() // it may have ended already
	_ = child.Wait()         // reports the kill
}

func mustSelf(tb testing.TB) *netns.NS {
	tb.Helper()
	self, err := netns.Self()
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { mustClose(tb, self) })
	return self
}

func mustClose(tb testing.TB, ns *netns.NS) {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(ns.Close()))
}

func nilOrClosed(err error) bool { return err == nil || errors.Is(err, os.ErrClosed) }
