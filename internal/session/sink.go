// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"strings"
	"sync"
	"time"

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
	writer output.Writer
	where  *where.Where // nil: all
	record event.Record
	lost   map[origin]uint64 // not yet reported on a record
	stats  sinkStats
	ended  bool
	err    error // why writing ended
}

// origin is what events are lost from, one copy of the program: by direction,
// network namespace and hook.
type origin [3]uint64

type sinkStats struct{ events, written, lost, malformed, full, unread uint64 }

func newSink(cfg Config, schemas map[string]*event.Schema, index *enrich.Index) (*sink, error) {
	s := &sink{
		gadget: cfg.Name, schemas: schemas, index: index, limit: cfg.Count, printed: cfg.Printed,
		done: make(chan struct{}), lost: map[origin]uint64{},
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
		s.writer = output.NewJSON(cfg.Env.Stdout, fields)
	case None:
		s.writer = output.None{}
	case Columns:
		s.writer = output.NewColumns(cfg.Env.Stdout, output.Options{
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

// take writes one event.
func (s *sink) take(e boathook.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := origin{uint64(e.Direction), uint64(e.Netns), uint64(e.Hook)}
	s.lost[from] += e.Lost
	s.stats.lost += e.Lost
	if e.Full {
		if s.stats.full == 0 {
			s.full(e.Map)
		}
		s.stats.full++
	}
	if e.Data == nil {
		return
	}
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
	s.record.Lost = s.lost[from]
	delete(s.lost, from)
	err := s.writer.Write(&s.record)
	if err == nil {
		err = s.writer.Flush()
	}
	if err == nil && s.printed != nil {
		s.printed(&s.record)
	}
	s.end(err)
	if err != nil {
		s.stats.unread += unread(err)
		return
	}
	s.stats.written++
	if s.stats.written == s.limit {
		s.finish(nil)
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
func (s *sink) fill(e boathook.Event) {
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
		r.Time = time.Now()
	}
	r.Containers = s.index.Containers(r.Netns)
	r.Link = linkOf(s.links(r.Netns), e.Hook)
}

// linkOf finds the link of an event: the one whose copy of the program sent it,
// or the only one that has no copy of its own.
func linkOf(links []boathook.TargetLink, hook int) *event.Link {
	var found *boathook.TargetLink
	for i := range links {
		if hook != 0 && links[i].Hook != hook || hook == 0 && links[i].Own {
			continue
		}
		if found != nil {
			return nil
		}
		found = &links[i]
	}
	if found == nil {
		return nil
	}
	return &event.Link{Name: found.Link.Name, Ifindex: found.Link.Ifindex, Host: found.Host.Name, HostIfindex: found.Host.Ifindex}
}

// close reports what was lost behind the last record, and says why writing ended.
func (s *sink) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	var rest uint64
	for _, n := range s.lost {
		rest += n
	}
	if s.err != nil {
		return s.err
	}
	return s.writer.WriteLost(s.gadget, rest)
}
