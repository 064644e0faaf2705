// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func tryNetnsCookie(*site) (err error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	_, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	return lacking("read SO_NETNS_COOKIE", err, unix.ENOPROTOOPT)
}

func tryPidfd(*site) error {
	fd, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return lacking("open pidfd", err, unix.ENOSYS)
	}
	return unix.Close(fd)
}

func tryAllNSID(*site) (err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	return lacking("set NETLINK_LISTEN_ALL_NSID", err, unix.ENOPROTOOPT)
}

// tryFanotifyPerm marks a memory file that nobody else can open, so that no
// process ever waits for an answer. The mark goes with the group.
func tryFanotifyPerm(*site) (err error) {
	group, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err != nil {
		return lacking("open fanotify group", err, unix.ENOSYS)
	}
	defer func() { err = errors.Join(err, unix.Close(group)) }()
	file, err := unix.MemfdCreate("bh_probe", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create memory file: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(file)) }()
	err = unix.FanotifyMark(group, unix.FAN_MARK_ADD, unix.FAN_OPEN_EXEC_PERM, file, "")
	return lacking("mark for permission events", err, unix.EINVAL)
}

// lacking says that the kernel lacks a feature if it answered with errno.
func lacking(operation string, err error, errno unix.Errno) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errno) {
		return fmt.Errorf("%s: %w: %w", operation, ErrNotSupported, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
