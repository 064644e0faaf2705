// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
)

// smallTable is a load for four links in eight places: ifindexes eight apart meet.
func smallTable(tb testing.TB) *dispatch.Load {
	tb.Helper()
	return newLoad(tb, readsCB0(), dispatch.LoadOptions{Mode: dispatch.Enforce, Links: 4})
}

const (
	meeting      = loopback + 8
	alsoMeeting  = loopback + 16
	notServedYet = unspec
)

func TestUnknownLinkPassesUncounted(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Enforce})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback+1, 4242)))
	qt.Check(t, qt.Equals(run(t, load), unspec))
	for _, index := range []int{loopback, loopback + 1} {
		counters, err := load.Counters(index)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(counters, dispatch.Counters{}))
	}
}

func TestClearedLinkPasses(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Enforce})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.Equals(load.Links(), 1))
	qt.Check(t, qt.Equals(run(t, load), shot))
	qt.Assert(t, qt.IsNil(load.ClearLink(loopback)))
	qt.Assert(t, qt.IsNil(load.ClearLink(loopback)))
	qt.Check(t, qt.Equals(run(t, load), unspec))
	qt.Check(t, qt.Equals(load.Links(), 0))
}

func TestLinksThatMeetInThePlaceAreTold(t *testing.T) {
	t.Parallel()
	load := smallTable(t)
	qt.Assert(t, qt.IsNil(load.SetLink(meeting, 200)))
	qt.Check(t, qt.Equals(run(t, load), notServedYet))
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 100)))
	qt.Assert(t, qt.IsNil(load.SetLink(alsoMeeting, 300)))
	qt.Check(t, qt.Equals(run(t, load), 100))

	qt.Assert(t, qt.IsNil(load.ClearLink(meeting)))
	qt.Check(t, qt.Equals(run(t, load), 100))
	counters, err := load.Counters(loopback)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(counters.Packets, 2))
}

// A link that had to go to the collisions and is entered again when its place is
// free must not be found there once it is cleared.
func TestClearedLinkIsForgottenEverywhere(t *testing.T) {
	t.Parallel()
	load := smallTable(t)
	qt.Assert(t, qt.IsNil(load.SetLink(meeting, 200)))
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 100)))
	qt.Assert(t, qt.IsNil(load.ClearLink(meeting)))
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 101)))
	qt.Check(t, qt.Equals(run(t, load), 101))

	qt.Assert(t, qt.IsNil(load.ClearLink(loopback)))
	qt.Check(t, qt.Equals(run(t, load), unspec))
	qt.Check(t, qt.Equals(mapLen(t, mapOf(t, load.Program(), ebpf.Hash)), 0))
}

func mapLen(tb testing.TB, m *ebpf.Map) int {
	tb.Helper()
	var key uint32
	value := make([]byte, m.ValueSize())
	n, iter := 0, m.Iterate()
	for iter.Next(&key, &value) {
		n++
	}
	qt.Assert(tb, qt.IsNil(iter.Err()))
	return n
}

func TestFullLoadSaysSo(t *testing.T) {
	t.Parallel()
	load := smallTable(t)
	for index := 1; index <= 4; index++ {
		qt.Assert(t, qt.IsNil(load.SetLink(index, 1)))
	}
	qt.Check(t, qt.ErrorIs(load.SetLink(5, 1), dispatch.ErrFull))
	qt.Check(t, qt.IsNil(load.SetLink(4, 2)), qt.Commentf("known ones still change"))
	qt.Assert(t, qt.IsNil(load.ClearLink(2)))
	qt.Check(t, qt.IsNil(load.SetLink(5, 1)))
	qt.Check(t, qt.Equals(load.Links(), 4))
}

// All links may meet in one place: there is room for them nevertheless.
func TestEveryLinkMayMeet(t *testing.T) {
	t.Parallel()
	load := smallTable(t)
	for n := range 4 {
		qt.Assert(t, qt.IsNil(load.SetLink(loopback+8*(3-n), uint32(n))))
	}
	qt.Check(t, qt.Equals(run(t, load), 3))
}

func TestCountersStartAnew(t *testing.T) {
	t.Parallel()
	load := smallTable(t)
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	run(t, load)
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 2)))
	qt.Check(t, qt.Equals(mustCounters(t, load, loopback).Packets, 1), qt.Commentf("another netns is the same link"))

	qt.Assert(t, qt.IsNil(load.ClearLink(loopback)))
	for index := range 4 {
		qt.Assert(t, qt.IsNil(load.SetLink(loopback+index, 1)))
		qt.Check(t, qt.Equals(mustCounters(t, load, loopback+index), dispatch.Counters{}))
	}
}

func mustCounters(tb testing.TB, load *dispatch.Load, index int) dispatch.Counters {
	tb.Helper()
	counters, err := load.Counters(index)
	qt.Assert(tb, qt.IsNil(err))
	return counters
}

func TestCountersAreExactOverAllCPUs(t *testing.T) {
	t.Parallel()
	const each = 5000
	load := newLoad(t, returning(shot), dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	cpus := runtime.NumCPU()
	errs := make([]error, cpus)
	var all sync.WaitGroup
	for cpu := range cpus {
		all.Go(func() { errs[cpu] = runOn(cpu, load.Program(), each) })
	}
	all.Wait()
	for _, err := range errs {
		qt.Assert(t, qt.IsNil(err))
	}
	n := uint64(each * cpus)
	want := dispatch.Counters{Packets: n, Bytes: 64 * n, Segments: n}
	want.Verdicts[shot+1] = n
	qt.Check(t, qt.Equals(mustCounters(t, load, loopback), want))
}

// runOn runs the program times over on one CPU. The thread ends with the goroutine.
func runOn(cpu int, prog *ebpf.Program, times uint32) error {
	runtime.LockOSThread()
	var only unix.CPUSet
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return err
	}
	_, err := prog.Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: times})
	return err
}

func TestSegmentsOfOnePacketAreCounted(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(0), dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	var in struct {
		_       [164]byte
		GSOSegs uint32
		_       [8]byte
		GSOSize uint32
		_       [12]byte
	}
	in.GSOSegs, in.GSOSize = 5, 1000
	_, err := load.Program().Run(&ebpf.RunOptions{Data: make([]byte, 64), Context: in})
	qt.Assert(t, qt.IsNil(err))
	want := dispatch.Counters{Packets: 1, Bytes: 64, Segments: 5}
	want.Verdicts[1] = 1
	qt.Check(t, qt.Equals(mustCounters(t, load, loopback), want))
}

func TestUncountedLoadCountsNothing(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Drop, NoCounters: true})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	qt.Check(t, qt.Equals(run(t, load), shot))
	qt.Check(t, qt.Equals(mustCounters(t, load, loopback), dispatch.Counters{}))
}
