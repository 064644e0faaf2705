// SPDX-License-Identifier: Apache-2.0

package session

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestPidOfPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/proc/17/ns/net":     17,
		"/proc//17/./ns/net":  17,
		"/proc/17/ns/net/":    17,
		"/proc/self/ns/net":   0,
		"/proc/17/ns/mnt":     0,
		"/run/netns/17":       0,
		"/proc/17/task/17/ns": 0,
		"proc/17/ns/net":      0,
	} {
		pid, ok := pidOfPath(path)
		qt.Check(t, qt.Equals(ok, want != 0), qt.Commentf("%s", path))
		qt.Check(t, qt.Equals(pid, want), qt.Commentf("%s", path))
	}
}

func TestNamespaceThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	qt.Assert(t, qt.IsNil(os.WriteFile(file, nil, 0o600)))
	_, err := Targets{Netns: []string{file}}.sources()
	checkFault(t, err, fault.CodeFailure, ".*"+file+".*", "ip netns list .*")
}

func TestNetnsFilterHoldsForAllFlags(t *testing.T) {
	t.Parallel()
	self, err := netns.Self()
	qt.Assert(t, qt.IsNil(err))
	inode := self.Inode()
	qt.Assert(t, qt.IsNil(self.Close()))
	path := "/proc/" + strconv.Itoa(os.Getpid()) + "/ns/net"

	none, err := Targets{Netns: []string{path}}.netnsFilter()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(none == nil), qt.Commentf("without other flags the namespace is a source"))

	same, err := Targets{All: true, Netns: []string{path}, PIDs: []int{os.Getpid()}}.netnsFilter()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(same(inode)))
	qt.Check(t, qt.IsFalse(same(inode+1)))

	other := testutil.Netns(t)
	differ, err := Targets{Containers: []string{"web"}, Netns: []string{testutil.Path(other)}, PIDs: []int{os.Getpid()}}.netnsFilter()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(differ(inode)))
	qt.Check(t, qt.IsFalse(differ(other.Inode())))
}

func TestNetnsFilterSaysWhatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := Targets{All: true, Netns: []string{"no-such-netns"}}.netnsFilter()
	checkFault(t, err, fault.CodeFailure, ".*no-such-netns.*no such file.*", "")
}

func TestInodeOfAContainer(t *testing.T) {
	t.Parallel()
	self, err := netns.Self()
	qt.Assert(t, qt.IsNil(err))
	defer self.Close()
	byPID, err := inodeOf(container.Container{PID: os.Getpid(), NetnsPath: "/not/used"})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(byPID, self.Inode()))
	byPath, err := inodeOf(container.Container{NetnsPath: "/proc/self/ns/net"})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(byPath, self.Inode()))
	_, err = inodeOf(container.Container{})
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}
