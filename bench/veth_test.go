// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// framesPerTurn packets go over each link before the other's turn.
const framesPerTurn = 500

// BenchmarkDispatcherOnVeth is what the dispatcher adds to an empty program on
// the hook of a veth with real packets, by the kernel's run statistics. Both
// sides hold the two clock readings of the statistics themselves.
func BenchmarkDispatcherOnVeth(b *testing.B) {
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	testutil.SkipIfNotSupported(b, err)
	qt.Assert(b, qt.IsNil(err))
	b.Cleanup(func() { qt.Check(b, qt.IsNil(stats.Close())) })
	near, far := testutil.Netns(b), testutil.Netns(b)
	ours, baseline := newWire(b, near, far, "ours"), newWire(b, near, far, "base")
	set, err := hook.Open(far, hook.TCX, hook.Options{})
	testutil.SkipIfNotSupported(b, err)
	qt.Assert(b, qt.IsNil(err))
	b.Cleanup(func() { qt.Check(b, qt.IsNil(set.Close())) })

	for _, figure := range []struct {
		name string
		opts dispatch.LoadOptions
	}{
		{"identity", dispatch.LoadOptions{NoCounters: true}},
		{"counters", dispatch.LoadOptions{}},
	} {
		b.Run(figure.name, func(b *testing.B) {
			compare(b, "ns/packet", func() (side, side, func()) {
				dispatcher, free := mustLoad(b, empty(), ours.index, figure.opts)
				alone := mustProgram(b, empty())
				hooks, errs := set.Attach([]hook.Request{
					{Index: ours.index, Point: hook.Ingress, Program: dispatcher},
					{Index: baseline.index, Point: hook.Ingress, Program: alone},
				})
				qt.Assert(b, qt.DeepEquals(errs, []error{nil, nil}))
				return ours.statistics(b, dispatcher), baseline.statistics(b, alone), func() {
					qt.Check(b, qt.IsNil(set.Detach(hooks)))
					free()
					qt.Check(b, qt.IsNil(alone.Close()))
				}
			})
		})
	}
}

// wire is a veth pair: packets go in at the near end and meet programs at the
// far end, whose ifindex is index.
type wire struct {
	index, socket int
}

func newWire(tb testing.TB, near, far *netns.NS, name string) wire {
	tb.Helper()
	nearIndex, farIndex := testutil.Veth(tb, near, name, far, name)
	socket := -1
	err := near.Do(func() (err error) {
		socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Close(socket))) })
	qt.Assert(tb, qt.IsNil(unix.Bind(socket, &unix.SockaddrLinklayer{Ifindex: nearIndex})))
	return wire{index: farIndex, socket: socket}
}

// statistics measures prog, which sits on the far end.
func (w wire) statistics(tb testing.TB, prog *ebpf.Program) side {
	tb.Helper()
	return func() float64 {
		frame := make([]byte, 64)
		// An EtherType for local experiments (IEEE 802), which nobody receives.
		frame[12], frame[13] = 0x88, 0xb5
		before := mustStats(tb, prog)
		for range framesPerTurn {
			_, err := unix.Write(w.socket, frame)
			qt.Assert(tb, qt.IsNil(err))
		}
		var after *ebpf.ProgramStats
		testutil.Eventually(tb, time.Second, func() bool {
			after = mustStats(tb, prog)
			return after.RunCount-before.RunCount >= framesPerTurn
		}, "the packets sent are counted")
		return float64(after.Runtime-before.Runtime) / float64(after.RunCount-before.RunCount)
	}
}

func mustStats(tb testing.TB, prog *ebpf.Program) *ebpf.ProgramStats {
	tb.Helper()
	stats, err := prog.Stats()
	qt.Assert(tb, qt.IsNil(err))
	return stats
}
