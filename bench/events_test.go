// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"errors"
	"math"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

const (
	// eventSetups are made anew: some readers fall behind for good and are woken no
	// more, others catch up with each record, and keep to what they do.
	eventSetups = 7
	// eventTurns are taken by each side of a setup, one after the other.
	eventTurns = 2
	// eventTurn is how long one is.
	eventTurn = 400 * time.Millisecond
	// eventsPerRun are produced by one system call: some milliseconds.
	eventsPerRun = 10_000
)

// BenchmarkCallback is what a record of 128 bytes takes from a program to a Go
// function: through Options.Events, beside the usual ringbuf.Reader. The program
// is the same.
func BenchmarkCallback(b *testing.B) {
	var rates, costs [2][]float64
	for setup := range eventSetups {
		b.Run(strconv.Itoa(setup), func(b *testing.B) {
			b.ReportMetric(0, "ns/op") // leaves it out: a run is not an operation
			sides := []*reader{newOurReader(b), newUsualReader(b, testutil.Object(b, "burst"), "burst", func([]byte) error { return nil })}
			for range eventTurns {
				for i, r := range sides {
					got := r.turn(b, eventTurn)
					rates[i], costs[i] = append(rates[i], got.rate), append(costs[i], got.cost)
				}
			}
		})
	}
	report(b, figure{
		name: "events of 128 bytes to a Go callback", unit: rate,
		ours: middle(rates[0]), baseline: middle(rates[1]), aim: times(2),
	})
	report(b, figure{
		name: "events to a Go callback, the reader's time for each", unit: perPacket,
		ours: middle(costs[0]), baseline: middle(costs[1]), aim: atMost(150, perPacket),
	})
}

// reader is a program that sends an event for each packet, and how many of them
// have come to user space.
type reader struct {
	prog *ebpf.Program
	came *atomic.Int64
}

// flow is what came in one turn: events a second, and nanoseconds of CPU time for
// each, without those of the producer.
type flow struct{ rate, cost float64 }

// turn produces events as fast as one CPU can, for that long.
func (r *reader) turn(tb testing.TB, length time.Duration) flow {
	tb.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer pin(tb)()
	came, whole, own := r.came.Load(), cpuTime(tb, unix.RUSAGE_SELF), cpuTime(tb, unix.RUSAGE_THREAD)
	lasted := took(func() { produce(tb, r.prog, length) })
	events := float64(r.came.Load() - came)
	cost := cpuTime(tb, unix.RUSAGE_SELF) - whole - (cpuTime(tb, unix.RUSAGE_THREAD) - own)
	return flow{rate: events / lasted * 1e9, cost: cost / math.Max(events, 1)}
}

// produce runs prog on packet after packet.
func produce(tb testing.TB, prog *ebpf.Program, length time.Duration) {
	tb.Helper()
	packet := make([]byte, 64)
	for end := time.Now().Add(length); time.Now().Before(end); {
		_, err := prog.Run(&ebpf.RunOptions{Data: packet, Repeat: eventsPerRun})
		qt.Assert(tb, qt.IsNil(err))
	}
}

// cpuTime is the CPU time, in nanoseconds, that the process or the thread has had.
func cpuTime(tb testing.TB, who int) float64 {
	tb.Helper()
	var usage unix.Rusage
	qt.Assert(tb, qt.IsNil(unix.Getrusage(who, &usage)))
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// newOurReader takes events through the public interface. The target is the
// loopback link, which BPF_PROG_TEST_RUN puts packets on.
func newOurReader(tb testing.TB) *reader {
	tb.Helper()
	r := &reader{came: &atomic.Int64{}}
	rt, err := boathook.New(boathook.Options{
		Program: boathook.Program{Spec: testutil.Object(tb, "burst"), Ingress: "burst"},
		Events:  func(boathook.Event) { r.came.Add(1) },
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(rt.Close())) })
	add(tb, rt, boathook.Target{ID: "lo", Interface: "lo"})
	list, err := rt.Attachments()
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.HasLen(list, 1))
	r.prog = programOf(tb, list[0].ProgramID)
	return r
}

func programOf(tb testing.TB, id ebpf.ProgramID) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgramFromID(id)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}

// newUsualReader is the loop that the library's own example has.
func newUsualReader(tb testing.TB, spec *ebpf.CollectionSpec, prog string, take func([]byte) error) *reader {
	tb.Helper()
	coll, err := ebpf.NewCollection(spec)
	qt.Assert(tb, qt.IsNil(err))
	ring, err := ringbuf.NewReader(coll.Maps["events"])
	qt.Assert(tb, qt.IsNil(err))
	r := &reader{prog: coll.Programs[prog], came: &atomic.Int64{}}
	ended := make(chan error, 1)
	go func() { ended <- r.loop(ring, take) }()
	tb.Cleanup(func() {
		qt.Check(tb, qt.IsNil(ring.Close()))
		qt.Check(tb, qt.IsNil(<-ended))
		coll.Close()
	})
	return r
}

func (r *reader) loop(ring *ringbuf.Reader, take func([]byte) error) error {
	var record ringbuf.Record
	for {
		err := ring.ReadInto(&record)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err == nil {
			err = take(record.RawSample)
		}
		if err != nil {
			return err
		}
		r.came.Add(1)
	}
}
