// SPDX-License-Identifier: Apache-2.0

package output

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/boathook/boathook/event"
)

// Table collects rows of text and writes them in columns as wide as their
// widest value. It is for lists that end, such as that of ps.
type Table struct {
	titles []string
	rows   [][]string
	opts   Options
}

// NewTable returns a table with these headers, given in lower case. Of opts,
// Terminal and Width count.
func NewTable(opts Options, titles ...string) *Table {
	return &Table{titles: titles, opts: opts}
}

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

// Write writes the table. On a terminal the widest columns are cut so that the
// lines fit, anywhere else nothing is.
func (t *Table) Write(out io.Writer) error {
	columns := t.layout()
	lines := make([]byte, 0, 128*(len(t.rows)+1))
	for i, row := range append([][]string{t.header()}, t.rows...) {
		if i == 0 && t.opts.Terminal {
			lines = append(lines, bold...)
		}
		lines = t.appendRow(lines, columns, row)
		if i == 0 && t.opts.Terminal {
			lines = append(lines, plain...)
		}
		lines = append(lines, '\n')
	}
	return write(out, lines)
}

func (t *Table) header() []string {
	header := make([]string, len(t.titles))
	for i, title := range t.titles {
		header[i] = strings.ToUpper(title)
	}
	return header
}

func (t *Table) layout() []column {
	columns := make([]column, len(t.titles))
	for i, title := range t.titles {
		columns[i] = column{title: title, width: utf8.RuneCountInString(title), shrinks: true}
		for _, row := range t.rows {
			columns[i].width = max(columns[i].width, utf8.RuneCountInString(row[i]))
		}
	}
	if t.opts.Terminal {
		shrink(columns, t.opts.width())
	}
	return columns
}

func (t *Table) appendRow(dst []byte, columns []column, row []string) []byte {
	start := len(dst)
	for i, value := range row {
		if i > 0 {
			dst = append(dst, gap...)
		}
		if t.opts.Terminal {
			value = shorten(value, columns[i].width)
		}
		dst = columns[i].pad(dst, value)
	}
	return trimRight(dst, start)
}
