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
	v, ok := s.value(raw, s.root).(map[string]any)
	if !ok {
		return map[string]any{"value": s.value(raw, s.root)}
	}
	if rest := s.rest(raw); len(rest) > 0 {
		v[s.trailing.name] = hex.EncodeToString(rest)
	}
	return v
}

func (s *Schema) value(base []byte, n *node) any {
	switch n.kind {
	case structure:
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			m[f.name] = s.value(base[n.off:], f)
		}
		return m
	case Array:
		list := make([]any, n.count)
		for i := range list {
			list[i] = s.value(n.bytes(base)[i*n.elem.size:], n.elem)
		}
		return list
	case Timestamp:
		return s.timestamp(base, n)
	case Enum:
		if name := n.names(n.int(base)); name != "" {
			return name
		}
	case Bool:
		return n.uint(base) != 0
	case Float:
		return n.float(base)
	case Text:
		return string(untilNUL(n.bytes(base)))
	case Addr, MAC, Pointer, Bytes:
		return string(appendPlain(nil, base, n))
	}
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
