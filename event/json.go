// SPDX-License-Identifier: Apache-2.0

package event

import (
	"math"
	"strconv"
)

// AppendJSON appends the record in raw as JSON: an object for a struct, a bare
// value for a map's plain key or value. What follows the fixed part is hex,
// under the name of the flexible member or "data". A record that is too short
// becomes {"raw":"<hex>"}. It allocates nothing but what dst needs to grow.
func (s *Schema) AppendJSON(dst, raw []byte) []byte {
	if !s.Fits(raw) {
		return appendRaw(dst, raw)
	}
	dst = s.appendNode(dst, raw, s.root)
	rest := s.rest(raw)
	if len(rest) == 0 || s.root.kind != structure {
		return dst
	}
	dst = dst[:len(dst)-1]
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, s.trailing.key...)
	dst = appendHex(dst, rest)
	return append(dst, '}')
}

// rest is what follows the fixed part of raw.
func (s *Schema) rest(raw []byte) []byte {
	rest := raw[s.root.size:]
	if len(rest) <= s.trailing.ignored {
		return nil
	}
	return rest
}

func (s *Schema) appendNode(dst, base []byte, n *node) []byte {
	switch n.kind {
	case Int:
		return appendInt(dst, n.int(base))
	case Uint, Duration:
		return appendUint(dst, n.uint(base))
	case Bool:
		return strconv.AppendBool(dst, n.uint(base) != 0)
	case Float:
		return appendFloat(dst, n.float(base))
	case Enum:
		return appendNamed(dst, base, n)
	case Text:
		return appendString(dst, untilNUL(n.bytes(base)))
	case Bytes:
		return appendHex(dst, n.bytes(base))
	case Addr:
		return append(appendAddr(append(dst, '"'), n.addr(base)), '"')
	case MAC:
		return append(appendMAC(append(dst, '"'), n.bytes(base)), '"')
	case Pointer:
		return append(appendPointer(append(dst, '"'), n.uint(base)), '"')
	case Timestamp:
		return s.appendTimestamp(dst, base, n)
	case Array:
		return s.appendElements(dst, n.bytes(base), n)
	case structure:
		return s.appendFields(dst, base[n.off:], n.fields)
	}
	return dst
}

// appendFields appends a struct whose bytes begin with b.
func (s *Schema) appendFields(dst, b []byte, fields []*node) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.key...)
		dst = s.appendNode(dst, b, f)
	}
	return append(dst, '}')
}

func (s *Schema) appendElements(dst, b []byte, n *node) []byte {
	dst = append(dst, '[')
	for i := range n.count {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.appendNode(dst, b[i*n.elem.size:], n.elem)
	}
	return append(dst, ']')
}

// appendNamed appends the name of a value, or the value if it has none.
func appendNamed(dst, base []byte, n *node) []byte {
	v := n.int(base)
	if name := n.names(v); name != "" {
		return appendString(dst, name)
	}
	if n.signed {
		return appendInt(dst, v)
	}
	return appendUint(dst, n.uint(base))
}

func (s *Schema) appendTimestamp(dst, base []byte, n *node) []byte {
	ns := n.uint(base)
	if ns == 0 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = s.clock.written.append(dst, s.clock.wall(n.source, ns))
	return append(dst, '"')
}

// appendFloat appends null for what JSON has no number for.
func appendFloat(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
