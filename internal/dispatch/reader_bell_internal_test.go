// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
)

// Values of the parameter wakeups of the object flood.
const (
	wakeLikeBoathook = iota
	wakeLikeKernel
	wakeNever
)

// flooding is a ring buffer with the sample program that writes to it.
func flooding(tb testing.TB, size, wakeups uint32) *ebpf.Collection {
	tb.Helper()
	spec, err := ebpf.LoadCollectionSpec("../../testdata/objects/flood.o")
	qt.Assert(tb, qt.IsNil(err))
	spec.Maps["events"].MaxEntries = size
	qt.Assert(tb, qt.IsNil(spec.Variables["wakeups"].Set(wakeups)))
	coll, err := ebpf.NewCollection(spec)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(coll.Close)
	return coll
}

func send(tb testing.TB, coll *ebpf.Collection, events uint32) {
	tb.Helper()
	_, err := coll.Programs["flood"].Run(&ebpf.RunOptions{Data: make([]byte, 64), Repeat: events})
	qt.Assert(tb, qt.IsNil(err))
}

func TestTheBellIsHeardOnceForEachWakeUp(t *testing.T) {
	t.Parallel()
	coll := flooding(t, 4<<20, wakeLikeBoathook)
	b, err := newBell(coll.Maps["events"])
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(b.close())) }()
	for _, test := range []struct {
		events uint32
		rung   bool
		why    string
	}{
		{1, true, "the reader had caught up"},
		{50, false, "it has not: there is one in the ring"},
		{1000, false, "1051 records are less than 256 KiB"},
		{1000, true, "2051 are more"},
		{0, false, "it was heard"},
		{1000, false, "3051 are less than 512 KiB"},
		{1000, true, "4051 are more"},
	} {
		if test.events > 0 {
			send(t, coll, test.events)
		}
		wait := 50 * time.Millisecond
		if test.rung {
			wait = 10 * time.Second
		}
		qt.Check(t, qt.Equals(b.wait(wait), test.rung), qt.Commentf("%s", test.why))
	}
}

func TestTheBellIsNotHeardOfAProgramThatAsksForNoWakeUp(t *testing.T) {
	t.Parallel()
	coll := flooding(t, 64<<10, wakeNever)
	b, err := newBell(coll.Maps["events"])
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(b.close())) }()
	send(t, coll, 1000)
	qt.Check(t, qt.IsFalse(b.wait(50*time.Millisecond)))
}

func TestAReaderThatHasCaughtUpIsWoken(t *testing.T) {
	t.Parallel()
	for name, wakeups := range map[string]uint32{"boathook.h": wakeLikeBoathook, "default": wakeLikeKernel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			coll := flooding(t, 64<<10, wakeups)
			events := make(chan []byte, 1)
			r := &eventReader{sink: func(e Event) {
				if e.Data != nil {
					events <- e.Data
				}
			}, done: make(chan struct{})}
			s, err := openRingSource(coll.Maps["events"])
			qt.Assert(t, qt.IsNil(err))
			s.poll = time.Hour
			r.source = s
			go func() {
				defer close(r.done)
				s.read(r)
			}()
			send(t, coll, 1)
			select {
			case <-events:
			case <-time.After(10 * time.Second):
				t.Error("nobody woke the reader")
			}
			qt.Check(t, qt.IsNil(r.close()))
		})
	}
}

func TestEventsOfWhichNobodyTellsAreLookedForSoonerWhileTheyCome(t *testing.T) {
	t.Parallel()
	coll := flooding(t, 64<<10, wakeNever)
	s, err := openRingSource(coll.Maps["events"])
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(s.close())) }()
	qt.Check(t, qt.Equals(s.poll, pollInterval))
	send(t, coll, 1)
	s.sleep()
	qt.Check(t, qt.Equals(s.poll, quickPoll))
	qt.Check(t, qt.Equals(s.drain(&eventReader{sink: func(Event) {}}), 136))
	for range 5 {
		s.sleep()
	}
	qt.Check(t, qt.Equals(s.poll, pollInterval))
}

func TestTheReaderRestsWhileEventsGather(t *testing.T) {
	t.Parallel()
	coll := flooding(t, 4<<20, wakeLikeBoathook)
	s, err := openRingSource(coll.Maps["events"])
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(s.close())) }()
	qt.Check(t, qt.Equals(s.rest, time.Millisecond))
	s.rest = 100 * time.Millisecond
	send(t, coll, 1) // it rings, which is no reason to get up
	began := time.Now()
	s.gather()
	qt.Check(t, qt.IsTrue(time.Since(began) >= s.rest), qt.Commentf("%s", time.Since(began)))

	s.rest = time.Hour
	sent := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() {
		send(t, coll, 2000)
		close(sent)
	})
	s.gather()
	qt.Check(t, qt.IsTrue(s.ring.waiting() >= loudBytes))
	<-sent
}

func TestTheReaderOfASmallRingDoesNotRest(t *testing.T) {
	t.Parallel()
	s, err := openRingSource(newRingMap(t, 16<<10))
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(s.close())) }()
	qt.Check(t, qt.Equals(s.rest, 0))
}
