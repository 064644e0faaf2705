// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/bench/baseline"
	"github.com/boathook/boathook/internal/dispatch"
)

const (
	// loopback is the ifindex that BPF_PROG_TEST_RUN puts packets on.
	loopback = 1
	// packetsPerTurn take about half a millisecond, less than what a scheduler gives.
	packetsPerTurn = 10_000
	// dispatcherSetups take about two seconds.
	dispatcherSetups = 24
)

// BenchmarkDispatcher is what the dispatcher adds to the program behind it, beside
// what the predecessor's does, and what this machine takes for a call and its
// return alone: the floor of every dispatcher that a program returns to. A
// program that leaves nothing to do, such as the empty one, need not return.
func BenchmarkDispatcher(b *testing.B) {
	for _, part := range []struct {
		name string
		prog func() asm.Instructions
		opts dispatch.LoadOptions
		aim  aim
	}{
		{"identity, restore, verdict", deciding, dispatch.LoadOptions{NoCounters: true}, atMost(4, perPacket)},
		{"the same with all counters", deciding, dispatch.LoadOptions{}, atMost(6, perPacket)},
		{"the same and nine more fields restored", writing, dispatch.LoadOptions{}, aim{}},
		{"nothing left to do after the program", empty, dispatch.LoadOptions{NoCounters: true}, atMost(4, perPacket)},
		{"nothing left to do, with all counters", empty, dispatch.LoadOptions{}, atMost(6, perPacket)},
	} {
		b.Run(part.name, func(b *testing.B) {
			costs := turns(b, dispatcherSetups, func(int) ([]side, func()) {
				alone := mustProgram(b, part.prog())
				ours, free := mustLoad(b, part.prog(), loopback, part.opts)
				theirs, freeTheirs := mustBaseline(b, alone)
				calls := mustProgram(b, calling())
				return []side{testRun(b, alone), testRun(b, ours), testRun(b, theirs), testRun(b, calls)}, func() {
					free()
					freeTheirs()
					qt.Check(b, qt.IsNil(alone.Close()))
					qt.Check(b, qt.IsNil(calls.Close()))
				}
			})
			ours, theirs := costs[1].added, costs[2].added
			report(b, figure{name: "dispatcher: " + part.name, ours: ours, baseline: theirs, unit: perPacket, aim: part.aim})
			if part.name == "identity, restore, verdict" {
				report(b, figure{name: "of which a call that returns, in any program", ours: costs[3].added, baseline: none, unit: perPacket})
			}
		})
	}
}

// mustBaseline loads the predecessor's dispatcher in front of prog.
func mustBaseline(tb testing.TB, prog *ebpf.Program) (dispatcher *ebpf.Program, free func()) {
	tb.Helper()
	h, err := baseline.NewHandler(baseline.Ingress)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(h.AttachProg(prog)))
	dispatcher, err = h.Dispatcher()
	qt.Assert(tb, qt.IsNil(err))
	return dispatcher, func() {
		qt.Check(tb, qt.IsNil(dispatcher.Close()))
		qt.Check(tb, qt.IsNil(h.Close()))
	}
}

// testRun measures prog by BPF_PROG_TEST_RUN on a packet of 64 bytes. It counts
// the thread's own time, since the kernel's figure has no fractions and holds
// what other threads took.
func testRun(tb testing.TB, prog *ebpf.Program) side {
	tb.Helper()
	packet := make([]byte, 64)
	return func() float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := threadTime(tb)
		_, err := prog.Run(&ebpf.RunOptions{Data: packet, Repeat: packetsPerTurn})
		qt.Assert(tb, qt.IsNil(err))
		return float64(threadTime(tb)-before) / packetsPerTurn
	}
}

func threadTime(tb testing.TB) int64 {
	tb.Helper()
	var now unix.Timespec
	qt.Assert(tb, qt.IsNil(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)))
	return now.Nano()
}
