// SPDX-License-Identifier: Apache-2.0

package output

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/boathook/boathook/event"
)

// Table collects rows of text and writes them in columns as wide as their
// widest value. It is for lists that end, such as that of ps.
type Table struct {
	titles []string
	spare  []string // see Spare
	rows   [][]string
	opts   Options
}

// NewTable returns a table with these headers, given in lower case. Of opts,
// Terminal and Width count.
func NewTable(opts Options, titles ...string) *Table {
	return &Table{titles: titles, opts: opts}
}

// Spare names the columns to hide on a terminal that is too narrow, the first one
// first, before values of the others are cut.
func (t *Table) Spare(titles ...string) { t.spare = titles }

// Add adds a row with one value for each header. Values may come from
// anywhere: they are escaped here.
func (t *Table) Add(values ...string) {
	row := make([]string, len(t.titles))
	for i := range row {
		if i < len(values) {
			row[i] = string(event.EscapeTerminal(nil, values[i]))
		}
	}
	t.rows = append(t.rows, row)
}

// Write writes the table. On a terminal columns without a value are left out, spare
// ones are hidden and the widest cut so that the lines fit; anywhere else all is written.
func (t *Table) Write(out io.Writer) error {
	columns := t.layout()
	lines := t.appendHeader(nil, columns)
	for _, row := range t.rows {
		lines = append(t.appendRow(lines, columns, row), '\n')
	}
	return write(out, lines)
}

// layout returns the columns to show, each with the index of its values.
func (t *Table) layout() []column {
	var columns []column
	for i, title := range t.titles {
		widest := 0
		for _, row := range t.rows {
			widest = max(widest, utf8.RuneCountInString(row[i]))
		}
		if widest > 0 || !t.opts.Terminal {
			width := max(widest, utf8.RuneCountInString(title))
			columns = append(columns, column{title: title, shrinks: true, width: width, index: i, spare: t.spareness(title)})
		}
	}
	if !t.opts.Terminal {
		return columns
	}
	for hidden := sparest(columns); hidden >= 0 && total(columns) > t.opts.LineWidth(); hidden = sparest(columns) {
		columns = slices.Delete(columns, hidden, hidden+1)
	}
	shrink(columns, t.opts.LineWidth())
	return columns
}

// spareness is higher for what is hidden sooner, 0 for what stays.
func (t *Table) spareness(title string) int {
	at := slices.Index(t.spare, title)
	if at < 0 {
		return 0
	}
	return len(t.spare) - at
}

func (t *Table) appendHeader(dst []byte, columns []column) []byte {
	header := make([]string, len(t.titles))
	for i, title := range t.titles {
		header[i] = strings.ToUpper(title)
	}
	if t.opts.Terminal {
		dst = append(dst, bold...)
	}
	dst = t.appendRow(dst, columns, header)
	if t.opts.Terminal {
		dst = append(dst, plain...)
	}
	return append(dst, '\n')
}

func (t *Table) appendRow(dst []byte, columns []column, row []string) []byte {
	start := len(dst)
	for i, column := range columns {
		if i > 0 {
			dst = append(dst, gap...)
		}
		value := row[column.index]
		if t.opts.Terminal {
			value = shorten(value, column.width)
		}
		dst = column.pad(dst, value)
	}
	return trimRight(dst, start)
}
