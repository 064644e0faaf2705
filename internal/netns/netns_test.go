// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestSelfIsTheNetnsOfTheProcess(t *testing.T) {
	t.Parallel()
	self := mustSelf(t)
	link, err := os.Readlink("/proc/self/ns/net")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(link, "net:["+strconv.Itoa(int(self.Inode()))+"]"))
	qt.Assert(t, qt.Equals(self.String(), "netns "+strconv.Itoa(int(self.Inode()))))
}

func TestSelfInsideAnotherNetnsIsStillTheProcess(t *testing.T) {
	t.Parallel()
	self, other := mustSelf(t), testutil.Netns(t)
	var inside *netns.NS
	err := other.Do(func() (err error) {
		inside, err = netns.Self()
		return err
	})
	qt.Assert(t, qt.IsNil(err))
	defer mustClose(t, inside)
	qt.Assert(t, qt.IsTrue(inside.Same(self)))
}

func TestKeysTellNamespacesApart(t *testing.T) {
	t.Parallel()
	a, b := testutil.Netns(t), testutil.Netns(t)
	again, err := netns.OpenPath(testutil.Path(a))
	qt.Assert(t, qt.IsNil(err))
	defer mustClose(t, again)

	qt.Assert(t, qt.IsTrue(a.Same(again)))
	qt.Assert(t, qt.Equals(again.Key(), a.Key()))
	qt.Assert(t, qt.IsFalse(a.Same(b)))
	qt.Assert(t, qt.Not(qt.Equals(a.Key().Inode, b.Key().Inode)))
}

func TestCookieIsTheKernels(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var cookie uint64
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	testutil.SkipIfNotSupported(t, err)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(ns.Key().Cookie, cookie))
	qt.Assert(t, qt.Not(qt.Equals(cookie, mustSelf(t).Key().Cookie)))
}

func TestOpenPathRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "fifo")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o600)))
	qt.Assert(t, qt.IsNil(unix.Mkfifo(fifo, 0o600)))
	for _, path := range []string{file, fifo, dir, "/dev/null", "/proc/self/ns/uts"} {
		_, err := netns.OpenPath(path)
		qt.Check(t, qt.ErrorIs(err, netns.ErrNotNetns))
		qt.Check(t, qt.ErrorMatches(err, "open netns "+path+": not a network namespace"))
	}
}

func TestOpenPathOfNothing(t *testing.T) {
	t.Parallel()
	_, err := netns.OpenPath(filepath.Join(t.TempDir(), "none"))
	qt.Assert(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestOpenNameFindsWhatIPNetnsMade(t *testing.T) {
	t.Parallel()
	self := mustSelf(t)
	name := "boathook-test-" + strconv.Itoa(os.Getpid())
	testutil.Exec(t, self, "ip", "netns", "add", name)
	defer testutil.Exec(t, self, "ip", "netns", "del", name)

	ns, err := netns.OpenName(name)
	qt.Assert(t, qt.IsNil(err))
	defer mustClose(t, ns)
	var st unix.Stat_t
	qt.Assert(t, qt.IsNil(unix.Stat(filepath.Join(netns.RunDir, name), &st)))
	qt.Assert(t, qt.Equals(uint64(ns.Inode()), st.Ino))
	qt.Assert(t, qt.IsFalse(ns.Same(self)))
}

func TestOpenNameRefusesPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "..", "../netns/x", "/proc/self/ns/net"} {
		_, err := netns.OpenName(name)
		qt.Check(t, qt.ErrorIs(err, os.ErrInvalid), qt.Commentf("%q", name))
	}
}

func TestOpenNameOfNothing(t *testing.T) {
	t.Parallel()
	_, err := netns.OpenName("boathook-test-none")
	qt.Assert(t, qt.ErrorIs(err, os.ErrNotExist))
	qt.Assert(t, qt.ErrorMatches(err, "open netns /run/netns/boathook-test-none: .*"))
}

func TestCloseMayBeCalledTwice(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	qt.Assert(t, qt.IsNil(ns.Close()))
	qt.Assert(t, qt.IsNil(ns.Close()))
	qt.Assert(t, qt.Equals(ns.Fd(), -1))
	qt.Assert(t, qt.ErrorIs(ns.Do(func() error { return nil }), os.ErrClosed))
}

func TestNamespaceEndsWithItsLastHolder(t *testing.T) {
	t.Parallel()
	a := testutil.Netns(t)
	b, err := netns.New()
	qt.Assert(t, qt.IsNil(err))
	testutil.Veth(t, a, "stays", b, "goes")
	mustClose(t, b)
	// The kernel takes the other end away with the namespace.
	testutil.Eventually(t, waitTime, func() bool {
		return !strings.Contains(testutil.Exec(t, a, "ip", "link"), "stays")
	}, "the peer of a dead namespace is gone")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				err := ns.Do(func() error { runtime.Gosched(); return nil })
				qt.Check(t, qt.Satisfies(err, nilOrClosed))
			}
		})
	}
	group.Go(func() { qt.Check(t, qt.IsNil(ns.Close())) })
	group.Wait()
}
