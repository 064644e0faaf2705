// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// inodeOf is the number of the network namespace that dispatchers put in cb[0].
func inodeOf(path string) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("stat %s: %w", path, err)
	}
	return uint32(st.Ino), nil
}

// peers visits a network namespace and returns the indexes that its links have
// at their other ends.
func peers(path string) ([]int, error) {
	// The thread comes back, so the goroutine may leave it; if it does not, it is
	// never unlocked and ends with the goroutine.
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open own network namespace: %w", err)
	}
	indexes, err := peersInside(path)
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		return nil, errors.Join(err, fmt.Errorf("return to own network namespace: %w", back), unix.Close(home))
	}
	runtime.UnlockOSThread()
	return indexes, errors.Join(err, unix.Close(home))
}

// peersInside leaves the calling thread in the namespace.
func peersInside(path string) ([]int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	if err := errors.Join(unix.Setns(fd, unix.CLONE_NEWNET), unix.Close(fd)); err != nil {
		return nil, fmt.Errorf("enter network namespace: %w", err)
	}
	dump, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	var indexes []int
	for i := range messages {
		if messages[i].Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		for _, attr := range attrs {
			if attr.Attr.Type == unix.IFLA_LINK && len(attr.Value) >= 4 {
				indexes = append(indexes, int(binary.NativeEndian.Uint32(attr.Value)))
			}
		}
	}
	return indexes, nil
}
