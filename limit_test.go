// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

// fewFilesVariable makes the test binary one with a small limit of open files.
const fewFilesVariable = "BOATHOOK_TEST_FEW_FILES"

// A limit of open files stops some targets, each as a whole, says what to do, and
// is no obstacle for taking off again what was attached. The limit is the whole
// process's, so the test runs in one of its own.
func TestLimitOfOpenFilesIsToldAndLeavesNoHalves(t *testing.T) {
	if os.Getenv(fewFilesVariable) == "" {
		t.Parallel()
		child := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.count=1")
		// It makes a network namespace of its own, as this one did.
		child.Env = append(os.Environ(), fewFilesVariable+"=1", "BOATHOOK_TEST_PRIVATE_NETNS=")
		out, err := child.CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
		return
	}
	w := newTown(t, 40)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	const spare = 50 // files: for some namespaces, and for fewer with their hooks
	restore := limitFiles(t, spare)

	err := rt.Add(context.Background(), w.targets()...)
	qt.Check(t, qt.ErrorIs(err, unix.EMFILE))
	qt.Check(t, qt.ErrorMatches(err, `(?s)\d+: .*too many open files \(raise the limit of open files, .*`))
	hooks := map[uint32]int{}
	for _, a := range attachments(t, rt) {
		hooks[a.Netns]++
	}
	qt.Check(t, qt.Not(qt.HasLen(hooks, 40)))

	restore()
	for _, ns := range w.containers {
		entries, err := hook.List(w.host, testutil.Index(t, w.host, testutil.HostLink(ns)))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.HasLen(entries, hooks[ns.Inode()]))
		qt.Check(t, qt.SliceContains([]int{0, 2}, len(entries)))
	}
	add(t, rt, w.targets()...)
	qt.Check(t, qt.HasLen(attachments(t, rt), 80))
	limitFiles(t, 0)
	qt.Check(t, qt.IsNil(rt.Remove(w.ids()...)))
	qt.Check(t, qt.IsTrue(rt.Idle()))
	qt.Check(t, qt.IsNil(rt.Close()))
}

// limitFiles lets the process open that many files more, until the returned
// function is called or the test ends.
func limitFiles(t *testing.T, more uint64) (restore func()) {
	t.Helper()
	var old unix.Rlimit
	qt.Assert(t, qt.IsNil(unix.Getrlimit(unix.RLIMIT_NOFILE, &old)))
	// Numbers are given from the lowest unused one on.
	lowest, err := os.Open("/")
	qt.Assert(t, qt.IsNil(err))
	limit := unix.Rlimit{Cur: uint64(lowest.Fd()) + more, Max: old.Max}
	qt.Assert(t, qt.IsNil(lowest.Close()))
	qt.Assert(t, qt.IsNil(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)))
	restore = func() { qt.Check(t, qt.IsNil(unix.Setrlimit(unix.RLIMIT_NOFILE, &old))) }
	t.Cleanup(restore)
	return restore
}
