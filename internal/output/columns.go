// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/boathook/boathook/event"
)

// Escape sequences, for terminals only.
const (
	bold   = "\x1b[1m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// Options say how columns look. The zero value is good for files and pipes.
type Options struct {
	// Terminal allows colour, and fits lines into Width. Without it nothing is
	// ever cut off.
	Terminal bool
	// Width is the number of characters in a line of the terminal; 0 means 80.
	Width int
	// Fields are what to show; nil means the usual ones and all of the event.
	Fields *Fields
	// Schemas are those of the events to come; none means raw hex.
	Schemas []*event.Schema
}

// LineWidth is Width, or 80 if that is not known.
func (o Options) LineWidth() int {
	const usual = 80
	if o.Width <= 0 {
		return usual
	}
	return o.Width
}

// Columns writes records as lines of columns under one header, which comes
// with the first record. Records with lost events before them follow a line
// that says how many.
type Columns struct {
	out     io.Writer
	opts    Options
	columns []column
	cells   map[*event.Schema][]cell // by schema: what fills columns[i]
	line    []byte
	value   []byte
	started bool
}

// NewColumns returns a writer of columns to out.
func NewColumns(out io.Writer, opts Options) *Columns {
	c := &Columns{out: out, opts: opts, cells: map[*event.Schema][]cell{}}
	c.columns = chooseColumns(opts)
	if opts.Terminal {
		c.columns = fit(c.columns, opts.LineWidth())
	}
	return c
}

// Write implements [Writer].
func (c *Columns) Write(r *event.Record) error {
	c.line = c.line[:0]
	if !c.started {
		c.started = true
		c.appendHeader()
	}
	if r.Lost > 0 {
		c.appendLost(r.Lost)
	}
	start := len(c.line)
	cells := c.cellsOf(r.Schema)
	for i := range c.columns {
		if c.isRawFrom(i, r) {
			c.appendRaw(i, r.Raw)
			break
		}
		c.value = cells[i](c.value[:0], r)
		c.appendCell(i, string(c.value))
	}
	c.line = append(trimRight(c.line, start), '\n')
	return write(c.out, c.line)
}

// WriteLost implements [Writer] with a line of its own.
func (c *Columns) WriteLost(_ string, n uint64) error {
	if n == 0 {
		return nil
	}
	c.line = c.line[:0]
	c.appendLost(n)
	return write(c.out, c.line)
}

func (c *Columns) appendHeader() {
	if c.opts.Terminal {
		c.line = append(c.line, bold...)
	}
	start := len(c.line)
	for i, column := range c.columns {
		c.appendCell(i, strings.ToUpper(column.title))
	}
	c.line = trimRight(c.line, start)
	if c.opts.Terminal {
		c.line = append(c.line, plain...)
	}
	c.line = append(c.line, '\n')
}

func (c *Columns) appendLost(n uint64) {
	if c.opts.Terminal {
		c.line = append(c.line, yellow...)
	}
	c.line = append(c.line, '(')
	c.line = strconv.AppendUint(c.line, n, 10)
	c.line = append(c.line, " events lost)"...)
	if c.opts.Terminal {
		c.line = append(c.line, plain...)
	}
	c.line = append(c.line, '\n')
}

// appendCell appends a value of column i. On a terminal it is cut to the
// column's width.
func (c *Columns) appendCell(i int, value string) {
	if i > 0 {
		c.line = append(c.line, gap...)
	}
	column := c.columns[i]
	if c.opts.Terminal {
		value = shorten(value, column.width)
	}
	c.line = column.pad(c.line, value)
}

// isRawFrom says that a record which no type fits has its bytes in place of the
// event's columns, which begin with column i. Who asked for fields gets these.
func (c *Columns) isRawFrom(i int, r *event.Record) bool {
	readable := r.Schema != nil && r.Schema.Fits(r.Raw)
	return !readable && c.opts.Fields == nil && strings.HasPrefix(c.columns[i].name, "event.")
}

// appendRaw appends bytes in the room of column i and all behind it.
func (c *Columns) appendRaw(i int, raw []byte) {
	if i > 0 {
		c.line = append(c.line, gap...)
	}
	value := hex.EncodeToString(raw)
	if c.opts.Terminal {
		value = shorten(value, total(c.columns[i:]))
	}
	c.line = append(c.line, value...)
}

// cellsOf returns what fills the columns for records of one schema. The
// columns of other schemas' fields stay empty.
func (c *Columns) cellsOf(schema *event.Schema) []cell {
	if cells, ok := c.cells[schema]; ok {
		return cells
	}
	cells := make([]cell, len(c.columns))
	for i, column := range c.columns {
		cells[i] = newCell(column.name, schema)
	}
	c.cells[schema] = cells
	return cells
}

// trimRight takes off the spaces at the end that fill up columns, back to
// start.
func trimRight(line []byte, start int) []byte {
	end := len(line)
	for end > start && line[end-1] == ' ' {
		end--
	}
	return line[:end]
}
