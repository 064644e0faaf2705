// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

const (
	swaps = 1000
	// pause is what lies between two packets, 100,000 a second.
	pause = 10 * time.Microsecond
	// numbers is how many packets the programs can tell apart.
	numbers = 1 << 20
)

// marking is a program that adds one to the number of each packet in map
// "seen", and one to its own count, in map name.
func marking(name string) *ebpf.CollectionSpec {
	spec := program(
		asm.Mov.Imm(asm.R2, headers),
		asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -4),
		asm.Mov.Imm(asm.R4, 4),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, 0).WithReference("seen"),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.StoreImm(asm.R10, -4, 0, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, 0).WithReference(name),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, shot).WithSymbol("out"),
		asm.Return(),
	)
	spec.Maps["seen"] = &ebpf.MapSpec{Name: "seen", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: numbers, Flags: unix.BPF_F_MMAPABLE}
	spec.Maps[name] = &ebpf.MapSpec{Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}
	return spec
}

// sender sends numbered datagrams from the near end until it is told to stop.
func (w wire) sender(ctx context.Context, conn *net.UDPConn) (uint32, error) {
	tick := time.NewTicker(100 * pause)
	defer tick.Stop()
	began := time.Now()
	to := &net.UDPAddr{IP: net.ParseIP(farAddr), Port: port}
	payload := make([]byte, fenceBytes)
	for number := uint32(0); ; {
		select {
		case <-ctx.Done():
			return number, nil
		case <-tick.C:
		}
		for due := uint32(time.Since(began) / pause); number < due; number++ {
			if number == numbers {
				return number, nil
			}
			binary.NativeEndian.PutUint32(payload, number)
			if _, err := conn.WriteTo(payload, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return number, err
			}
		}
	}
}

// Every packet is seen by the old program or by the new one, once, while they
// take turns in the slot. Behind the load everything is dropped, to leave the
// time to the sender.
func TestSwapMissesNoPacket(t *testing.T) { //nolint:tparallel // each of its parts takes the whole machine
	t.Parallel()
	for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
		t.Run(backend.String(), func(t *testing.T) { checkSwapMissesNoPacket(t, backend) })
	}
}

func checkSwapMissesNoPacket(t *testing.T, backend hook.Backend) {
	t.Helper()
	w := newWire(t)
	odd := newSource(t, marking("by_odd"), dispatch.SourceOptions{})
	load, err := dispatch.NewLoad(odd, "prog", dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(load.Close())) })
	even := newSource(t, marking("by_even"), dispatch.SourceOptions{Inherit: odd})
	qt.Assert(t, qt.IsNil(load.SetLink(w.nearIndex, 1)))
	attach(t, w.near, backend, hook.Request{Index: w.nearIndex, Point: hook.Egress, Program: load.Program()})
	attach(t, w.near, backend, hook.Request{
		Index: w.nearIndex, Point: hook.Egress, Program: mustLoad(t, returning(shot)), Order: hook.Order{Position: hook.Last},
	})

	conn := listen(t, w.near, nearAddr)
	// The swaps take minutes where the processor is emulated.
	qt.Assert(t, qt.IsNil(conn.SetDeadline(time.Time{})))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var sent uint32
	var sendErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		sent, sendErr = w.sender(ctx, conn)
	}()
	testutil.Eventually(t, deadline, func() bool { return mustCounters(t, load, w.nearIndex).Packets > 0 }, "packets flow")
	began := time.Now()
	done2 := swapAll(t, load, []*dispatch.Source{even, odd})
	took := time.Since(began)
	stop()
	<-done
	qt.Assert(t, qt.IsNil(sendErr))
	qt.Assert(t, qt.IsNil(dispatch.Retire(done2)))

	counters := mustCounters(t, load, w.nearIndex)
	qt.Check(t, qt.Equals(counters.Packets, uint64(sent)))
	qt.Check(t, qt.Equals(counters.NotRun, 0))
	byOdd, byEven := count(t, odd, "by_odd"), count(t, even, "by_even")
	t.Logf("%d packets in %v, %d and %d by the two programs", sent, took, byOdd, byEven)
	qt.Check(t, qt.Equals(byOdd+byEven, uint64(sent)))
	qt.Check(t, qt.IsTrue(byOdd > 0 && byEven > 0))
	qt.Check(t, qt.DeepEquals(timesSeen(t, even, sent), map[uint64]int{1: int(sent)}))
}

// swapAll puts the programs of sources into the slot in turns.
func swapAll(tb testing.TB, load *dispatch.Load, sources []*dispatch.Source) []*dispatch.Swap {
	tb.Helper()
	var done []*dispatch.Swap
	for i := range swaps {
		swap, err := load.Prepare(sources[i%len(sources)], "prog")
		qt.Assert(tb, qt.IsNil(err))
		qt.Assert(tb, qt.IsNil(dispatch.Commit(swap)))
		done = append(done, swap)
	}
	return done
}

func count(tb testing.TB, source *dispatch.Source, name string) uint64 {
	tb.Helper()
	var n uint64
	qt.Assert(tb, qt.IsNil(source.Maps()[name].Lookup(uint32(0), &n)))
	return n
}

// timesSeen says how many of the packets were seen how many times.
func timesSeen(tb testing.TB, source *dispatch.Source, sent uint32) map[uint64]int {
	tb.Helper()
	memory, err := source.Maps()["seen"].Memory()
	qt.Assert(tb, qt.IsNil(err))
	raw := make([]byte, 8*sent)
	_, err = memory.ReadAt(raw, 0)
	qt.Assert(tb, qt.IsNil(err))
	times := map[uint64]int{}
	for r := bytes.NewBuffer(raw); r.Len() > 0; {
		times[binary.NativeEndian.Uint64(r.Next(8))]++
	}
	return times
}

func TestSwapThatIsNotCommittedChangesNothing(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Enforce})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	swap, err := load.Prepare(newSource(t, returning(0), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(run(t, load), shot))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(run(t, load), shot))
}

func TestRevertedSwapBringsTheOldProgramBack(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Enforce})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	swap, err := load.Prepare(newSource(t, returning(0), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Check(t, qt.Equals(run(t, load), 0))
	qt.Assert(t, qt.IsNil(swap.Revert()))
	qt.Assert(t, qt.IsNil(swap.Revert()))
	qt.Check(t, qt.Equals(run(t, load), shot))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(run(t, load), shot))
}

func TestHarmIsRefusedBeforeASwap(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{})
	_, err := load.Prepare(newSource(t, program(writesPacket()...), dispatch.SourceOptions{}), "prog")
	checkRefused(t, err, refusal{reason: `program prog writes to the packet directly`, lifted: true})
}

func TestSwapOfAClosedLoadIsAnError(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{})
	swap, err := load.Prepare(newSource(t, returning(0), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(load.Close()))
	qt.Check(t, qt.ErrorIs(dispatch.Commit(swap), os.ErrClosed))
	qt.Check(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
}
