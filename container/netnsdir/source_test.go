// SPDX-License-Identifier: Apache-2.0

package netnsdir_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/containertest"
	"github.com/boathook/boathook/container/netnsdir"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	containertest.Run(t, containertest.Harness{
		Source: mustNew(t, dir),
		Start: func(tb testing.TB, name string) string {
			tb.Helper()
			mustName(tb, dir, name)
			return name
		},
		Stop: func(tb testing.TB, id string) {
			tb.Helper()
			mustRemove(tb, dir, id)
		},
		Restart: func(tb testing.TB, id string) {
			tb.Helper()
			mustRemove(tb, dir, id)
			mustName(tb, dir, id)
		},
	})
}

// privateVariable is set in the environment of a process with a /run of its own.
const privateVariable = "BOATHOOK_TEST_PRIVATE_RUN"

func TestDefaultFolderIsThatOfIPNetns(t *testing.T) {
	t.Parallel()
	if os.Getenv(privateVariable) == "" {
		again := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "sh", "-ec",
			`busybox mount -t tmpfs tmpfs /run; exec "$0" "$@"`, os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), privateVariable+"=1")
		out, err := again.CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
		return
	}
	r := containertest.Watch(t, mustNew(t, ""))
	r.WaitSynced(t)
	ip(t, "netns", "add", "a")
	qt.Assert(t, qt.DeepEquals(r.WaitKnown(t, "a"), container.Container{
		Runtime: "netns", ID: "a", Name: "a", NetnsPath: "/run/netns/a",
	}))
	ip(t, "netns", "del", "a")
	r.WaitGone(t, "a")
}

func TestFolderMayComeLaterAndGo(t *testing.T) {
	t.Parallel()
	top := filepath.Join(t.TempDir(), "later")
	dir := filepath.Join(top, "netns")
	r := containertest.Watch(t, mustNew(t, dir))
	r.WaitSynced(t)
	for range 2 {
		qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o755)))
		mustName(t, dir, "a")
		r.WaitKnown(t, "a")
		mustRemove(t, dir, "a")
		r.WaitGone(t, "a")
		qt.Assert(t, qt.IsNil(os.RemoveAll(top)))
	}
}

func TestFolderThatIsMovedAwayIsGone(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "netns")
	qt.Assert(t, qt.IsNil(os.Mkdir(dir, 0o755)))
	mustName(t, dir, "a")
	r := containertest.Watch(t, mustNew(t, dir))
	r.WaitKnown(t, "a")
	moved := filepath.Join(top, "moved")
	qt.Assert(t, qt.IsNil(os.Rename(dir, moved)))
	r.WaitGone(t, "a")
	qt.Assert(t, qt.IsNil(os.Rename(moved, dir)))
	r.WaitEvents(t, 2, container.Added, "a")
}

func TestMountMayComeAfterTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := containertest.Watch(t, mustNew(t, dir))
	r.WaitSynced(t)
	mustFile(t, filepath.Join(dir, "a"))
	// When b is known, the first look at a is over.
	mustName(t, dir, "b")
	r.WaitKnown(t, "b")
	qt.Assert(t, qt.HasLen(r.Types("a"), 0))
	mustMount(t, filepath.Join(dir, "a"))
	r.WaitKnown(t, "a")
}

func TestOtherFilesAreNoContainers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustFile(t, filepath.Join(dir, "file"))
	qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(dir, "folder"), 0o755)))
	qt.Assert(t, qt.IsNil(os.Symlink("/proc/self/ns/uts", filepath.Join(dir, "uts"))))
	qt.Assert(t, qt.IsNil(unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600)))
	r := containertest.Watch(t, mustNew(t, dir))
	r.WaitSynced(t)
	mustName(t, dir, "a")
	r.WaitKnown(t, "a")
	qt.Assert(t, qt.HasLen(r.Known(), 1))
}

func TestFilesWithoutAMountAreGivenUp(t *testing.T) {
	t.Parallel()
	qt.Assert(t, qt.IsTrue(netnsdir.WaitsFor(t.TempDir(), time.Second)))
	qt.Assert(t, qt.IsFalse(netnsdir.WaitsFor(t.TempDir(), time.Hour)))
}

func TestFileInPlaceOfTheFolderIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	mustFile(t, path)
	err := mustNew(t, path).Watch(t.Context(), func(e container.Event) { t.Errorf("unexpected event %v", e) })
	qt.Assert(t, qt.ErrorIs(err, unix.ENOTDIR))
}

func TestFolderThatBecomesAFileIsDegraded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "netns")
	r := containertest.Watch(t, mustNew(t, dir))
	r.WaitSynced(t)
	mustFile(t, dir)
	r.WaitEvents(t, 1, container.Degraded, "")
	qt.Assert(t, qt.IsNil(os.Remove(dir)))
	r.WaitEvents(t, 2, container.Synced, "")
}

func ip(tb testing.TB, args ...string) {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "ip", args...).CombinedOutput()
	qt.Assert(tb, qt.IsNil(err), qt.Commentf("%s", out))
}

func mustNew(tb testing.TB, dir string) *netnsdir.Source {
	tb.Helper()
	source, err := netnsdir.New(netnsdir.Options{Dir: dir})
	qt.Assert(tb, qt.IsNil(err))
	return source
}

// mustName names a fresh netns the way ip-netns(8) does.
func mustName(tb testing.TB, dir, name string) {
	tb.Helper()
	path := filepath.Join(dir, name)
	mustFile(tb, path)
	mustMount(tb, path)
}

func mustFile(tb testing.TB, path string) {
	tb.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(file.Close()))
}

// mustMount mounts a fresh netns, which lives as long as the mount.
func mustMount(tb testing.TB, path string) {
	tb.Helper()
	ns, err := netns.New()
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	defer func() { qt.Check(tb, qt.IsNil(ns.Close())) }()
	qt.Assert(tb, qt.IsNil(unix.Mount(testutil.Path(ns), path, "", unix.MS_BIND, "")))
	tb.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) }) // the test may have done so
}

func mustRemove(tb testing.TB, dir, name string) {
	tb.Helper()
	path := filepath.Join(dir, name)
	qt.Assert(tb, qt.IsNil(unix.Unmount(path, unix.MNT_DETACH)))
	qt.Assert(tb, qt.IsNil(os.Remove(path)))
}
