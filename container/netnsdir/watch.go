// SPDX-License-Identifier: Apache-2.0

package netnsdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// watch is the state of one Watch. It belongs to the goroutine of Watch.
type watch struct {
	dir  string
	emit func(container.Event)
	// known has what was emitted as Added.
	known map[string]*netns.NS
	// waiting has the files whose mount may come, and until when it is waited
	// for.
	waiting map[string]time.Time
	// degraded is true between Degraded and Synced.
	degraded bool
}

// follow handles notes until ctx is done.
func (w *watch) follow(ctx context.Context, notes *notifier) {
	tick := time.NewTicker(mountPoll)
	defer tick.Stop()
	for {
		var poll <-chan time.Time
		if len(w.waiting) > 0 {
			poll = tick.C
		}
		select {
		case <-ctx.Done():
			return
		case n := <-notes.notes:
			w.note(n)
		case now := <-poll:
			w.poll(now)
		}
	}
}

// note handles one note; one without a name says that anything can be different.
func (w *watch) note(n note) {
	if n.err == nil && n.name != "" {
		w.look(n.name)
		return
	}
	err := n.err
	if err == nil {
		err = w.scan()
	}
	switch {
	case err != nil && !w.degraded:
		w.degraded = true
		w.emit(container.Event{Type: container.Degraded, Err: err})
	case err == nil && w.degraded:
		w.degraded = false
		w.emit(container.Event{Type: container.Synced})
	}
}

// scan looks at every name in the folder and every known one.
func (w *watch) scan() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("list network namespaces: %w", err)
	}
	for name := range w.known {
		w.look(name)
	}
	for _, entry := range entries {
		w.look(entry.Name())
	}
	return nil
}

// look compares what a name leads to with what is known about it. It looks
// again, for a while, if the name leads to something else than a namespace.
func (w *watch) look(name string) {
	old, known := w.known[name]
	path := filepath.Join(w.dir, name)
	ns, err := netns.OpenPath(path)
	if err != nil {
		// Any other error, such as too many open files, says nothing about
		// what the name leads to.
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, netns.ErrNotNetns) {
			w.remove(name)
		}
		if _, waits := w.waiting[name]; !waits && !errors.Is(err, os.ErrNotExist) {
			w.waiting[name] = time.Now().Add(mountTime)
		}
		return
	}
	delete(w.waiting, name)
	if known && ns.Same(old) {
		_ = ns.Close() //nolint:errcheck // a second file of a namespace that stays open
		return
	}
	w.remove(name)
	w.known[name] = ns
	w.emit(container.Event{Type: container.Added, Container: container.Container{
		Runtime: Name, ID: name, Name: name, NetnsPath: path,
	}})
}

// poll looks again at the files that wait for their mount.
func (w *watch) poll(now time.Time) {
	for name, deadline := range w.waiting {
		w.look(name)
		if now.After(deadline) {
			delete(w.waiting, name)
		}
	}
}

// remove reports that a known name is gone.
func (w *watch) remove(name string) {
	ns, known := w.known[name]
	if !known {
		return
	}
	delete(w.known, name)
	_ = ns.Close() //nolint:errcheck // opened for reading; nothing can be lost
	w.emit(container.Event{Type: container.Removed, Container: container.Container{
		Runtime: Name, ID: name, Name: name, NetnsPath: filepath.Join(w.dir, name),
	}})
}

// close lets go of the namespaces.
func (w *watch) close() {
	for _, ns := range w.known {
		_ = ns.Close() //nolint:errcheck // opened for reading; nothing can be lost
	}
}
