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

// RCU tells whether bursts of attaching may hurry the kernel's grace periods
// through /sys/kernel/rcu_expedited, and whether somebody forgot to put that
// back.
type RCU struct {
	// Expedited is the value of rcu_expedited, "" if the kernel has none.
	Expedited string
	// LeftOn: it is not 0 though nobody holds the lock under which boathook
	// sets it, and the kernel's command line does not ask for it. Every grace
	// period of the host then interrupts all CPUs.
	LeftOn bool
	// Obstacle is why bursts are attached without, "" if nothing is in the way.
	Obstacle string
}

// Places are where the kernel's file systems are mounted; "" means the usual
// places.
type Places struct{ Proc, Sys string }

// ReadRCU looks at the host. It changes nothing, but holds a shared lock on
// rcu_expedited for an instant when its value is not 0.
func ReadRCU(at Places) (RCU, error) {
	if at.Proc == "" {
		at.Proc = "/proc"
	}
	if at.Sys == "" {
		at.Sys = "/sys"
	}
	path := filepath.Join(at.Sys, "kernel/rcu_expedited")
	value, err := readLine(path)
	if err != nil {
		return RCU{}, err
	}
	state := RCU{Expedited: value}
	if value == "" {
		state.Obstacle = "the kernel has no /sys/kernel/rcu_expedited"
		return state, nil
	}
	if state.LeftOn, err = leftOn(path, value, at); err != nil {
		return state, err
	}
	state.Obstacle, err = rcuObstacle(path, at)
	return state, err
}

func leftOn(path, value string, at Places) (bool, error) {
	if value == "0" {
		return false, nil
	}
	commandLine, err := readLine(filepath.Join(at.Proc, "cmdline"))
	if err != nil {
		return false, err
	}
	if strings.Contains(commandLine, "rcupdate.rcu_expedited=1") {
		return false, nil
	}
	file, err := os.Open(path)
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

// rcuObstacle looks for what makes expedited grace periods useless or harmful:
// they interrupt every CPU.
func rcuObstacle(path string, at Places) (string, error) {
	for _, o := range []struct {
		file, harmless, text string
	}{
		{"kernel/rcu_normal", "0", "rcu_normal is set, so the kernel expedites nothing"},
		{"kernel/realtime", "0", "this is a real-time kernel (PREEMPT_RT)"},
		{"devices/system/cpu/nohz_full", "(null)", "CPUs are reserved with nohz_full"},
		{"devices/system/cpu/isolated", "", "CPUs are isolated"},
	} {
		value, err := readLine(filepath.Join(at.Sys, o.file))
		if err != nil {
			return "", err
		}
		if value != "" && value != o.harmless {
			return o.text, nil
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "no right to write /sys/kernel/rcu_expedited", nil //nolint:nilerr // the refusal is the answer
	}
	return "", file.Close()
}
