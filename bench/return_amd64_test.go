// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"runtime"
	"testing"

	"github.com/boathook/boathook/bench"
)

// BenchmarkSafeRET is what this processor takes for a call and its return, in
// user space, by the instructions that the kernel uses where it reports Safe RET
// in /sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow, and by plain
// ones.
func BenchmarkSafeRET(b *testing.B) {
	costs := turns(b, 4, func(int) ([]side, func()) {
		return []side{calls(b, bench.PlainReturns), calls(b, bench.SafeReturns)}, func() {}
	})
	report(b, figure{
		name: "a call and its return in user space, as with Safe RET and plain",
		ours: costs[1].whole, baseline: costs[0].whole, unit: perPacket,
	})
}

func calls(tb testing.TB, call func(n int64)) side {
	tb.Helper()
	return func() float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before := threadTime(tb)
		call(packetsPerTurn)
		return float64(threadTime(tb)-before) / packetsPerTurn
	}
}
