// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// openValue is what a window writes. To the kernel any number but 0 says
	// yes; this one says besides that it was a window, and that the value was 0
	// before. It is 0xb0a7.
	openValue = "45223"

	// gracePeriod is about what one takes without a window.
	gracePeriod = 10 * time.Millisecond
	// lockWait bounds the wait for other instances' windows. Theirs last some
	// tens of milliseconds at most.
	lockWait     = time.Second
	lockInterval = 250 * time.Microsecond
)

// Window shortens RCU grace periods from some 10 ms to some 10 us while hooks
// are made: attaching and detaching TCX links waits for one each, with the lock
// that every other change of the host's network needs.
//
// It writes a number of its own to /sys/kernel/rcu_expedited for that time, and
// then 0 again. Only where 0 is what was there before: a host that asks for
// expedited grace periods itself stays as it is. The number stays when the
// process dies inside, and [Repair] knows it. Instances take turns by a file
// lock on that file. A Window is safe for concurrent use.
type Window struct {
	files kernelFiles
	// maxWait bounds the wait for other instances, whatever is to be done.
	maxWait time.Duration
}

// NewWindow returns a window.
func NewWindow() *Window { return &Window{maxWait: lockWait, files: filesAt(Places{})} }

// Repair sets back what an instance that died inside its window left. It does
// nothing while another instance is inside its own.
func Repair() error { return NewWindow().repair() }

// Do runs fn, which waits for as many grace periods as there are changes,
// inside the window where that is possible and harmless: without the right to
// write the setting, with rcu_normal set, on PREEMPT_RT, with nohz_full or
// isolated processors, and when another instance does not leave its window for
// as long as fn would take anyway, a second at most, fn runs all the same. Do
// must not be called by fn.
//
// Returns fn's error, joined with that of setting the old value back. The value
// is set back also if fn panics.
func (w *Window) Do(changes int, fn func() error) (err error) {
	if obstacle, err := w.files.obstacle(); err != nil || obstacle != "" {
		return fn()
	}
	s, err := w.lock(min(time.Duration(changes)*gracePeriod, w.maxWait))
	if err != nil { // no right to write, or another's window stays open
		return fn()
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	if err := s.open(); err != nil { // nothing was changed
		return fn()
	}
	defer func() { err = errors.Join(err, s.restore()) }()
	return fn()
}

func (w *Window) repair() error {
	if value, err := readLine(w.files.expedited); err != nil || value != openValue {
		return err
	}
	s, err := w.lock(0)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // the window of a living instance
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", w.files.expedited, err)
	}
	return errors.Join(s.restore(), s.unlock())
}

// lock opens the setting for writing and locks it for this open file, waiting
// at most for wait. Returns unix.EWOULDBLOCK if another instance keeps it.
func (w *Window) lock(wait time.Duration) (lockedSetting, error) {
	// Not os.OpenFile, which makes six more system calls in order to poll.
	fd, err := unix.Open(w.files.expedited, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return lockedSetting{}, err
	}
	s := lockedSetting{fd: fd, path: w.files.expedited}
	if err := s.tryLock(); !errors.Is(err, unix.EWOULDBLOCK) {
		return s, s.closeIf(err)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(lockInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-deadline.C:
			return s, s.closeIf(unix.EWOULDBLOCK)
		}
		if err := s.tryLock(); !errors.Is(err, unix.EWOULDBLOCK) {
			return s, s.closeIf(err)
		}
	}
}

// lockedSetting is rcu_expedited while this process has the right to change it.
type lockedSetting struct {
	fd   int
	path string
}

func (s lockedSetting) tryLock() error {
	err := unix.Flock(s.fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EINTR) {
		return unix.EWOULDBLOCK
	}
	return err
}

// closeIf closes the file if err is one, and returns it.
func (s lockedSetting) closeIf(err error) error {
	if err != nil {
		return errors.Join(err, s.unlock())
	}
	return nil
}

// open sets the value unless it is set, be it by the host itself or by somebody
// who died inside his window.
func (s lockedSetting) open() error {
	value, err := s.read()
	if err != nil || value != "0" {
		return err
	}
	return s.write(openValue)
}

// restore sets the value back to 0 if it is ours. Any other is the host's own,
// or was written meanwhile by somebody who knew what he wanted.
func (s lockedSetting) restore() error {
	value, err := s.read()
	if err == nil && value == openValue {
		err = s.write("0")
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.path, err)
	}
	return nil
}

// unlock lets go of the lock with the file.
func (s lockedSetting) unlock() error {
	return os.NewSyscallError("close", unix.Close(s.fd))
}

func (s lockedSetting) read() (string, error) {
	var buf [16]byte
	n, err := unix.Pread(s.fd, buf[:], 0)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("read: %w", err)
	}
	value, _, _ := strings.Cut(string(buf[:n]), "\n")
	return value, nil
}

func (s lockedSetting) write(value string) error {
	_, err := unix.Pwrite(s.fd, []byte(value+"\n"), 0)
	return os.NewSyscallError("write", err)
}
