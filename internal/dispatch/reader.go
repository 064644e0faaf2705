// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
)

// Event is what a program sent through a ring buffer or a perf event array.
type Event struct {
	// Map is the name of the event map.
	Map string
	// Data is valid only during the call, and must not be written to; nil if the event
	// only says what was lost.
	Data []byte
	// Perf says that up to 7 bytes of Data behind the record are padding.
	Perf bool
	// Lost counts events that the program could not send since the one before.
	Lost uint64
	// Full says that the buffer was found full: events were probably lost that
	// nobody has counted.
	Full bool
	// More says that the next event of this map follows at once.
	More bool
}

// Sink takes the events of one event map, from one goroutine. It must not call
// back into the load.
type Sink func(Event)

const (
	// pollInterval bounds how long an event waits whose program asked for no wake-up,
	// and how long it takes to tell what was lost.
	pollInterval = 100 * time.Millisecond
	// lostSuffix ends the name of a map in which a program counts the events it
	// could not send, as Inspektor Gadget's programs do.
	lostSuffix = "_lost_samples"
)

// eventReader drains one event map until it is closed.
type eventReader struct {
	name   string
	sink   Sink
	lost   *lostCounter // nil: the program counts nothing
	source eventSource
	done   chan struct{}
}

// eventSource is where events come from.
type eventSource interface {
	// read hands on events until end, and then those that are there.
	read(r *eventReader)
	end() error
	// close frees the buffer; nobody reads any more.
	close() error
}

func newEventReader(name string, m, lost *ebpf.Map, sink Sink) (*eventReader, error) {
	r := &eventReader{name: name, sink: sink, done: make(chan struct{})}
	if lost != nil {
		r.lost = &lostCounter{counter: lost}
	}
	var err error
	if m.Type() == ebpf.PerfEventArray {
		r.source, err = openPerf(m)
	} else {
		r.source, err = openRingSource(m)
	}
	if err != nil {
		return nil, fmt.Errorf("read events of map %s: %w", name, err)
	}
	go func() {
		defer close(r.done)
		r.source.read(r)
	}()
	return r, nil
}

// reportLost passes on what the program says it lost since the last time.
func (r *eventReader) reportLost() {
	if r.lost == nil {
		return
	}
	if n := r.lost.more(); n > 0 {
		r.sink(Event{Map: r.name, Lost: n})
	}
}

// close hands on what is still in the buffer, waits for the goroutine and frees the buffer.
func (r *eventReader) close() error {
	if err := r.source.end(); err != nil {
		return err // and it goes on
	}
	<-r.done
	return r.source.close()
}

// isEvents says whether maps of this type carry events to user space.
func isEvents(t ebpf.MapType) bool {
	return t == ebpf.RingBuf || t == ebpf.PerfEventArray
}
