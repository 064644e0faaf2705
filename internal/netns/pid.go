// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenPID opens the network namespace that the process pid is in.
//
// Returns an error that wraps both unix.ESRCH and os.ErrNotExist if there is
// no such process or it ended meanwhile: the namespace is never that of a
// later process with the same number.
func OpenPID(pid int) (*NS, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, pidError(pid, err)
	}
	ns, err := OpenPath("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return nil, pidError(pid, errors.Join(err, unix.Close(pidfd)))
	}
	// The process still exists, so the number meant it all the time.
	err = unix.PidfdSendSignal(pidfd, 0, nil, 0)
	if err = errors.Join(err, unix.Close(pidfd)); err != nil {
		return nil, pidError(pid, errors.Join(err, ns.Close()))
	}
	return ns, nil
}

// goneError is the error for a process that does not exist.
type goneError struct{ pid int }

func (e *goneError) Error() string {
	return fmt.Sprintf("open netns of pid %d: no such process", e.pid)
}

func (*goneError) Unwrap() []error { return []error{unix.ESRCH, os.ErrNotExist} }

func pidError(pid int, err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist) {
		return &goneError{pid: pid}
	}
	return fmt.Errorf("open netns of pid %d: %w", pid, err)
}
