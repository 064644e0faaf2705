// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf/btf"
)

// ErrType is returned for types that no record can have.
var ErrType = errors.New("unusable type")

// Schema says how the bytes of one record are read. It never changes and is
// safe for concurrent use.
type Schema struct {
	root     *node
	columns  []Column
	leaves   []leaf // leaves[i] belongs to columns[i]
	netns    int    // index of the leaf with the netns, none if there is none
	time     int    // index of the leaf with the record's own time
	trailing trailing
	clock    *Clock
}

// none stands for the index of a leaf that does not exist.
const none = -1

// leaf is a node with the place of the struct that contains it.
type leaf struct {
	base int
	*node
}

// trailing is what may follow the fixed part of a record.
type trailing struct {
	key     []byte // JSON key
	name    string
	ignored int // this many bytes at most are padding, not data
}

// NewSchema compiles the layout of t: a struct as programs send it, or the
// type of a map's key or value. Timestamps are converted with the system's
// clocks; see [Schema.WithClock].
//
// Returns an error that wraps [ErrType] if t has no size, does not fit into
// itself, or is larger than any record can be.
func NewSchema(t btf.Type) (*Schema, error) {
	root, flexible, err := compile(t)
	if err != nil {
		return nil, fmt.Errorf("read layout of %s: %w", typeName(t), err)
	}
	s := &Schema{root: root, netns: none, time: none, clock: SystemClock()}
	s.trailing = newTrailing(root, flexible)
	s.addLeaves("", 0, root)
	if flexible != "" {
		s.columns = append(s.columns, Column{Name: s.trailing.name, Kind: Bytes, Width: 16})
	}
	s.netns = s.find(func(l leaf) bool { return l.netns })
	s.time = s.find(func(l leaf) bool { return l.kind == Timestamp && l.source == typedBoot })
	if s.time == none {
		s.time = s.find(func(l leaf) bool { return l.kind == Timestamp && namesRecordTime(l.name) })
	}
	return s, nil
}

// WithClock returns a copy of the schema that converts timestamps with c.
func (s *Schema) WithClock(c *Clock) *Schema {
	cpy := *s
	cpy.clock = c
	return &cpy
}

// Size is the length of a record in bytes, without what a flexible member at
// its end adds.
func (s *Schema) Size() int { return s.root.size }

// Fits reports whether raw is long enough to be a record of this schema. What
// does not fit is shown as hex and worth counting.
func (s *Schema) Fits(raw []byte) bool { return len(raw) >= s.root.size }

// Columns returns the leaves of the record in the order of the C type. The
// flexible member at the end of a struct is the last one.
func (s *Schema) Columns() []Column { return slices.Clone(s.columns) }

// HasNetns reports whether records name the network namespace they belong to.
func (s *Schema) HasNetns() bool { return s.netns != none }

// Netns returns the inode of the network namespace that the record names. It
// is false where the record has no such field, or the program left it 0.
func (s *Schema) Netns(raw []byte) (uint32, bool) {
	if s.netns == none || !s.Fits(raw) {
		return 0, false
	}
	l := s.leaves[s.netns]
	inode := uint32(l.uint(raw[l.base:]))
	return inode, inode != 0
}

// Time returns the moment that the record itself carries, from a field of the
// type gadget_timestamp or one named timestamp, ts, ktime or time_ns. It is
// false where there is none, or the program left it 0.
func (s *Schema) Time(raw []byte) (time.Time, bool) {
	if s.time == none || !s.Fits(raw) {
		return time.Time{}, false
	}
	l := s.leaves[s.time]
	ns := l.uint(raw[l.base:])
	if ns == 0 {
		return time.Time{}, false
	}
	return s.clock.wall(l.source, ns), true
}

// flexible reports whether a flexible member, which is no leaf, has a column.
func (s *Schema) flexible() bool { return len(s.columns) > len(s.leaves) }

func (s *Schema) find(match func(leaf) bool) int {
	return slices.IndexFunc(s.leaves, match)
}

// addLeaves lists what n consists of. Arrays are one leaf, whatever is in them.
func (s *Schema) addLeaves(prefix string, base int, n *node) {
	if n.kind != structure {
		name := prefix + n.name
		if name == "" {
			name = "value"
		}
		s.columns = append(s.columns, Column{Name: name, Kind: n.kind, Width: n.textWidth(), Right: n.alignsRight()})
		s.leaves = append(s.leaves, leaf{base: base, node: n})
		return
	}
	if n.name != "" {
		prefix += n.name + "."
	}
	for _, f := range n.fields {
		s.addLeaves(prefix, base+n.off, f)
	}
}

// newTrailing names what follows the fixed part: the flexible member if the
// type has one, else "data", or the next free name if a field has that.
func newTrailing(root *node, flexible string) trailing {
	name := flexible
	if name == "" {
		name = "data"
		for slices.ContainsFunc(root.fields, func(f *node) bool { return f.name == name }) {
			name = "more_" + name
		}
	}
	return trailing{name: name, key: jsonKey(name)}
}
