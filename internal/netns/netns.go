// SPDX-License-Identifier: Apache-2.0

// Package netns opens network namespaces, tells them apart and runs code
// inside them.
//
// A namespace is held through an open file, so it lives, and its identity
// stays unique, at least as long as the [NS] is open. Inode numbers alone are
// recycled by the kernel at once when a namespace dies.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RunDir is where ip-netns(8) keeps the named network namespaces.
const RunDir = "/run/netns"

// ErrNotNetns tells that a path leads to something other than a network
// namespace, for example to the empty file of a namespace whose bind mount
// does not exist yet.
var ErrNotNetns = errors.New("not a network namespace")

// Key identifies a network namespace among all that are open. It is
// comparable and never changes.
type Key struct {
	// Dev and Inode are those of the namespace's file on nsfs.
	Dev, Inode uint64
	// Cookie is the kernel's number for the namespace, never used twice until
	// the next boot. It is 0 below Linux 5.14.
	Cookie uint64
}

// NS is an open network namespace. It is safe for concurrent use.
type NS struct {
	key Key

	// mu guards the fields below.
	mu sync.RWMutex
	fd int // -1 once closed
}

// Self opens the network namespace of the process, which is that of its main
// thread whatever namespace the calling goroutine's thread is in.
func Self() (*NS, error) { return OpenPath("/proc/self/ns/net") }

// OpenName opens a namespace made with ip-netns(8) by its name.
//
// Returns an error that wraps os.ErrNotExist if there is none, and
// [ErrNotNetns] if the name's file is not a network namespace.
func OpenName(name string) (*NS, error) {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return nil, fmt.Errorf("open netns %q: not a name: %w", name, os.ErrInvalid)
	}
	return OpenPath(filepath.Join(RunDir, name))
}

// OpenPath opens the namespace that the file at path stands for, for example
// /proc/1/ns/net or a bind mount of it. It needs CAP_SYS_ADMIN.
//
// Returns an error that wraps [ErrNotNetns] if path is something else.
func OpenPath(path string) (*NS, error) {
	// O_NONBLOCK: opening a path that is a fifo must not wait for its writer.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open netns %s: %w", path, err)
	}
	ns, err := fromFd(fd)
	if err != nil {
		return nil, fmt.Errorf("open netns %s: %w", path, errors.Join(err, unix.Close(fd)))
	}
	return ns, nil
}

// New makes an unnamed network namespace with a loopback link that is down.
// The namespace goes when the NS is closed and nothing else holds it. It needs
// CAP_SYS_ADMIN.
func New() (*NS, error) {
	var ns *NS
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		opened, err := OpenPath("/proc/thread-self/ns/net")
		ns = opened
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make netns: %w", err)
	}
	return ns, nil
}

// Key returns what tells this namespace from all others that are open.
func (n *NS) Key() Key { return n.key }

// Inode returns the number that users see, in ls -l /proc/PID/ns/net and
// lsns(8).
func (n *NS) Inode() uint32 { return uint32(n.key.Inode) }

// Same reports whether both are the same namespace.
func (n *NS) Same(o *NS) bool { return n.key == o.key }

// Fd returns the file descriptor, owned by n and good until Close, -1
// afterwards.
func (n *NS) Fd() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.fd
}

// String names the namespace the way users see it, as in "netns 4026532281".
func (n *NS) String() string { return "netns " + strconv.FormatUint(n.key.Inode, 10) }

// Close lets go of the namespace. It may be called more than once.
func (n *NS) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd < 0 {
		return nil
	}
	fd := n.fd
	n.fd = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close %s: %w", n, err)
	}
	return nil
}

// fromFd takes over fd if it returns no error.
func fromFd(fd int) (*NS, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return nil, fmt.Errorf("statfs: %w", err)
	}
	// Ask only nsfs for the type: the request number may mean something else
	// to a device.
	if fs.Type != unix.NSFS_MAGIC {
		return nil, ErrNotNetns
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil {
		return nil, fmt.Errorf("ask for the type of namespace: %w", err)
	}
	if kind != unix.CLONE_NEWNET {
		return nil, ErrNotNetns
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	n := &NS{fd: fd, key: Key{Dev: st.Dev, Inode: st.Ino}}
	if n.key.Cookie, err = cookieOf(n); err != nil {
		return nil, fmt.Errorf("read its cookie: %w", err)
	}
	return n, nil
}

// nsGetID is NS_GET_ID (linux/nsfs.h), the number of a namespace of any kind, which
// for those of networks is the cookie. Linux 6.18.
const nsGetID = 0x8008b70d

// cookieOf returns the cookie of a namespace, 0 where the kernel has none.
func cookieOf(n *NS) (uint64, error) {
	var id uint64
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(n.fd), nsGetID, uintptr(unsafe.Pointer(&id)))
	if errno == 0 {
		return id, nil
	}
	// Older kernels tell it to those inside only.
	errs := Visit([]*NS{n}, func(int) (err error) {
		id, err = readCookie()
		return err
	})
	return id, errs[0]
}

// readCookie returns the cookie of the calling thread's namespace, 0 where the
// kernel has none.
func readCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = nil
	}
	return cookie, errors.Join(err, unix.Close(fd))
}
