// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// sending makes a program that sends 1 KiB through a ring buffer of 4 KiB, which
// it does not count when that is full.
func sending() *ebpf.CollectionSpec {
	spec := program(
		asm.LoadMapPtr(asm.R1, 0).WithReference("events"),
		asm.Mov.Imm(asm.R2, 1024), asm.Mov.Imm(asm.R3, 0),
		asm.FnRingbufReserve.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, 0),
		asm.FnRingbufSubmit.Call(),
		asm.Mov.Imm(asm.R0, -1).WithSymbol("out"), asm.Return(),
	)
	spec.Maps["events"] = &ebpf.MapSpec{Name: "events", Type: ebpf.RingBuf, MaxEntries: 4096}
	return spec
}

func TestARingThatWasFullIsTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var events, full int
	blocked := make(chan struct{})
	load := newLoad(t, sending(), dispatch.LoadOptions{Sink: func(e dispatch.Event) {
		<-blocked
		mu.Lock()
		defer mu.Unlock()
		if e.Data != nil {
			events++
		}
		if e.Full {
			full++
		}
	}})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	for range 8 {
		run(t, load)
	}
	close(blocked)
	qt.Assert(t, qt.IsNil(load.Close()))
	qt.Check(t, qt.Equals(full, 1))
	qt.Check(t, qt.IsTrue(events < 8))
}

// wakeups are the ways of the object flood to wake the reader, by its parameter.
func wakeups() map[string]uint32 {
	return map[string]uint32{"boathook.h": 0, "default": 1, "never": 2}
}

func mustFlood(tb testing.TB, wakeups uint32) *ebpf.CollectionSpec {
	tb.Helper()
	spec, err := ebpf.LoadCollectionSpec(testutil.ObjectPath(tb, "flood"))
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(spec.Variables["wakeups"].Set(wakeups)))
	return spec
}

// flooding is a load of the object flood with a ring of that size.
func flooding(tb testing.TB, wakeups, ring uint32, sink dispatch.Sink) *dispatch.Load {
	tb.Helper()
	spec := mustFlood(tb, wakeups)
	spec.Maps["events"].MaxEntries = ring
	source, err := dispatch.NewSource(spec, []string{"flood"}, dispatch.SourceOptions{})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	load, err := dispatch.NewLoad(source, "flood", dispatch.LoadOptions{Sink: sink})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(load.Close())) })
	qt.Assert(tb, qt.IsNil(load.SetLink(loopback, 1)))
	return load
}

func runTimes(tb testing.TB, load *dispatch.Load, times uint32) {
	tb.Helper()
	_, err := load.Program().Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: times})
	qt.Assert(tb, qt.IsNil(err))
}

// Every record is read once, whole and in order, however often the ring has gone
// round and however the program wakes the reader.
func TestEventsComeInOrder(t *testing.T) {
	t.Parallel()
	for name, wakeups := range wakeups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got atomic.Uint64
			load := flooding(t, wakeups, 4096, func(e dispatch.Event) {
				if e.Data == nil {
					return
				}
				number := binary.NativeEndian.Uint64(e.Data[120:])
				if n := got.Add(1); number != n-1 || len(e.Data) != 128 {
					t.Errorf("event %d of %d bytes after %d", number, len(e.Data), n-1)
				}
			})
			sent := uint64(0)
			for i := range uint32(20) {
				burst := i%29 + 1
				runTimes(t, load, burst)
				sent += uint64(burst)
				testutil.Eventually(t, 10*time.Second, func() bool { return got.Load() == sent }, "all have come")
			}
		})
	}
}

func TestEventsOfABurstSayThatMoreComes(t *testing.T) {
	t.Parallel()
	var more []bool
	begun, blocked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	load := flooding(t, 0, 64<<10, func(e dispatch.Event) {
		once.Do(func() {
			close(begun)
			<-blocked
		})
		more = append(more, e.More)
	})
	run(t, load)
	<-begun
	runTimes(t, load, 10)
	close(blocked)
	qt.Assert(t, qt.IsNil(load.Close()))
	qt.Assert(t, qt.HasLen(more, 11))
	qt.Check(t, qt.IsFalse(more[10]))
	qt.Check(t, qt.DeepEquals(more[1:10], []bool{true, true, true, true, true, true, true, true, true}))
}

func TestCloseHandsOnWhatIsInTheRingAndWhatWasLost(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"at once": false, "while the sink takes its time": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events, lost, full uint64
			blocked := make(chan struct{})
			load := flooding(t, 0, 4096, func(e dispatch.Event) {
				<-blocked
				lost += e.Lost
				if e.Data != nil {
					events++
				}
				if e.Full {
					full++
				}
			})
			runTimes(t, load, 100)
			if wait {
				time.AfterFunc(50*time.Millisecond, func() { close(blocked) })
			} else {
				close(blocked)
			}
			qt.Assert(t, qt.IsNil(load.Close()))
			qt.Check(t, qt.Equals(events+lost, 100))
			qt.Check(t, qt.IsTrue(events >= 30))
			qt.Check(t, qt.Equals(full, 0), qt.Commentf("the program counts"))
		})
	}
}
