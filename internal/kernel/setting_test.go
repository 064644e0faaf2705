// SPDX-License-Identifier: Apache-2.0

package kernel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/kernel"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	procfs := t.TempDir()
	for name, text := range map[string]string{"net/core/bpf_jit_harden": "2\n", "kernel/kptr_restrict": "1\n"} {
		path := filepath.Join(procfs, "sys", name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
		qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	}
	values := map[string]string{}
	for _, s := range kernel.Settings(procfs) {
		qt.Check(t, qt.IsNil(s.Err))
		values[s.Name] = s.Value
	}
	qt.Check(t, qt.Equals(values[kernel.SettingHarden], "2"))
	qt.Check(t, qt.Equals(values[kernel.SettingKptr], "1"))
	absent, listed := values[kernel.SettingJIT]
	qt.Check(t, qt.IsTrue(listed))
	qt.Check(t, qt.Equals(absent, ""))
}

func TestSettingThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	procfs := t.TempDir()
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Join(procfs, "sys/kernel/kptr_restrict"), 0o755)))
	for _, s := range kernel.Settings(procfs) {
		qt.Check(t, qt.Equals(s.Err != nil, s.Name == kernel.SettingKptr), qt.Commentf("%s", s.Name))
	}
}

func TestReleaseNamesTheRunningKernel(t *testing.T) {
	t.Parallel()
	release, machine, err := kernel.Release()
	qt.Assert(t, qt.IsNil(err))
	want, err := os.ReadFile("/proc/sys/kernel/osrelease")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(release+"\n", string(want)))
	qt.Check(t, qt.Not(qt.Equals(machine, "")))
}
