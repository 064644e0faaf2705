// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// grace is how long a reader that keeps us waiting may take once we are told to end.
	grace = 250 * time.Millisecond
	// askInterval bounds how long it takes to hear of the end while nobody reads.
	askInterval = 50 * time.Millisecond
	// pipeBytes is what a pipe with any room at all takes at once (PIPE_BUF).
	pipeBytes = 4096
)

// errUnread ends writing to a reader that is there and does not read.
var errUnread = errors.New("nobody reads the output")

// readerGone says whether writing ended because nobody wants what is written.
func readerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, errUnread)
}

// outlet writes to a file whose reader may stop to read, a pipe for one, without
// ever being stuck there when the run is to end. Safe for concurrent use.
type outlet struct {
	file *os.File
	end  context.Context //nolint:containedctx // a writer has no other way to be told
	mu   sync.Mutex      // keeps lines whole
	// turn is shared by outlets, which may be the same pipe: what one was promised
	// another must not take.
	turn *sync.Mutex
}

// interruptible makes writers to w return errUnread soon after the end, unless
// somebody reads. Writers that never wait are returned as they are.
func interruptible(end context.Context, turn *sync.Mutex, w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	if info, err := file.Stat(); err != nil || info.Mode().IsRegular() {
		return w
	}
	return &outlet{file: file, end: end, turn: turn}
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	written := 0
	var deadline time.Time
	for written < len(p) {
		n, err := o.tryWrite(p[written:min(len(p), written+pipeBytes)])
		written += n
		if err != nil {
			return written, err
		}
		if n > 0 {
			continue
		}
		if o.end.Err() != nil && deadline.IsZero() {
			deadline = time.Now().Add(grace)
		}
		if !deadline.IsZero() && time.Now().After(deadline) {
			return written, errUnread
		}
		if _, err := o.ready(askInterval); err != nil {
			return written, err
		}
	}
	return written, nil
}

// tryWrite writes if that needs no wait, and returns 0 if it does.
func (o *outlet) tryWrite(p []byte) (int, error) {
	o.turn.Lock()
	defer o.turn.Unlock()
	if ok, err := o.ready(0); err != nil || !ok {
		return 0, err
	}
	return o.file.Write(p)
}

// ready waits for room, at most for a while.
func (o *outlet) ready(wait time.Duration) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(o.file.Fd()), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wait for the reader of %s: %w", o.file.Name(), err)
	}
	return n > 0, nil // an error, too, which the write then tells
}
