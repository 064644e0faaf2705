// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
)

// processName is the runtime of targets that are processes.
const processName = "process"

// processSource reports one process, until it ends.
type processSource struct{ pid int }

// Name implements container.Source.
func (processSource) Name() string { return processName }

// Watch implements container.Source.
func (p processSource) Watch(ctx context.Context, emit func(container.Event)) error {
	fd, err := unix.PidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return fault.Failure("ps -e shows the processes", "no process %d: %w", p.pid, err)
	}
	// os.NewFile puts the descriptor under the runtime's poller: it becomes
	// readable when the process ends.
	file := os.NewFile(uintptr(fd), "pidfd")
	defer file.Close() //nolint:errcheck // nothing was written
	c := container.Container{Runtime: processName, ID: strconv.Itoa(p.pid), PID: p.pid}
	emit(container.Event{Type: container.Added, Container: c})
	emit(container.Event{Type: container.Synced})
	ended, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		failed <- awaitReadable(file)
		close(ended)
	}()
	select {
	case <-ended:
		if err := <-failed; err != nil {
			return fmt.Errorf("watch process %d: %w", p.pid, err)
		}
		emit(container.Event{Type: container.Removed, Container: c})
		<-ctx.Done()
	case <-ctx.Done():
		_ = file.Close() //nolint:errcheck // nothing was written; it wakes the goroutine
		<-ended
	}
	return nil
}

func awaitReadable(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n > 0
	})
}

// picked is a source of which only some ids count.
type picked struct {
	container.Source
	names []string
}

// Watch implements container.Source.
func (p picked) Watch(ctx context.Context, emit func(container.Event)) error {
	return p.Source.Watch(ctx, func(e container.Event) {
		if e.Container.ID == "" || slices.Contains(p.names, e.Container.ID) {
			emit(e)
		}
	})
}
