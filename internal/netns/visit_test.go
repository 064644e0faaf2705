// SPDX-License-Identifier: Apache-2.0

package netns_test

import (
	"errors"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestVisitIsInsideEachAndComesBack(t *testing.T) {
	t.Parallel()
	list := make([]*netns.NS, 40)
	for i := range list {
		ns, err := netns.New()
		testutil.SkipIfNotSupported(t, err)
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { mustClose(t, ns) })
		list[i] = ns
	}
	for range 20 { // on whatever threads there are, used before or not
		inodes := make([]uint32, len(list))
		for _, err := range netns.Visit(list, func(i int) error {
			inode, err := inodeHere()
			inodes[i] = inode
			return err
		}) {
			qt.Assert(t, qt.IsNil(err))
		}
		for i, ns := range list {
			qt.Assert(t, qt.Equals(inodes[i], ns.Inode()))
		}
		here, err := inodeHere()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.Equals(here, mustSelf(t).Inode()))
	}
}

func TestVisitReportsEachError(t *testing.T) {
	t.Parallel()
	gone, failing, fine := testutil.Netns(t), testutil.Netns(t), testutil.Netns(t)
	mustClose(t, gone)
	mine := errors.New("mine")
	errs := netns.Visit([]*netns.NS{gone, failing, fine}, func(i int) error {
		return map[int]error{1: mine}[i]
	})
	qt.Assert(t, qt.HasLen(errs, 3))
	qt.Check(t, qt.ErrorIs(errs[0], os.ErrClosed))
	qt.Check(t, qt.Equals(errs[1], mine))
	qt.Check(t, qt.IsNil(errs[2]))
}

// Where the calling thread is already there is no way to go.
func TestVisitOfTheOwnNamespace(t *testing.T) {
	t.Parallel()
	self := mustSelf(t)
	visited := false
	qt.Check(t, qt.IsNil(netns.Visit([]*netns.NS{self}, func(int) error {
		inode, err := inodeHere()
		visited = inode == self.Inode()
		return err
	})[0]))
	qt.Check(t, qt.IsTrue(visited))
	mustClose(t, self)
	qt.Check(t, qt.ErrorIs(netns.Visit([]*netns.NS{self}, func(int) error { return nil })[0], os.ErrClosed))
}

func TestVisitOfNone(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.HasLen(netns.Visit(nil, nil), 0))
}

func inodeHere() (uint32, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/thread-self/ns/net", &st)
	return uint32(st.Ino), err
}

// BenchmarkVisit asks one namespace something, on a thread that comes back.
func BenchmarkVisit(b *testing.B) {
	list := []*netns.NS{testutil.Netns(b)}
	for b.Loop() {
		qt.Assert(b, qt.IsNil(netns.Visit(list, func(int) error { return nil })[0]))
	}
}

// BenchmarkDo does the same on a thread of its own.
func BenchmarkDo(b *testing.B) {
	ns := testutil.Netns(b)
	for b.Loop() {
		qt.Assert(b, qt.IsNil(ns.Do(func() error { return nil })))
	}
}

// BenchmarkOpen opens a namespace.
func BenchmarkOpen(b *testing.B) {
	path := testutil.Path(testutil.Netns(b))
	for b.Loop() {
		ns, err := netns.OpenPath(path)
		qt.Assert(b, qt.IsNil(err))
		qt.Assert(b, qt.IsNil(ns.Close()))
	}
}
