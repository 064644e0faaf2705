// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// fakeRing is a ring that the test writes in place of the kernel.
type fakeRing struct {
	*ring
	kernel uintptr // what is reserved
}

func newFakeRing(size uintptr) *fakeRing {
	f := &fakeRing{ring: &ring{data: make([]byte, 2*size), size: size, step: size / 16, consumer: new(uintptr)}}
	f.producer = &f.kernel
	return f
}

// reserve writes a record with a header of these flags, as the two mappings show it.
func (f *fakeRing) reserve(flags uint32, sample ...byte) (at uintptr) {
	at = f.kernel
	record := binary.NativeEndian.AppendUint32(nil, uint32(len(sample))|flags)
	record = append(append(record, 0, 0, 0, 0), sample...)
	for i, b := range record {
		place := (at + uintptr(i)) & (f.size - 1)
		f.data[place], f.data[place+f.size] = b, b
	}
	f.kernel += taken(uintptr(len(sample)))
	return at
}

// commit ends the writing of the record at a place.
func (f *fakeRing) commit(at uintptr) {
	header := (*uint32)(unsafe.Pointer(&f.data[at&(f.size-1)]))
	*header &^= ringBusy
}

// reading is a source for the ring that collects what is handed on.
type reading struct {
	ringSource

	to      eventReader
	samples []byte
	full    int
	more    []bool
}

func read(f *fakeRing) *reading {
	r := &reading{ringSource: ringSource{ring: f.ring}}
	r.to.sink = func(e Event) {
		if e.Full {
			r.full++
			return
		}
		r.samples, r.more = append(r.samples, e.Data...), append(r.more, e.More)
	}
	return r
}

func (r *reading) all() bool { return r.drain(&r.to) > 0 }

func TestRecordsComeInOrderAroundTheEndOfTheRing(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128)
	r := read(f)
	var want []byte
	for i := range byte(200) {
		sample := make([]byte, i%23+1)
		for k := range sample {
			sample[k] = i + byte(k)
		}
		f.reserve(0, sample...)
		want = append(want, sample...)
		if i%3 == 0 {
			qt.Assert(t, qt.IsTrue(r.all()))
			qt.Assert(t, qt.Equals(*f.consumer, f.kernel))
		}
	}
	r.all()
	qt.Check(t, qt.DeepEquals(r.samples, want))
	qt.Check(t, qt.IsFalse(r.all()))
}

func TestTheLastRecordThereIsSaysSo(t *testing.T) {
	t.Parallel()
	f := newFakeRing(256)
	r := read(f)
	f.reserve(0, 1)
	f.reserve(0, 2)
	f.reserve(ringDiscarded, 3)
	f.reserve(ringBusy, 4)
	r.all()
	qt.Check(t, qt.DeepEquals(r.samples, []byte{1, 2}))
	qt.Check(t, qt.DeepEquals(r.more, []bool{true, false}))
}

func TestDiscardedRecordsAreSkippedAndTheirRoomGivenBack(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128)
	r := read(f)
	f.reserve(ringDiscarded, 1, 2, 3)
	f.reserve(ringDiscarded, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	r.all()
	qt.Check(t, qt.HasLen(r.more, 0))
	qt.Check(t, qt.Equals(*f.consumer, f.kernel))
	f.reserve(ringDiscarded, 1)
	f.reserve(0, 7)
	f.reserve(ringDiscarded, 1)
	r.all()
	qt.Check(t, qt.DeepEquals(r.samples, []byte{7}))
	qt.Check(t, qt.DeepEquals(r.more, []bool{false}))
}

func TestARecordStillWrittenHoldsUpThoseBehindIt(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128)
	r := read(f)
	f.reserve(0, 1)
	slow := f.reserve(ringBusy, 2)
	f.reserve(0, 3)
	qt.Check(t, qt.IsTrue(r.all()))
	qt.Check(t, qt.DeepEquals(r.samples, []byte{1}))
	qt.Check(t, qt.Equals(*f.consumer, slow), qt.Commentf("the kernel wakes who has caught up with the record"))
	qt.Check(t, qt.IsFalse(r.all()))
	f.commit(slow)
	qt.Check(t, qt.IsTrue(r.all()))
	qt.Check(t, qt.DeepEquals(r.samples, []byte{1, 2, 3}))
}

