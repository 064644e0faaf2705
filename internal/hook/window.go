// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockWait bounds the wait for other instances' windows. Theirs last some
	// tens of milliseconds.
	lockWait     = time.Second
	lockInterval = 2 * time.Millisecond
)

// Window shortens RCU grace periods from some 10 ms to some 10 us while a burst
// of hooks is made: attaching and detaching TCX links waits for one each, with
// the lock that every other change of the host's network needs.
//
// It sets /sys/kernel/rcu_expedited to 1 for that time and then back to what it
// was. Instances take turns by a file lock on that file itself. What it was is
// written to a state file first, so that [Repair] can set it back for a process
// that died meanwhile. A Window is safe for concurrent use.
type Window struct {
	stateDir string
	files    kernelFiles
	wait     time.Duration
}

// NewWindow returns a window that keeps its state in stateDir, which is
// /run/boathook for all instances of a host. The directory exists only while
// something is in it.
func NewWindow(stateDir string) *Window {
	return &Window{stateDir: stateDir, wait: lockWait, files: filesAt(Places{})}
}

// Repair sets back what an instance that died inside its window left. It does
// nothing while another instance is inside its own.
func Repair(stateDir string) error { return NewWindow(stateDir).repair() }

// Do runs fn, inside the window where that is possible and harmless: without
// the right to write the setting, with rcu_normal set, on PREEMPT_RT, with
// nohz_full or isolated processors, and when another instance does not leave
// its window within a second, fn runs all the same. Do must not be called by
// fn.
//
// Returns fn's error, joined with that of setting the old value back. The value
// is set back also if fn panics.
func (w *Window) Do(fn func() error) (err error) {
	if obstacle, err := w.files.obstacle(); err != nil || obstacle != "" {
		return fn()
	}
	lock, err := w.lock(w.wait)
	if err != nil { // no right to write, or another's window stays open
		return fn()
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	closeWindow, err := w.open(lock)
	if err != nil { // nothing was changed
		return fn()
	}
	defer func() { err = errors.Join(err, closeWindow()) }()
	return fn()
}

// open sets the value, with the lock held, and returns what sets it back.
func (w *Window) open(lock *os.File) (func() error, error) {
	boot, err := readBootID(w.files.bootID)
	if err != nil {
		return nil, err
	}
	// Somebody who died inside left a 1 that is not the host's own.
	if err := w.mend(lock, boot); err != nil {
		return nil, err
	}
	old, err := readValue(lock)
	if err != nil {
		return nil, err
	}
	if old != "0" { // the host's own setting is as we want it
		return func() error { return nil }, nil
	}
	if err := w.writeState(windowState{old: old, bootID: boot}); err != nil {
		return nil, err
	}
	if err := writeValue(lock, "1"); err != nil {
		return nil, errors.Join(err, w.removeState())
	}
	return func() error { return w.mend(lock, boot) }, nil
}

func (w *Window) repair() error {
	if _, err := os.Stat(w.statePath()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := w.lock(0)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // the state file is that of a living instance
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", w.files.expedited, err)
	}
	boot, err := readBootID(w.files.bootID)
	if err == nil {
		err = w.mend(lock, boot)
	}
	return errors.Join(err, lock.Close())
}

// mend sets back what the state file says, if there is one, and removes it. A
// state file of an earlier boot says nothing about this one, and a value that
// is no longer 1 was changed by somebody who knew what he wanted.
func (w *Window) mend(lock *os.File, boot string) error {
	state, err := w.readState()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", w.files.expedited, err)
	}
	if state.bootID == boot {
		value, err := readValue(lock)
		if err == nil && value == "1" {
			err = writeValue(lock, state.old)
		}
		if err != nil {
			return fmt.Errorf("restore %s: %w", w.files.expedited, err)
		}
	}
	return w.removeState()
}

// lock opens the setting for writing and locks it for this open file, waiting
// at most for wait. Returns unix.EWOULDBLOCK if another instance keeps it.
func (w *Window) lock(wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(w.files.expedited, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(lockInterval)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return nil, errors.Join(err, f.Close())
		}
	}
}

func readValue(f *os.File) (string, error) {
	var buf [16]byte
	n, err := f.ReadAt(buf[:], 0)
	if n == 0 {
		return "", fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return strings.TrimSpace(string(buf[:n])), nil
}

func writeValue(f *os.File, value string) error {
	_, err := f.WriteAt([]byte(value), 0)
	return err
}
