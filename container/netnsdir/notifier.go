// SPDX-License-Identifier: Apache-2.0

package netnsdir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// note says that something has happened.
type note struct {
	// name is the file that it happened to; "" if it can be any.
	name string
	// err is why the folder cannot be followed.
	err error
}

// onTheWay are the events of a folder above the one that is followed.
const onTheWay = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ONLYDIR

// inDir are the events of the folder that is followed.
const inDir = onTheWay | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// notifier follows a folder that need not exist, by watching every folder on
// the way to it.
type notifier struct {
	dir   string
	file  *os.File
	notes chan note
	stop  chan struct{}
	done  chan struct{}

	// way has, for the watch descriptor of every folder on the way, the name in
	// it that leads on, and for that of the last one "". It belongs to the
	// reader once that runs.
	way map[int32]string
}

// openNotifier watches dir from its return on. It must be closed.
func openNotifier(dir string) (*notifier, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify: %w", err)
	}
	n := &notifier{
		dir: filepath.Clean(dir), file: os.NewFile(uintptr(fd), "inotify"),
		notes: make(chan note), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := n.watch(); err != nil {
		return nil, errors.Join(err, n.file.Close())
	}
	go n.read()
	return n, nil
}

// close ends the reader.
func (n *notifier) close() {
	close(n.stop)
	_ = n.file.Close() //nolint:errcheck // only ever read from
	<-n.done
}

// watch adds watches from the root down to the folder, as far as that exists.
// Watching a folder again keeps its descriptor. Going downwards leaves no gap: a
// folder that is made after it was found missing is made in a watched one.
func (n *notifier) watch() error {
	n.way = map[int32]string{}
	path := "/"
	rest := strings.FieldsFunc(n.dir, func(r rune) bool { return r == '/' })
	for ; len(rest) > 0; rest = rest[1:] {
		if found, err := n.add(path, rest[0], onTheWay); !found || err != nil {
			return err
		}
		path = filepath.Join(path, rest[0])
	}
	_, err := n.add(path, "", inDir)
	return err
}

// add returns false if there is no folder at path.
func (n *notifier) add(path, next string, mask uint32) (bool, error) {
	raw, err := n.file.SyscallConn()
	if err != nil {
		return false, err
	}
	var wd int
	var addErr error
	err = raw.Control(func(fd uintptr) { wd, addErr = unix.InotifyAddWatch(int(fd), path, mask) })
	if errors.Is(addErr, unix.ENOENT) || errors.Is(addErr, unix.ENOTDIR) {
		return false, err
	}
	if err := errors.Join(err, addErr); err != nil {
		return false, fmt.Errorf("watch %s: %w", path, err)
	}
	n.way[int32(wd)] = next
	return true, nil
}

// read turns events into notes until the file is closed.
func (n *notifier) read() {
	defer close(n.done)
	buffer := make([]byte, 64<<10)
	for {
		size, err := n.file.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			n.send(note{err: fmt.Errorf("read inotify: %w", err)})
			return
		}
		for rest := buffer[:size]; len(rest) >= unix.SizeofInotifyEvent; {
			var e event
			e, rest = parseEvent(rest)
			n.handle(e)
		}
	}
}

// handle sends a note about what e means for the folder, if anything.
func (n *notifier) handle(e event) {
	next, current := n.way[e.wd]
	switch {
	case e.mask&unix.IN_Q_OVERFLOW != 0:
	case !current, e.mask&unix.IN_IGNORED != 0:
		return
	case next == "" && e.name != "":
		n.send(note{name: e.name})
		return
	case next != e.name:
		return
	}
	n.send(note{err: n.watch()})
}

// send gives up when nobody listens any more.
func (n *notifier) send(what note) {
	select {
	case n.notes <- what:
	case <-n.stop:
	}
}

// event is one struct inotify_event (include/uapi/linux/inotify.h).
type event struct {
	wd   int32
	mask uint32
	name string
}

// parseEvent returns the first event of buffer, which must hold at least its
// fixed part, and what follows it.
func parseEvent(buffer []byte) (event, []byte) {
	native := binary.NativeEndian
	name := buffer[unix.SizeofInotifyEvent:]
	size := min(int(native.Uint32(buffer[12:])), len(name))
	return event{
		wd:   int32(native.Uint32(buffer)),
		mask: native.Uint32(buffer[4:]),
		name: strings.TrimRight(string(name[:size]), "\x00"),
	}, name[size:]
}
