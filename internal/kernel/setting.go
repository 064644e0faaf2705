// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Settings of the host that boathook depends on, as sysctl(8) names them.
const (
	SettingJIT             = "net.core.bpf_jit_enable"
	SettingHarden          = "net.core.bpf_jit_harden"
	SettingKptr            = "kernel.kptr_restrict"
	SettingUnprivilegedBPF = "kernel.unprivileged_bpf_disabled"
	SettingStatistics      = "kernel.bpf_stats_enabled"
)

// Setting is one sysctl and its value.
type Setting struct {
	Name string
	// Value is the text of the sysctl, "" if the kernel has none or hides it
	// from this network namespace, as it does with net.core.bpf_* outside the
	// first.
	Value string
	// Err is why the value could not be read.
	Err error
}

// Settings reads the sysctls that boathook depends on. procfs is where proc is
// mounted, "" for /proc.
func Settings(procfs string) []Setting {
	if procfs == "" {
		procfs = "/proc"
	}
	names := []string{SettingJIT, SettingHarden, SettingKptr, SettingUnprivilegedBPF, SettingStatistics}
	settings := make([]Setting, len(names))
	for i, name := range names {
		value, err := readLine(filepath.Join(procfs, "sys", strings.ReplaceAll(name, ".", "/")))
		settings[i] = Setting{Name: name, Value: value, Err: err}
	}
	return settings
}

// readLine returns the text of a one-line file of proc or sysfs, "" if there
// is no such file.
func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read setting: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// Release returns the kernel's version as uname -r prints it, and the machine
// as uname -m does.
func Release() (release, machine string, err error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", "", fmt.Errorf("uname: %w", err)
	}
	return unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Machine[:]), nil
}
