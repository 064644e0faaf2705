// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// RCU tells whether a [Window] may shorten the kernel's grace periods, and
// whether somebody forgot to put them back.
type RCU struct {
	// Expedited is the value of rcu_expedited, "" if the kernel has none.
	Expedited string
	// LeftOn: it is not 0 though nobody holds the lock of a window, and the
	// kernel's command line does not ask for it. Every grace period of the host
	// then interrupts all CPUs.
	LeftOn bool
	// Obstacle is why windows stay closed, "" if nothing is in the way.
	Obstacle string
}

// Places are where the kernel's file systems are mounted; "" means the usual
// places.
type Places struct{ Proc, Sys string }

// maxSetting is the most bytes of a setting that are read: what sysfs gives at a
// time on machines with the smallest pages.
const maxSetting = 4096

// kernelFiles are the paths that tell of grace periods.
type kernelFiles struct {
	expedited   string // 1: expedite every grace period
	normal      string // 1: expedite none, whatever expedited says
	realtime    string // 1 on PREEMPT_RT
	nohzFull    string // processors that must not be interrupted
	isolated    string // the same, by isolcpus= or cpusets
	commandLine string
	bootID      string
}

func filesAt(at Places) kernelFiles {
	proc, sys := cmp.Or(at.Proc, "/proc"), cmp.Or(at.Sys, "/sys")
	return kernelFiles{
		expedited:   filepath.Join(sys, "kernel/rcu_expedited"),
		normal:      filepath.Join(sys, "kernel/rcu_normal"),
		realtime:    filepath.Join(sys, "kernel/realtime"),
		nohzFull:    filepath.Join(sys, "devices/system/cpu/nohz_full"),
		isolated:    filepath.Join(sys, "devices/system/cpu/isolated"),
		commandLine: filepath.Join(proc, "cmdline"),
		bootID:      filepath.Join(proc, "sys/kernel/random/boot_id"),
	}
}

// ReadRCU looks at the host. It changes nothing, but holds a shared lock on
// rcu_expedited for an instant when its value is not 0.
func ReadRCU(at Places) (RCU, error) {
	files := filesAt(at)
	value, err := readLine(files.expedited)
	if err != nil {
		return RCU{}, err
	}
	state := RCU{Expedited: value}
	if value == "" {
		state.Obstacle = "the kernel has no /sys/kernel/rcu_expedited"
		return state, nil
	}
	if state.LeftOn, err = files.leftOn(value); err != nil {
		return state, err
	}
	if state.Obstacle, err = files.obstacle(); err != nil || state.Obstacle != "" {
		return state, err
	}
	file, err := os.OpenFile(files.expedited, os.O_WRONLY, 0)
	if err != nil {
		state.Obstacle = "no right to write /sys/kernel/rcu_expedited"
		return state, nil //nolint:nilerr // the refusal is the answer
	}
	return state, file.Close()
}

func (k kernelFiles) leftOn(value string) (bool, error) {
	if value == "0" {
		return false, nil
	}
	commandLine, err := os.ReadFile(k.commandLine)
	if err = ignoreErrno(err, unix.ENOENT); err != nil {
		return false, fmt.Errorf("read the kernel's command line: %w", err)
	}
	if strings.Contains(string(commandLine), "rcupdate.rcu_expedited=1") {
		return false, nil
	}
	file, err := os.Open(k.expedited)
	if err != nil {
		return false, fmt.Errorf("open rcu_expedited: %w", err)
	}
	// Closing the file lets go of the lock.
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	inUse := errors.Is(err, unix.EWOULDBLOCK)
	if inUse {
		err = nil
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return false, fmt.Errorf("look at the lock of rcu_expedited: %w", err)
	}
	return !inUse, nil
}

// obstacle looks for what makes expedited grace periods useless or harmful:
// they interrupt every CPU.
func (k kernelFiles) obstacle() (string, error) {
	for _, o := range []struct{ file, harmless, text string }{
		{k.normal, "0", "rcu_normal is set, so the kernel expedites nothing"},
		{k.realtime, "0", "this is a real-time kernel (PREEMPT_RT)"},
		{k.nohzFull, "(null)", "CPUs are reserved with nohz_full"},
		{k.isolated, "", "CPUs are isolated"},
	} {
		value, err := readLine(o.file)
		if err != nil {
			return "", err
		}
		if value != "" && value != o.harmless {
			return o.text, nil
		}
	}
	return "", nil
}

// readLine returns the first line of a setting of the kernel, "" if there is no
// such file. A window reads four of them: hence not os.ReadFile, which makes
// five more system calls for each.
func readLine(path string) (string, error) {
	text, err := readSmall(path)
	if errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	line, _, _ := strings.Cut(text, "\n")
	return line, err
}

// readSmall reads a file of the kernel that is no longer than maxSetting. Not
// os.ReadFile, which makes seven more system calls in order to poll.
func readSmall(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	var buf [maxSetting]byte
	n, err := unix.Read(fd, buf[:])
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(buf[:n]), nil
}
