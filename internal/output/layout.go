// SPDX-License-Identifier: Apache-2.0

package output

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/boathook/boathook/event"
)

// gap stands between two columns.
const gap = "  "

// narrowest is what a column that may shrink keeps at least.
const narrowest = 8

// column is one column of records.
type column struct {
	name  string // the field's path
	title string // the header, in lower case
	index int    // in the rows of a table
	width int
	right bool
	// shrinks: values are still of use when their end is cut off.
	shrinks bool
	// order in which columns are hidden when there is too little room, the
	// highest first; 0 stays.
	spare int
}

// chooseColumns returns the columns that opts asks for, at the width that
// their values need.
func chooseColumns(opts Options) []column {
	kinds := map[string]event.Column{}
	for _, schema := range opts.Schemas {
		for _, c := range schema.Columns() {
			if _, ok := kinds["event."+c.Name]; !ok {
				kinds["event."+c.Name] = c
			}
		}
	}
	if opts.Fields == nil {
		return usualColumns(opts.Schemas, kinds)
	}
	columns := make([]column, len(opts.Fields.leaves))
	for i, name := range opts.Fields.leaves {
		columns[i] = newColumn(name, kinds)
	}
	return columns
}

// usualColumns are whose packet it was, then the event, whose last fields are
// the first to be hidden after the time and the link.
func usualColumns(schemas []*event.Schema, kinds map[string]event.Column) []column {
	time, link := newColumn("time", kinds), newColumn("link.name", kinds)
	time.spare, link.spare = 1<<20, 1<<19
	columns := []column{time, newColumn("container.name", kinds), link, newColumn("direction", kinds)}
	for i, field := range eventFields(schemas) {
		c := newColumn(field.Name, kinds)
		c.spare = i
		columns = append(columns, c)
	}
	return columns
}

func newColumn(name string, kinds map[string]event.Column) column {
	c := contextColumn(name)
	if field, ok := strings.CutPrefix(name, "event."); ok {
		c = column{name: name, title: field, width: 32, shrinks: true}
		if hint, known := kinds[name]; known {
			c.width, c.right = hint.Width, hint.Right
			c.shrinks = hint.Kind == event.Text || hint.Kind == event.Bytes || hint.Kind == event.Array
		}
	}
	c.width = max(c.width, utf8.RuneCountInString(c.title))
	return c
}

// contextColumn returns the column of a field that does not come from the
// event.
func contextColumn(name string) column {
	c := column{name: name, title: name, width: 20, shrinks: true}
	switch name {
	case "time":
		c.width, c.shrinks = len(clockFormat), false
	case "container.name":
		c.title = "container"
	case "link.name":
		c.title, c.width = "link", 6
	case "link.host":
		c.width = 15 // IFNAMSIZ less its zero
	case "direction":
		c.width, c.shrinks = len("ingress"), false
	case "container.id":
		c.width = 64
	case "netns", "lost", "link.ifindex", "link.host_ifindex":
		c.width, c.right, c.shrinks = 10, true, false
	}
	return c
}

// fit makes the columns as narrow as the terminal asks for: first those whose
// values may be cut are shrunk, the widest first, then columns are hidden, but
// none that the user asked for. What room is left goes to the last column that
// shrinks.
func fit(natural []column, width int) []column {
	natural = slices.Clone(natural)
	for {
		shown := slices.Clone(natural)
		shrink(shown, width)
		spare := sparest(shown)
		if total(shown) <= width || spare < 0 {
			widen(shown, width)
			return shown
		}
		natural = slices.Delete(natural, spare, spare+1)
	}
}

// widen gives the room that is left to the last column that has use for it.
func widen(columns []column, width int) {
	room := width - total(columns)
	for i := len(columns) - 1; i >= 0 && room > 0; i-- {
		if columns[i].shrinks && !columns[i].right {
			columns[i].width += room
			return
		}
	}
}

func shrink(columns []column, width int) {
	for excess := total(columns) - width; excess > 0; excess-- {
		widest := -1
		for i, c := range columns {
			least := max(narrowest, utf8.RuneCountInString(c.title))
			if c.shrinks && c.width > least && (widest < 0 || c.width > columns[widest].width) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		columns[widest].width--
	}
}

// sparest returns the index of the column to hide first, -1 if all must stay.
func sparest(columns []column) int {
	found, spare := -1, 0
	for i, c := range columns {
		if c.spare > spare {
			found, spare = i, c.spare
		}
	}
	return found
}

func total(columns []column) int {
	sum := max(0, len(columns)-1) * len(gap)
	for _, c := range columns {
		sum += c.width
	}
	return sum
}

// shorten cuts s to width characters, the last of which then is an ellipsis.
// Characters count as one place each, also those that some terminals show
// twice as wide.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	end := 0
	for range max(0, width-1) {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return s[:end] + "…"
}

// pad appends s filled up with spaces to the column's width.
func (c column) pad(dst []byte, s string) []byte {
	fill := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(s)))
	if c.right {
		return append(append(dst, fill...), s...)
	}
	return append(append(dst, s...), fill...)
}
