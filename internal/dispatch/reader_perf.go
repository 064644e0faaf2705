// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
)

// perfBufferBytes is what each CPU gets of a perf event array.
const perfBufferBytes = 256 << 10

// perfSource reads a perf event array.
type perfSource struct{ reader *perf.Reader }

func openPerf(m *ebpf.Map) (*perfSource, error) {
	reader, err := perf.NewReader(m, perfBufferBytes)
	if err != nil {
		return nil, err
	}
	return &perfSource{reader}, nil
}

func (s *perfSource) read(r *eventReader) {
	var rec perf.Record
	more := false
	for {
		s.reader.SetDeadline(time.Now().Add(pollInterval))
		for {
			err := s.reader.ReadInto(&rec)
			if err == nil {
				more = rec.Remaining > 0
				r.sink(r.perfEvent(&rec))
				continue
			}
			if more { // what was left was no event
				more = false
				r.sink(Event{Map: r.name, Perf: true})
			}
			r.reportLost()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			return
		}
	}
}

func (r *eventReader) perfEvent(rec *perf.Record) Event {
	ev := Event{Map: r.name, Data: rec.RawSample, Perf: true, Lost: rec.LostSamples, More: rec.Remaining > 0}
	if rec.LostSamples > 0 {
		ev.Data = nil
	}
	return ev
}

func (s *perfSource) end() error {
	if err := s.reader.Flush(); err != nil {
		return errors.Join(err, s.reader.Close())
	}
	return nil
}

func (s *perfSource) close() error { return s.reader.Close() }
