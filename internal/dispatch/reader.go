// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/cilium/ebpf/ringbuf"
)

// Event is what a program sent through a ring buffer or a perf event array.
type Event struct {
	// Map is the name of the event map.
	Map string
	// Data is valid only during the call; nil if the event only says what was lost.
	Data []byte
	// Perf says that up to 7 bytes of Data behind the record are padding.
	Perf bool
	// Lost counts events that the program could not send since the one before.
	Lost uint64
	// Full says that the buffer was found full: events were probably lost that
	// nobody has counted.
	Full bool
}

// Sink takes the events of one event map, from one goroutine. It must not call
// back into the load.
type Sink func(Event)

const (
	// pollInterval bounds how long an event waits whose program asked for no wake-up.
	pollInterval = 100 * time.Millisecond
	// perfBufferBytes is what each CPU gets of a perf event array.
	perfBufferBytes = 256 << 10
	// ringHeaderBytes stands before each record of a ring buffer, which is aligned to
	// 8 bytes. Source: kernel/bpf/ringbuf.c.
	ringHeaderBytes = 8
	// lostSuffix ends the name of a map in which a program counts the events it
	// could not send, as Inspektor Gadget's programs do.
	lostSuffix = "_lost_samples"
)

// eventReader drains one event map until it is closed.
type eventReader struct {
	name string
	sink Sink
	lost *ebpf.Map // nil: the program counts nothing
	seen uint64    // of lost, so far
	read func() (Event, error)
	// full says whether the buffer, before a record of this size was taken out, had no
	// room for another one like it; nil where the kernel counts what is lost.
	full    func(record int) bool
	wasFull bool
	// setDeadline, flush and close are those of the ring or perf reader.
	setDeadline func(time.Time)
	flush       func() error
	shut        func() error
	done        chan struct{}
}

func newEventReader(name string, m, lost *ebpf.Map, sink Sink) (*eventReader, error) {
	r := &eventReader{name: name, sink: sink, lost: lost, done: make(chan struct{})}
	var err error
	if m.Type() == ebpf.PerfEventArray {
		err = r.openPerf(m)
	} else {
		err = r.openRing(m)
	}
	if err != nil {
		return nil, fmt.Errorf("read events of map %s: %w", name, err)
	}
	go r.run()
	return r, nil
}

func (r *eventReader) openRing(m *ebpf.Map) error {
	ring, err := ringbuf.NewReader(m)
	if err != nil {
		return err
	}
	var rec ringbuf.Record
	r.read = func() (Event, error) {
		err := ring.ReadInto(&rec)
		return Event{Map: r.name, Data: rec.RawSample}, err
	}
	r.full = func(record int) bool {
		record = (record + ringHeaderBytes + 7) &^ 7
		before := ring.BufferSize() - ring.AvailableBytes() - record
		return before < record
	}
	r.setDeadline, r.flush, r.shut = ring.SetDeadline, ring.Flush, ring.Close
	return nil
}

func (r *eventReader) openPerf(m *ebpf.Map) error {
	reader, err := perf.NewReader(m, perfBufferBytes)
	if err != nil {
		return err
	}
	var rec perf.Record
	r.read = func() (Event, error) {
		err := reader.ReadInto(&rec)
		ev := Event{Map: r.name, Data: rec.RawSample, Perf: true, Lost: rec.LostSamples}
		if rec.LostSamples > 0 {
			ev.Data = nil
		}
		return ev, err
	}
	r.setDeadline, r.flush, r.shut = reader.SetDeadline, reader.Flush, reader.Close
	return nil
}

func (r *eventReader) run() {
	defer close(r.done)
	for {
		r.setDeadline(time.Now().Add(pollInterval))
		for {
			ev, err := r.read()
			if err == nil {
				ev.Full = r.nowFull(len(ev.Data))
				r.sink(ev)
				continue
			}
			r.reportLost()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			return
		}
	}
}

// nowFull says whether the buffer has become full since it last was not.
func (r *eventReader) nowFull(record int) bool {
	if r.full == nil || r.lost != nil {
		return false
	}
	was := r.wasFull
	r.wasFull = r.full(record)
	return r.wasFull && !was
}

// reportLost passes on what the program says it lost since the last time.
func (r *eventReader) reportLost() {
	if r.lost == nil {
		return
	}
	total, err := sumCounter(r.lost)
	if err != nil || total <= r.seen {
		return
	}
	r.sink(Event{Map: r.name, Lost: total - r.seen})
	r.seen = total
}

// close hands on what is still in the buffer, waits for the goroutine and frees the buffer.
func (r *eventReader) close() error {
	err := r.flush()
	if err != nil {
		err = errors.Join(err, r.shut())
		<-r.done
		return err
	}
	<-r.done
	return r.shut()
}

// sumCounter adds up the first 8 bytes of each CPU's first value.
func sumCounter(m *ebpf.Map) (uint64, error) {
	if m.Type() == ebpf.PerCPUArray {
		var perCPU []uint64
		if err := m.Lookup(uint32(0), &perCPU); err != nil {
			return 0, err
		}
		var total uint64
		for _, v := range perCPU {
			total += v
		}
		return total, nil
	}
	var total uint64
	err := m.Lookup(uint32(0), &total)
	return total, err
}

// isEvents says whether maps of this type carry events to user space.
func isEvents(t ebpf.MapType) bool {
	return t == ebpf.RingBuf || t == ebpf.PerfEventArray
}
