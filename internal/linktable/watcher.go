// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// wakeups is how many namespaces are served at once.
const wakeups = 64

// Watcher tells in which of many network namespaces links have changed, not how: a
// namespace costs a socket and nothing else. It is for those that no [Table] hears
// of. It is safe for concurrent use.
type Watcher struct {
	onChange func(netns.Key)
	poll     *os.File // an epoll instance
	raw      syscall.RawConn
	finished sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	members map[int]netns.Key
	sockets map[netns.Key]int
	closed  bool
}

// NewWatcher makes a watcher of no namespaces. onChange is called from one
// goroutine, with no lock held, and must not call Close.
func NewWatcher(onChange func(netns.Key)) (*Watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch links: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the file is not polled
		return nil, fmt.Errorf("watch links: %w", errors.Join(err, unix.Close(fd)))
	}
	w := &Watcher{
		onChange: onChange, poll: os.NewFile(uintptr(fd), "epoll"),
		members: map[int]netns.Key{}, sockets: map[netns.Key]int{},
	}
	if w.raw, err = w.poll.SyscallConn(); err != nil {
		return nil, fmt.Errorf("watch links: %w", errors.Join(err, w.poll.Close()))
	}
	w.finished.Go(w.follow)
	return w, nil
}

// Add watches a namespace, from before it returns. Adding one again is no error.
// Returns an error that wraps os.ErrClosed after Close.
func (w *Watcher) Add(ns *netns.NS) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("watch links of %s: %w", ns, os.ErrClosed)
	}
	if _, known := w.sockets[ns.Key()]; known {
		return nil
	}
	var fd int
	err := netns.Visit([]*netns.NS{ns}, func(int) (err error) {
		fd, err = subscribed()
		return err
	})[0]
	if err == nil {
		if err = w.enrolLocked(fd, ns.Key()); err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	if err != nil {
		return fmt.Errorf("watch links of %s: %w", ns, err)
	}
	return nil
}

func (w *Watcher) enrolLocked(fd int, key netns.Key) error {
	var err error
	control := w.raw.Control(func(poll uintptr) {
		err = unix.EpollCtl(int(poll), unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
	if err = errors.Join(control, err); err == nil {
		w.members[fd], w.sockets[key] = key, fd
	}
	return err
}

// subscribed opens a socket in the calling thread's namespace that hears of links.
func subscribed() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_LINK - 1)})
	if err != nil {
		return 0, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Remove stops watching a namespace. One that is not watched is no error.
func (w *Watcher) Remove(key netns.Key) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fd, known := w.sockets[key]
	if !known {
		return nil
	}
	delete(w.sockets, key)
	delete(w.members, fd)
	return unix.Close(fd) // which takes it out of the epoll instance
}

// Close stops watching and waits until onChange has returned for the last time. It
// may be called more than once.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	var errs []error
	for fd := range w.members {
		errs = append(errs, unix.Close(fd))
	}
	clear(w.members)
	clear(w.sockets)
	w.mu.Unlock()
	errs = append(errs, w.poll.Close())
	w.finished.Wait()
	return errors.Join(errs...)
}

// follow runs until Close.
func (w *Watcher) follow() {
	events := make([]unix.EpollEvent, wakeups)
	buffer := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	for {
		n := 0
		err := w.raw.Read(func(poll uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(poll), events, 0)
			return err == nil && n > 0
		})
		if err != nil {
			return // closed
		}
		for _, key := range w.drain(events[:n], buffer) {
			w.onChange(key)
		}
	}
}

// drain empties sockets and returns the namespaces in which something happened to
// a link.
func (w *Watcher) drain(events []unix.EpollEvent, buffer []byte) []netns.Key {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []netns.Key
	for _, e := range events {
		if key, known := w.members[int(e.Fd)]; known && hasNews(int(e.Fd), buffer) {
			keys = append(keys, key)
		}
	}
	return keys
}

// hasNews empties a socket. What could not be kept counts as news.
func hasNews(fd int, buffer []byte) bool {
	news := false
	for {
		// All that matters is in the beginning of each message.
		n, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			news = true
		case err != nil:
			return news
		default:
			// A bridge tells of its ports by the same messages.
			isPort := n > unix.SizeofNlMsghdr && buffer[unix.SizeofNlMsghdr] != unix.AF_UNSPEC
			news = news || !isPort
		}
	}
}
