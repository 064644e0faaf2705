// SPDX-License-Identifier: Apache-2.0

package kernel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/kernel"
)

func TestExpeditedValueThatNobodyHoldsIsLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	got, err := kernel.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, kernel.RCU{Expedited: "1", LeftOn: true}))
}

func TestOpenExpeditedWindowIsNotLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	file, err := os.Open(filepath.Join(at.Sys, "kernel/rcu_expedited"))
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	qt.Assert(t, qt.IsNil(unix.Flock(int(file.Fd()), unix.LOCK_EX)))
	got, err := kernel.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, kernel.RCU{Expedited: "1"}))
}

func TestExpeditedValueOfTheCommandLineIsNotLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{
		"sys/kernel/rcu_expedited": "1\n",
		"proc/cmdline":             "quiet rcupdate.rcu_expedited=1\n",
	})
	got, err := kernel.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(got.LeftOn))
}

func TestLookingAtTheLockLetsGoOfIt(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	_, err := kernel.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	file, err := os.Open(filepath.Join(at.Sys, "kernel/rcu_expedited"))
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	qt.Check(t, qt.IsNil(unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)))
}

func TestObstaclesToExpeditedBursts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file, value, want string
	}{
		{"none", "sys/kernel/rcu_normal", "0\n", ""},
		{"rcu_normal", "sys/kernel/rcu_normal", "1\n", "rcu_normal is set, so the kernel expedites nothing"},
		{"real time", "sys/kernel/realtime", "1\n", "this is a real-time kernel (PREEMPT_RT)"},
		{"nohz_full", "sys/devices/system/cpu/nohz_full", "2-3\n", "CPUs are reserved with nohz_full"},
		{"no nohz_full", "sys/devices/system/cpu/nohz_full", "(null)\n", ""},
		{"isolated", "sys/devices/system/cpu/isolated", "1\n", "CPUs are isolated"},
		{"not isolated", "sys/devices/system/cpu/isolated", "\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := kernel.ReadRCU(host(t, map[string]string{
				"sys/kernel/rcu_expedited": "0\n", test.file: test.value,
			}))
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(got, kernel.RCU{Expedited: "0", Obstacle: test.want}))
		})
	}
}

func TestKernelWithoutExpeditedFile(t *testing.T) {
	t.Parallel()
	got, err := kernel.ReadRCU(host(t, nil))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, kernel.RCU{Obstacle: "the kernel has no /sys/kernel/rcu_expedited"}))
}

func TestReadOnlySysIsAnObstacle(t *testing.T) {
	t.Parallel()
	if !inChild() {
		runInChild(t, asNobody)
		return
	}
	got, err := kernel.ReadRCU(kernel.Places{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Not(qt.Equals(got.Obstacle, "")))
}

// host makes files in the place of a host's /proc and /sys.
func host(t *testing.T, files map[string]string) kernel.Places {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
		qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	}
	return kernel.Places{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
}
