// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"time"

	"github.com/cilium/ebpf"
)

// How long a reader that has read everything lets events gather. The kernel wakes
// a reader that has caught up for each single record, and so does the reader to
// itself when it goes to sleep after each; a rest makes it one wake-up for many,
// whatever the program asks for. Nobody watching notices it, and a quarter of a
// ring is not filled meanwhile: not at 256 MB in a second, which is a byte in four
// nanoseconds. If it is, programs that use boathook.h ring. Rests that got shorter
// as the ring filled were tried and brought more wake-ups, not more events.
const (
	restPerByte = time.Nanosecond // of the ring
	longestRest = time.Millisecond
	// shortestRest: below it the kernel's timers (50 us of slack) are too coarse.
	shortestRest = 64 * time.Microsecond
)

// loudBytes ends a rest, if they are not more than a quarter of the ring: what
// boathook.h calls BH_WAKEUP_BYTES.
const loudBytes = 256 << 10

// drainBytes bounds a batch: who collects events passes them on behind it.
const drainBytes = 1 << 20

// quickPoll is how soon to look again after events of which nobody told.
const quickPoll = 10 * time.Millisecond

// ringSource reads a ring buffer.
type ringSource struct {
	ring    *ring
	bell    *bell
	rest    time.Duration // 0: none
	poll    time.Duration // how long to sleep unless told of events
	wasFull bool
	counted time.Time // when the lost were counted
}

func openRingSource(m *ebpf.Map) (*ringSource, error) {
	ring, err := openRing(m)
	if err != nil {
		return nil, err
	}
	bell, err := newBell(m)
	if err != nil {
		return nil, errors.Join(err, ring.close())
	}
	s := &ringSource{ring: ring, bell: bell, poll: pollInterval}
	if rest := min(time.Duration(ring.size)*restPerByte, longestRest); rest >= shortestRest {
		s.rest = rest
	}
	return s, nil
}

func (s *ringSource) read(r *eventReader) {
	for !s.bell.ended.Load() {
		found := s.drain(r)
		if now := time.Now(); now.Sub(s.counted) >= pollInterval {
			s.counted = now
			r.reportLost()
		}
		if found == 0 {
			s.sleep()
		} else {
			s.gather()
		}
	}
	for left := s.ring.size; left > 0; { // what came before the end
		found := s.drain(r)
		if found == 0 {
			break
		}
		left -= min(left, found)
	}
	r.reportLost()
}

// drain hands on what is in the ring, as much as fits into it or drainBytes at most,
// and says how many bytes there were. Nothing is overlooked between the last drain, which
// found nothing, and sleep: the kernel rings for a record that it finds the reader
// to have caught up with.
func (s *ringSource) drain(r *eventReader) (found uintptr) {
	start := s.ring.pos
	length, more := s.ring.peek()
	for more {
		data := s.ring.take(length)
		length, more = s.ring.peek()
		more = more && s.ring.pos-start < min(s.ring.size, drainBytes)
		r.sink(Event{Map: r.name, Data: data, More: more})
		if s.ring.due() {
			s.release(r)
		}
	}
	s.release(r)
	return s.ring.pos - start
}

// release gives room back to the program. A ring that was full is told of when it
// has not been before, unless the program counts.
func (s *ringSource) release(r *eventReader) {
	was := s.wasFull
	s.wasFull = s.ring.release()
	if s.wasFull && !was && r.lost == nil {
		r.sink(Event{Map: r.name, Full: true})
	}
}

// gather rests while events gather, until the ring fills.
func (s *ringSource) gather() {
	if s.rest == 0 {
		return
	}
	for until := time.Now().Add(s.rest); s.ring.waiting() < min(s.ring.size/4, loudBytes); {
		left := time.Until(until)
		if left <= 0 {
			return
		}
		s.bell.wait(left)
	}
}

// sleep waits for an event, or until it is time to look for those of which the
// program tells nobody: soon if there was one.
func (s *ringSource) sleep() {
	if s.bell.wait(s.poll) || s.ring.waiting() == 0 {
		s.poll = min(2*s.poll, pollInterval)
	} else {
		s.poll = quickPoll
	}
}

func (s *ringSource) end() error { return s.bell.end() }

func (s *ringSource) close() error { return errors.Join(s.bell.close(), s.ring.close()) }
