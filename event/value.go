// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/hex"
	"time"
)

// Value returns the record in raw as a tree for expressions: the one that
// AppendJSON prints, but with all integers as int64 or uint64. Structs are
// map[string]any, arrays []any, timestamps and addresses strings.
func (s *Schema) Value(raw []byte) map[string]any {
	if !s.Fits(raw) {
		return map[string]any{"raw": hex.EncodeToString(raw)}
	}
	if s.root.kind != structure {
		return map[string]any{"value": s.value(raw, s.root)}
	}
	v := s.fields(raw, s.root.fields)
	if rest := s.rest(raw); len(rest) > 0 {
		v[s.trailing.name] = hex.EncodeToString(rest)
	}
	return v
}

func (s *Schema) value(base []byte, n *node) any {
	switch n.kind {
	case Int, Uint, Duration:
		return integerValue(base, n)
	case Bool:
		return n.uint(base) != 0
	case Float:
		return n.float(base)
	case Enum:
		if name := n.names(n.int(base)); name != "" {
			return name
		}
		return integerValue(base, n)
	case Text:
		return string(untilNUL(n.bytes(base)))
	case Bytes, Addr, MAC, Pointer:
		return string(s.appendText(nil, base, n))
	case Timestamp:
		return s.timestamp(base, n)
	case Array:
		return s.elements(n.bytes(base), n)
	case structure:
		return s.fields(base[n.off:], n.fields)
	}
	return nil
}

func (s *Schema) fields(b []byte, fields []*node) map[string]any {
	m := make(map[string]any, len(fields))
	for _, f := range fields {
		m[f.name] = s.value(b, f)
	}
	return m
}

func (s *Schema) elements(b []byte, n *node) []any {
	list := make([]any, n.count)
	for i := range list {
		list[i] = s.value(b[i*n.elem.size:], n.elem)
	}
	return list
}

func integerValue(base []byte, n *node) any {
	if n.signed {
		return n.int(base)
	}
	return n.uint(base)
}

// timestamp is nil where the program left it 0.
func (s *Schema) timestamp(base []byte, n *node) any {
	ns := n.uint(base)
	if ns == 0 {
		return nil
	}
	return formatTime(s.clock.wall(n.source, ns))
}

func formatTime(t time.Time) string { return string(appendTime(nil, t)) }
