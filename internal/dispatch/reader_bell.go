// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// bell is rung by a program that wakes the reader of its ring buffer, and by who
// wants the reader to end. Each ring is heard once: a ring buffer itself stays
// ready while a program still writes its first record, which would have the reader
// turn round and round.
type bell struct {
	epoll, ending int
	fds           [2]unix.PollFd
	ended         atomic.Bool
}

func newBell(m *ebpf.Map) (*bell, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	on := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, m.FD(), &on); err != nil {
		return nil, errors.Join(fmt.Errorf("listen to the ring: %w", err), unix.Close(epoll))
	}
	ending, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), unix.Close(epoll))
	}
	b := &bell{epoll: epoll, ending: ending}
	b.fds = [...]unix.PollFd{{Fd: int32(epoll), Events: unix.POLLIN}, {Fd: int32(ending), Events: unix.POLLIN}}
	return b, nil
}

// wait says whether the bell was rung before the time was over. It may return too early.
func (b *bell) wait(atMost time.Duration) (rung bool) {
	timeout := unix.NsecToTimespec(int64(atMost))
	// Not epoll_wait, whose timeout is in milliseconds, nor epoll_pwait2, which is of Linux 5.11.
	if _, err := unix.Ppoll(b.fds[:], &timeout, nil); err != nil || b.fds[0].Revents == 0 {
		return false
	}
	var heard [1]unix.EpollEvent
	n, err := unix.EpollWait(b.epoll, heard[:], 0)
	return err == nil && n > 0
}

// end lets no wait take any time any more.
func (b *bell) end() error {
	b.ended.Store(true)
	if _, err := unix.Write(b.ending, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return fmt.Errorf("wake the reader: %w", err)
	}
	return nil
}

func (b *bell) close() error { return errors.Join(unix.Close(b.epoll), unix.Close(b.ending)) }
