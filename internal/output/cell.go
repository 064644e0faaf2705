// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
)

// clockFormat is how the time of a record is shown in a column: short, since
// whoever needs the date has -o json.
const clockFormat = "15:04:05.000000"

// cell appends what one column shows of a record, safe for a terminal.
type cell func(dst []byte, r *event.Record) []byte

// newCell returns what fills the column of the field with that name for
// records of schema.
func newCell(name string, schema *event.Schema) cell {
	if field, ok := strings.CutPrefix(name, "event."); ok {
		return eventCell(field, schema)
	}
	if key, ok := strings.CutPrefix(name, labelPrefix); ok {
		return containerCell(func(c *container.Container) string { return c.Labels[key] })
	}
	switch name {
	case "time":
		return appendClock
	case "netns":
		return numberCell(func(r *event.Record) uint64 { return uint64(r.Netns) })
	case "lost":
		return numberCell(func(r *event.Record) uint64 { return r.Lost })
	case "gadget":
		return textCell(func(r *event.Record) string { return r.Gadget })
	case "direction":
		return textCell(func(r *event.Record) string { return r.Direction })
	}
	if cell := placeCell(name); cell != nil {
		return cell
	}
	return func(dst []byte, _ *event.Record) []byte { return dst }
}

// placeCell returns the cell of a field below container, pod or link, nil if
// there is none of that name.
func placeCell(name string) cell {
	switch name {
	case "container.runtime":
		return containerCell(func(c *container.Container) string { return c.Runtime })
	case "container.id":
		return containerCell(func(c *container.Container) string { return c.ID })
	case "container.name":
		return containerCell(displayName)
	case "container.image":
		return containerCell(func(c *container.Container) string { return c.Image })
	case "container.labels":
		return containerCell(joinLabels)
	case "pod.namespace":
		return podCell(func(p *container.Pod) string { return p.Namespace })
	case "pod.name":
		return podCell(func(p *container.Pod) string { return p.Name })
	case "pod.uid":
		return podCell(func(p *container.Pod) string { return p.UID })
	case "link.name":
		return linkTextCell(func(l *event.Link) string { return l.Name })
	case "link.host":
		return linkTextCell(func(l *event.Link) string { return l.Host })
	case "link.ifindex":
		return linkNumberCell(func(l *event.Link) int { return l.Ifindex })
	case "link.host_ifindex":
		return linkNumberCell(func(l *event.Link) int { return l.HostIfindex })
	}
	return nil
}

// eventCell shows the raw bytes for records that nobody can read.
func eventCell(field string, schema *event.Schema) cell {
	if schema == nil {
		if field != "raw" {
			return func(dst []byte, _ *event.Record) []byte { return dst }
		}
		return func(dst []byte, r *event.Record) []byte { return hex.AppendEncode(dst, r.Raw) }
	}
	for i, column := range schema.Columns() {
		if column.Name == field {
			return func(dst []byte, r *event.Record) []byte { return r.Schema.AppendText(dst, r.Raw, i) }
		}
	}
	return func(dst []byte, _ *event.Record) []byte { return dst }
}

func appendClock(dst []byte, r *event.Record) []byte {
	if r.Time.IsZero() {
		return dst
	}
	return r.Time.Local().AppendFormat(dst, clockFormat)
}

func textCell(text func(*event.Record) string) cell {
	return func(dst []byte, r *event.Record) []byte { return event.EscapeTerminal(dst, text(r)) }
}

// numberCell leaves out 0, which means unknown or none.
func numberCell(number func(*event.Record) uint64) cell {
	return func(dst []byte, r *event.Record) []byte {
		if n := number(r); n != 0 {
			return strconv.AppendUint(dst, n, 10)
		}
		return dst
	}
}

// containerCell joins what is known of all containers that share a netns.
func containerCell(text func(*container.Container) string) cell {
	return func(dst []byte, r *event.Record) []byte {
		for i, c := range r.Containers {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = event.EscapeTerminal(dst, text(c))
		}
		return dst
	}
}

func podCell(text func(*container.Pod) string) cell {
	return func(dst []byte, r *event.Record) []byte {
		for _, c := range r.Containers {
			if c.Pod != nil {
				return event.EscapeTerminal(dst, text(c.Pod))
			}
		}
		return dst
	}
}

func linkTextCell(text func(*event.Link) string) cell {
	return func(dst []byte, r *event.Record) []byte {
		if r.Link == nil {
			return dst
		}
		return event.EscapeTerminal(dst, text(r.Link))
	}
}

func linkNumberCell(number func(*event.Link) int) cell {
	return func(dst []byte, r *event.Record) []byte {
		if r.Link == nil || number(r.Link) == 0 {
			return dst
		}
		return strconv.AppendInt(dst, int64(number(r.Link)), 10)
	}
}
