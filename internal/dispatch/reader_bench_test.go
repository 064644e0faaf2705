// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
)

// BenchmarkReader sends records of 128 bytes from one CPU as fast as it can, through
// a program that wakes the reader as boathook.h does, one that leaves it to the
// kernel, and one that never does. It shows what came through, and what a record
// costs the reader, beside ringbuf.Reader.
func BenchmarkReader(b *testing.B) {
	for name, wakeups := range wakeups() {
		b.Run("ours/"+name, func(b *testing.B) {
			var events atomic.Int64
			load := flooding(b, wakeups, 4<<20, func(e dispatch.Event) {
				if e.Data != nil {
					events.Add(1)
				}
			})
			flood(b, load.Program(), &events)
		})
		b.Run("ringbuf/"+name, func(b *testing.B) {
			var events atomic.Int64
			coll, err := ebpf.NewCollection(mustFlood(b, wakeups))
			qt.Assert(b, qt.IsNil(err))
			defer coll.Close()
			reader, err := ringbuf.NewReader(coll.Maps["events"])
			qt.Assert(b, qt.IsNil(err))
			var wg sync.WaitGroup
			wg.Go(func() { readAll(reader, &events) })
			flood(b, coll.Programs["flood"], &events)
			qt.Check(b, qt.IsNil(reader.Close()))
			wg.Wait()
		})
	}
}

// readAll counts events until the reader is closed.
func readAll(reader *ringbuf.Reader, events *atomic.Int64) {
	var rec ringbuf.Record
	for {
		reader.SetDeadline(time.Now().Add(100 * time.Millisecond))
		err := reader.ReadInto(&rec)
		for ; err == nil; err = reader.ReadInto(&rec) {
			events.Add(1)
		}
		if errors.Is(err, ringbuf.ErrClosed) {
			return
		}
	}
}

// flood runs prog for b.N packets and reports on events.
func flood(b *testing.B, prog *ebpf.Program, events *atomic.Int64) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	qt.Assert(b, qt.IsNil(unix.SchedGetaffinity(0, &all)))
	one.Set(0)
	qt.Assert(b, qt.IsNil(unix.SchedSetaffinity(0, &one)))
	defer unix.SchedSetaffinity(0, &all)
	before, own := cpuTime(b, unix.RUSAGE_SELF), cpuTime(b, unix.RUSAGE_THREAD)
	b.ResetTimer()
	for left := b.N; left > 0; left -= 1 << 20 {
		_, err := prog.Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: uint32(min(left, 1<<20))})
		qt.Assert(b, qt.IsNil(err))
	}
	b.StopTimer()
	took := b.Elapsed()
	ownNow := cpuTime(b, unix.RUSAGE_THREAD)
	reader := cpuTime(b, unix.RUSAGE_SELF) - before - (ownNow - own)
	n := float64(events.Load())
	b.ReportMetric(n/took.Seconds()/1e6, "Mevents/s")
	b.ReportMetric(float64(reader.Nanoseconds())/n, "reader-ns/event")
	b.ReportMetric(float64((ownNow-own).Nanoseconds())/float64(b.N), "cpu-ns/packet")
	b.ReportMetric(100*(1-n/float64(b.N)), "lost-%")
}

func cpuTime(tb testing.TB, who int) time.Duration {
	tb.Helper()
	var used unix.Rusage
	qt.Assert(tb, qt.IsNil(unix.Getrusage(who, &used)))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
