// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

func TestExpeditedValueThatNobodyHoldsIsLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	got, err := hook.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, hook.RCU{Expedited: "1", LeftOn: true}))
}

func TestOpenExpeditedWindowIsNotLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	file, err := os.Open(filepath.Join(at.Sys, "kernel/rcu_expedited"))
	qt.Assert(t, qt.IsNil(err))
	defer file.Close()
	qt.Assert(t, qt.IsNil(unix.Flock(int(file.Fd()), unix.LOCK_EX)))
	got, err := hook.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, hook.RCU{Expedited: "1"}))
}

func TestExpeditedValueOfTheCommandLineIsNotLeftOn(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{
		"sys/kernel/rcu_expedited": "1\n",
		"proc/cmdline":             "quiet rcupdate.rcu_expedited=1\n",
	})
	got, err := hook.ReadRCU(at)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(got.LeftOn))
}

func TestLookingAtTheLockLetsGoOfIt(t *testing.T) {
	t.Parallel()
	at := host(t, map[string]string{"sys/kernel/rcu_expedited": "1\n"})
	_, err := hook.ReadRCU(at)
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
			got, err := hook.ReadRCU(host(t, map[string]string{
				"sys/kernel/rcu_expedited": "0\n", test.file: test.value,
			}))
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(got, hook.RCU{Expedited: "0", Obstacle: test.want}))
		})
	}
}

func TestKernelWithoutExpeditedFile(t *testing.T) {
	t.Parallel()
	got, err := hook.ReadRCU(host(t, nil))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, hook.RCU{Obstacle: "the kernel has no /sys/kernel/rcu_expedited"}))
}

func TestReadOnlySysIsAnObstacle(t *testing.T) {
	t.Parallel()
	err := testutil.Netns(t).Do(func() error { // on a thread that ends with it
		const nobody = 65534
		if err := unix.Setfsuid(nobody); err != nil {
			return err
		}
		got, err := hook.ReadRCU(hook.Places{})
		qt.Check(t, qt.Not(qt.Equals(got.Obstacle, "")))
		return err
	})
	qt.Assert(t, qt.IsNil(err))
}

// host makes files in the place of a host's /proc and /sys.
func host(t *testing.T, files map[string]string) hook.Places {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
		qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	}
	return hook.Places{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys")}
}
