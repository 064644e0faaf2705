// SPDX-License-Identifier: Apache-2.0

package kernel_test

import (
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/kernel"
)

func TestNothingIsMissingForRoot(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.Equals(missingNames(t), ""))
}

func TestUserWithoutRightsMissesThree(t *testing.T) {
	t.Parallel()
	if !inChild() {
		runInChild(t, asNobody)
		return
	}
	qt.Check(t, qt.Equals(missingNames(t), "CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN"))
}

func TestRootOfAUserNamespaceMissesThree(t *testing.T) {
	t.Parallel()
	if !inChild() {
		runInChild(t, asRootOfUserNamespace)
		return
	}
	inside, err := kernel.InUserNamespace()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(inside))
	qt.Check(t, qt.Equals(missingNames(t), "CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN"))
}

func TestMissingCaps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		held []uint
		want string
	}{
		{"bpf and net admin", []uint{unix.CAP_BPF, unix.CAP_NET_ADMIN}, "CAP_SYS_ADMIN"},
		{"sys admin stands for bpf", []uint{unix.CAP_SYS_ADMIN}, "CAP_NET_ADMIN"},
		{"all three", []uint{unix.CAP_BPF, unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN}, ""},
		{"others are not essential", []uint{unix.CAP_PERFMON, unix.CAP_SYSLOG}, "CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			withCaps(t, test.held, func() { qt.Check(t, qt.Equals(missingNames(t), test.want)) })
		})
	}
}

func TestSysAdminStandsForPerfmonButNotForSyslog(t *testing.T) {
	t.Parallel()
	withCaps(t, []uint{unix.CAP_SYS_ADMIN}, func() {
		caps, err := kernel.Capabilities()
		qt.Assert(t, qt.IsNil(err))
		held := map[string]bool{}
		for _, c := range caps {
			held[c.Name] = c.Held
		}
		qt.Check(t, qt.IsTrue(held["CAP_PERFMON"]))
		qt.Check(t, qt.IsFalse(held["CAP_SYSLOG"]))
		qt.Check(t, qt.IsFalse(held["CAP_NET_ADMIN"]))
	})
}

// withCaps runs fn on a thread that has nothing but these capabilities and
// ends with it.
func withCaps(t *testing.T, held []uint, fn func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		for _, bit := range held {
			data[bit/32].Effective |= 1 << (bit % 32)
			data[bit/32].Permitted |= 1 << (bit % 32)
		}
		err := unix.Capset(&header, &data[0])
		if err == nil {
			fn()
		}
		done <- err
	}()
	qt.Assert(t, qt.IsNil(<-done))
}

func missingNames(t *testing.T) string {
	t.Helper()
	missing, err := kernel.MissingCaps()
	qt.Check(t, qt.IsNil(err))
	return kernel.CapNames(missing)
}
