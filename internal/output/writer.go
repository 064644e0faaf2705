// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/boathook/boathook/event"
)

// Writer writes records, each with one call of Write below. No implementation is
// safe for concurrent use. A closed pipe is an error that wraps syscall.EPIPE.
//
//nolint:iface // a session holds one of the three implementations that are here
type Writer interface {
	// Write writes one record and keeps nothing of it.
	Write(r *event.Record) error
	// WriteLost reports n events of a gadget that were lost after the last
	// record. It writes nothing for 0.
	WriteLost(gadget string, n uint64) error
}

// JSON writes each record as one JSON object on a line of its own, with one
// call of Write.
type JSON struct {
	out    io.Writer
	fields *Fields // nil: all
	line   []byte
}

// NewJSON returns a writer of those parts of records that fields names, of whole
// records if it is nil. What a record has nothing for is left out.
func NewJSON(out io.Writer, fields *Fields) *JSON { return &JSON{out: out, fields: fields} }

// Write implements [Writer].
func (j *JSON) Write(r *event.Record) error {
	j.line = r.AppendJSON(j.line[:0])
	if j.fields != nil {
		picked, err := j.fields.pick(j.line)
		if err != nil {
			return fmt.Errorf("pick fields of record: %w", err)
		}
		j.line = append(j.line[:0], picked...)
	}
	j.line = append(j.line, '\n')
	return write(j.out, j.line)
}

// WriteLost implements [Writer] with a record of nothing but the loss.
func (j *JSON) WriteLost(gadget string, n uint64) error {
	if n == 0 {
		return nil
	}
	line, err := json.Marshal(struct {
		Lost   Number `json:"lost"`
		Gadget string `json:"gadget,omitempty"`
	}{Number(n), gadget})
	if err != nil {
		return fmt.Errorf("encode lost events: %w", err)
	}
	return write(j.out, append(line, '\n'))
}

// None writes nothing.
type None struct{}

// Write implements [Writer].
func (None) Write(*event.Record) error { return nil }

// WriteLost implements [Writer].
func (None) WriteLost(string, uint64) error { return nil }

func write(out io.Writer, line []byte) error {
	if _, err := out.Write(line); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}
