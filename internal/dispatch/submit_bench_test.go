// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/go-quicktest/qt"
)

// BenchmarkSubmit shows what an event costs the program that sends it, by the ways
// to wake the reader, while the reader sleeps: of many turns through a ring that
// never gets full the fastest, in turns with each other.
func BenchmarkSubmit(b *testing.B) {
	const turn = 20_000 // of 30,840 records that fit
	best := map[string]time.Duration{}
	rings := map[string]*ebpf.Collection{}
	for name, wakeups := range wakeups() {
		coll, err := ebpf.NewCollection(mustFlood(b, wakeups))
		qt.Assert(b, qt.IsNil(err))
		defer coll.Close()
		best[name], rings[name] = time.Hour, coll
	}
	for b.Loop() {
		for name, ring := range rings {
			began := time.Now()
			_, err := ring.Programs["flood"].Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: turn})
			best[name] = min(best[name], time.Since(began))
			qt.Assert(b, qt.IsNil(err))
			empty(b, ring.Maps["events"])
		}
	}
	for name, took := range best {
		b.ReportMetric(float64(took.Nanoseconds())/turn, name+"-ns")
	}
}

// empty reads all there is.
func empty(tb testing.TB, events *ebpf.Map) {
	tb.Helper()
	reader, err := ringbuf.NewReader(events)
	qt.Assert(tb, qt.IsNil(err))
	defer reader.Close()
	var rec ringbuf.Record
	for reader.SetDeadline(time.Now()); reader.AvailableBytes() > 0; {
		qt.Assert(tb, qt.IsNil(reader.ReadInto(&rec)))
	}
}