func TestARecordStillWrittenTakesNoTimeOfTheReader(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128)
	f.reserve(ringBusy, 1)
	r := read(f)
	events := newRingMap(t, 4096)
	var err error
	r.bell, err = newBell(events)
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(r.bell.close())) }()
	r.poll = pollInterval
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without sleep it would look far more often than this.
	begin := threadTime(t)
	for range 10_000 {
		r.drain(&r.to)
		r.bell.wait(0)
	}
	before := threadTime(t)
	timer := time.AfterFunc(300*time.Millisecond, func() { qt.Check(t, qt.IsNil(r.bell.end())) })
	defer timer.Stop()
	r.read(&r.to)
	qt.Check(t, qt.IsTrue(threadTime(t)-before < before-begin), qt.Commentf("%s for less than %s", threadTime(t)-before, before-begin))
	qt.Check(t, qt.HasLen(r.more, 0))
}

func threadTime(tb testing.TB) time.Duration {
	tb.Helper()
	var now unix.Timespec
	qt.Assert(tb, qt.IsNil(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)))
	return time.Duration(now.Nano())
}

func newRingMap(tb testing.TB, size uint32) *ebpf.Map {
	tb.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: size})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { m.Close() })
	return m
}

func TestRoomIsGivenBackForManyRecordsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFakeRing(1024) // releases every 64 bytes, 4 records
	r := read(f)
	var seen []uintptr
	for range 20 {
		f.reserve(0, 1)
	}
	collect := r.to.sink
	r.to.sink = func(e Event) {
		collect(e)
		seen = append(seen, *f.consumer)
	}
	r.all()
	qt.Check(t, qt.DeepEquals(seen, []uintptr{0, 0, 0, 0, 64, 64, 64, 64, 128, 128, 128, 128, 192, 192, 192, 192, 256, 256, 256, 256}))
	qt.Check(t, qt.Equals(*f.consumer, 320))
}

func TestARingThatIsReadIntoWithoutEndIsLeftNowAndThen(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128)
	r := read(f)
	f.reserve(0, 1)
	f.reserve(0, 1)
	collect := r.to.sink
	r.to.sink = func(e Event) {
		collect(e)
		f.reserve(0, 1)
	}
	r.all()
	qt.Check(t, qt.HasLen(r.more, 8))
	qt.Check(t, qt.IsFalse(r.more[7]))
}

func TestAFullRingIsToldWhenItGetsFull(t *testing.T) {
	t.Parallel()
	f := newFakeRing(128) // 7 records of 16 bytes: one byte at least stays free
	r := read(f)
	fill := func(n int) {
		for range n {
			f.reserve(0, 1)
		}
		r.all()
	}
	fill(6)
	qt.Check(t, qt.Equals(r.full, 0))
	fill(7)
	qt.Check(t, qt.Equals(r.full, 1))
	fill(1)
	fill(7)
	qt.Check(t, qt.Equals(r.full, 2))
}

func TestWhatNoKernelWritesIsSkippedAndTold(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(f *fakeRing){
		"a record longer than what there is":  func(f *fakeRing) { f.kernel -= 8 },
		"more records than fit into the ring": func(f *fakeRing) { f.kernel += 1024 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeRing(128)
			r := read(f)
			f.reserve(0, make([]byte, 20)...)
			spoil(f)
			r.all()
			qt.Check(t, qt.HasLen(r.more, 0))
			qt.Check(t, qt.Equals(r.full, 1))
			f.reserve(0, 7)
			r.all()
			qt.Check(t, qt.DeepEquals(r.samples, []byte{7}))
		})
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	f := newFakeRing(1 << 16)
	r := read(f)
	n := 0
	r.to.sink = func(Event) { n++ }
	sample := make([]byte, 128)
	var err error
	r.bell, err = newBell(newRingMap(t, 4096))
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(r.bell.close())) }()
	record := func() {
		copy(f.data[f.kernel&(f.size-1)+ringHeaderBytes:], sample)
		*(*uint32)(unsafe.Pointer(&f.data[f.kernel&(f.size-1)])) = 128
		f.kernel += taken(128)
	}
	r.rest = time.Microsecond
	allocs := testing.AllocsPerRun(1000, func() {
		record()
		r.all()
		r.bell.wait(0)
		r.gather()
	})
	qt.Check(t, qt.Equals(allocs, 0))
	qt.Check(t, qt.Equals(n, 1001))
}
