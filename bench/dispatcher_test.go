// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
)

const (
	// loopback is the ifindex that BPF_PROG_TEST_RUN puts packets on.
	loopback = 1
	// packetsPerTurn take about half a millisecond, less than what a scheduler gives.
	packetsPerTurn = 10_000
)

// BenchmarkCall is what this machine takes for a call and its return: the floor
// of every dispatcher that a program returns to.
func BenchmarkCall(b *testing.B) {
	compare(b, "ns/packet", func() (side, side, func()) {
		ours, baseline := mustProgram(b, calling()), mustProgram(b, empty())
		return testRun(b, ours), testRun(b, baseline), func() {
			qt.Check(b, qt.IsNil(ours.Close()))
			qt.Check(b, qt.IsNil(baseline.Close()))
		}
	})
}

// BenchmarkDispatcher is what the dispatcher adds to the program behind it.
func BenchmarkDispatcher(b *testing.B) {
	for _, figure := range []struct {
		name string
		prog func() asm.Instructions
		opts dispatch.LoadOptions
	}{
		{"identity", empty, dispatch.LoadOptions{NoCounters: true}},
		{"counters", empty, dispatch.LoadOptions{}},
		{"counters+fields", writing, dispatch.LoadOptions{}},
	} {
		b.Run(figure.name, func(b *testing.B) {
			compare(b, "ns/packet", func() (side, side, func()) {
				baseline := mustProgram(b, figure.prog())
				ours, free := mustLoad(b, figure.prog(), loopback, figure.opts)
				return testRun(b, ours), testRun(b, baseline), func() {
					free()
					qt.Check(b, qt.IsNil(baseline.Close()))
				}
			})
		})
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
