// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"strings"
	"sync"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/output/where"
)

// sink turns the program's events into records and writes them. Its take method
// is called from many goroutines.
type sink struct {
	gadget  string
	schemas map[string]*event.Schema // by event map; none: hex
	index   *enrich.Index
	links   func(netns uint32) []boathook.TargetLink
	limit   uint64
	// full is told, once, of a ring buffer that lost events uncounted.
	full    func(eventMap string)
	printed func(*event.Record) // nil: nobody asks
	// done is closed when no more records are wanted.
	done chan struct{}

	mu     sync.Mutex // guards the fields below
	batch  *output.Batch
	writer output.Writer // to the batch
	where  *where.Where  // nil: all
	record event.Record
	places places
	now    stopwatch
	lost   map[source]uint64 // not yet reported on a record
	stats  sinkStats
	ended  bool
	err    error // why writing ended
}

// batchBytes and batchRecords bound what is written at once.
const (
	batchBytes   = 64 << 10
	batchRecords = 4096
)

// source is what events are lost from, one copy of the program: by direction,
// network namespace and hook.
type source [3]uint64

type sinkStats struct{ events, written, lost, malformed, full, unread uint64 }

func newSink(cfg Config, schemas map[string]*event.Schema, index *enrich.Index) (*sink, error) {
	s := &sink{
		gadget: cfg.Name, schemas: schemas, index: index, limit: cfg.Count, printed: cfg.Printed,
		done: make(chan struct{}), lost: map[source]uint64{}, batch: output.NewBatch(cfg.Env.Stdout),
	}
	list := schemaList(schemas)
	if cfg.Where != "" {
		var err error
		if s.where, err = where.Compile(cfg.Where, list...); err != nil {
			return nil, fieldError("--where", err)
		}
	}
	var fields *output.Fields
	if cfg.Fields != "" {
		var err error
		if fields, err = output.ParseFields(cfg.Fields, list...); err != nil {
			return nil, fieldError("--fields", err)
		}
	}
	switch cfg.Format {
	case JSON:
		s.writer = output.NewJSON(s.batch, fields)
	case None:
		s.writer = output.None{}
	case Columns:
		s.writer = output.NewColumns(s.batch, output.Options{
			Terminal: cfg.Env.Terminal, Width: cfg.Env.Width, Fields: fields, Schemas: list,
		})
	}
	return s, nil
}

// fieldError makes a usage error of one about names of fields.
func fieldError(flag string, err error) error {
	if unknown, ok := errors.AsType[*output.UnknownFieldError](err); ok {
		return fault.Usage("known: "+strings.Join(unknown.Known, ", "), "%s: no field %q", flag, unknown.Name)
	}
	return fault.Usage("boathook run --help", "%s: %w", flag, err)
}

// take takes one event. What it makes of it waits for those that follow at once,
// and is written when there are none: nobody waits for a line while nothing happens.
func (s *sink) take(e boathook.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(&e)
	if e.Data != nil {
		s.add(&e)
	}
	if !e.More {
		s.places.expire()
		s.now.expire()
	}
	if !e.More || s.batch.Len() >= batchBytes || s.batch.Records() >= batchRecords {
		s.flush()
	}
}

// note remembers what an event says of those that are missing.
func (s *sink) note(e *boathook.Event) {
	if e.Lost > 0 {
		s.lost[sourceOf(e)] += e.Lost
		s.stats.lost += e.Lost
	}
	if e.Full {
		if s.stats.full == 0 {
			s.full(e.Map)
		}
		s.stats.full++
	}
}

func sourceOf(e *boathook.Event) source {
	return source{uint64(e.Direction), uint64(e.Netns), uint64(e.Hook)}
}

// add makes a record of an event and adds it to the batch if it is wanted.
func (s *sink) add(e *boathook.Event) {
	if s.ended {
		s.skip()
		return
	}
	s.stats.events++
	s.fill(e)
	if s.record.Schema != nil && !s.record.Schema.Fits(e.Data) {
		s.stats.malformed++
	}
	if s.where != nil {
		if ok, err := s.where.Match(&s.record); err != nil || !ok {
			s.end(err)
			return
		}
	}
	if len(s.lost) > 0 {
		from := sourceOf(e)
		s.record.Lost = s.lost[from]
		delete(s.lost, from)
	}
	if err := s.writer.Write(&s.record); err != nil {
		s.end(err)
		return
	}
	s.batch.End()
	last := s.stats.written+uint64(s.batch.Records()) == s.limit
	if last || s.printed != nil {
		s.flush()
	}
	if s.printed != nil && s.err == nil {
		s.printed(&s.record)
	}
	if last {
		s.finish(nil)
	}
}

// flush writes the batch.
func (s *sink) flush() {
	waiting := s.batch.Records()
	written, err := s.batch.Flush()
	s.stats.written += uint64(written)
	if err != nil {
		s.stats.unread += unread(err) * uint64(waiting-written)
		s.finish(err)
	}
}

// skip counts an event that came after writing ended because nobody read. Who
// closed the pipe, or asked for a count, has seen enough.
func (s *sink) skip() {
	n := unread(s.err)
	s.stats.events += n
	s.stats.unread += n
}

// unread is how many records an error of writing leaves unread.
func unread(err error) uint64 {
	if errors.Is(err, errUnread) {
		return 1
	}
	return 0
}

// end finishes with err; nil goes on.
func (s *sink) end(err error) {
	if err != nil {
		s.finish(err)
	}
}

func (s *sink) finish(err error) {
	if !s.ended {
		s.ended, s.err = true, err
		close(s.done)
	}
}

// fill makes the record for an event.
func (s *sink) fill(e *boathook.Event) {
	schema := s.schemas[e.Map]
	r := &s.record
	*r = event.Record{Gadget: s.gadget, Netns: e.Netns, Direction: e.Direction.String(), Schema: schema, Raw: e.Data}
	if schema != nil {
		if netns, ok := schema.Netns(e.Data); ok && netns != 0 {
			r.Netns = netns
		}
		r.Time, _ = schema.Time(e.Data)
	}
	if r.Time.IsZero() {
		r.Time = s.now.read()
	}
	at := s.places.find(s, placeKey{r.Netns, e.Hook, e.Direction})
	r.Containers, r.Link, r.Origin = at.containers, at.link, at.origin
}

// close reports what was lost behind the last record, and says why writing ended.
func (s *sink) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
	s.ended = true
	if s.err != nil {
		return s.err
	}
	var rest uint64
	for _, n := range s.lost {
		rest += n
	}
	err := s.writer.WriteLost(s.gadget, rest)
	if err == nil {
		_, err = s.batch.Flush()
	}
	return err
}
