// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// pinFolder is a bpf filesystem of the test's own.
func pinFolder(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	err := unix.Mount("bpf", dir, "bpf", 0, "")
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Unmount(dir, 0))) })
	return dir
}

// Through a file both copies would have the same buffer, and two readers.
func TestEachCopyReadsItsOwnEventsThoughTheyAskForPinning(t *testing.T) {
	t.Parallel()
	dir := pinFolder(t)
	spec := sending()
	spec.Maps["events"].Pinning = ebpf.PinByName
	source := newSource(t, spec, dispatch.SourceOptions{PinPath: dir})
	var events [2]atomic.Int32
	var loads [2]*dispatch.Load
	for i := range loads {
		load, err := dispatch.NewLoad(source, "prog", dispatch.LoadOptions{Sink: func(e dispatch.Event) {
			if e.Data != nil {
				events[i].Add(1)
			}
		}})
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
		loads[i] = load
	}
	for range 20 {
		seen := events[0].Load()
		run(t, loads[0])
		testutil.Eventually(t, 10*time.Second, func() bool { return events[0].Load() == seen+1 }, "the event is read")
	}
	for _, load := range loads {
		qt.Assert(t, qt.IsNil(load.Close()))
	}
	qt.Check(t, qt.Equals(events[0].Load(), 20))
	qt.Check(t, qt.Equals(events[1].Load(), 0))
}

func TestEventsThatNobodyReadsArePinned(t *testing.T) {
	t.Parallel()
	dir := pinFolder(t)
	spec := sending()
	spec.Maps["events"].Pinning = ebpf.PinByName
	load, err := dispatch.NewLoad(newSource(t, spec, dispatch.SourceOptions{PinPath: dir}), "prog", dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(load.Close())) }()
	events, err := ebpf.LoadPinnedMap(filepath.Join(dir, "events"), nil)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(events.Close()))
}
