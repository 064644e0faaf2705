// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/hex"
	"strconv"
	"time"
)

// AppendText appends what a person reads in one column of the record: text
// escaped for a terminal, a duration with its unit, an array as JSON. Of a
// record that is too short the first column shows the bytes, the others
// nothing. column is an index into Columns.
func (s *Schema) AppendText(dst, raw []byte, column int) []byte {
	if !s.Fits(raw) {
		if column == 0 {
			return hex.AppendEncode(dst, raw)
		}
		return dst
	}
	if column >= len(s.leaves) { // the flexible member
		return hex.AppendEncode(dst, s.rest(raw))
	}
	l := s.leaves[column]
	return s.appendText(dst, raw[l.base:], l.node)
}

func (s *Schema) appendText(dst, base []byte, n *node) []byte {
	switch n.kind {
	case Int, Uint:
		return appendInteger(dst, base, n)
	case Bool:
		return strconv.AppendBool(dst, n.uint(base) != 0)
	case Float:
		return strconv.AppendFloat(dst, n.float(base), 'g', -1, 64)
	case Enum:
		if name := n.names(n.int(base)); name != "" {
			return EscapeTerminal(dst, name)
		}
		return appendInteger(dst, base, n)
	case Text:
		return EscapeTerminal(dst, string(untilNUL(n.bytes(base))))
	case Bytes:
		return hex.AppendEncode(dst, n.bytes(base))
	case Addr:
		return appendAddr(dst, n.addr(base))
	case MAC:
		return appendMAC(dst, n.bytes(base))
	case Pointer:
		return appendPointer(dst, n.uint(base))
	case Timestamp:
		ns := n.uint(base)
		if ns == 0 {
			return dst
		}
		return s.clock.written.append(dst, s.clock.wall(n.source, ns))
	case Duration:
		return append(dst, time.Duration(n.uint(base)).String()...)
	case Array, structure:
		return s.appendNode(dst, base, n)
	}
	return dst
}

func appendInteger(dst, base []byte, n *node) []byte {
	if n.signed {
		return strconv.AppendInt(dst, n.int(base), 10)
	}
	return strconv.AppendUint(dst, n.uint(base), 10)
}

func appendPointer(dst []byte, v uint64) []byte {
	return strconv.AppendUint(append(dst, '0', 'x'), v, 16)
}

func appendMAC(dst, b []byte) []byte {
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// timeForm is how times look: all of the same length, so that they sort as text.
const timeForm = "0000-00-00T00:00:00.000000000Z"

// appendTime appends RFC 3339 in UTC with nine digits. time.Time.AppendFormat takes
// four times as long for it.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	hour, minute, second := t.Clock()
	var text [19]byte
	copy(text[:], timeForm)
	putTwo(text[0:], year/100)
	putTwo(text[2:], year%100)
	putTwo(text[5:], int(month))
	putTwo(text[8:], day)
	putTwo(text[11:], hour)
	putTwo(text[14:], minute)
	putTwo(text[17:], second)
	return appendNanos(append(dst, text[:]...), t.Nanosecond())
}

// appendNanos appends what follows the second.
func appendNanos(dst []byte, ns int) []byte {
	text := [...]byte{0: '.', 10: 'Z'}
	text[1] = byte('0' + ns/100_000_000)
	putTwo(text[2:], ns/1_000_000%100)
	putTwo(text[4:], ns/10_000%100)
	putTwo(text[6:], ns/100%100)
	putTwo(text[8:], ns%100)
	return append(dst, text[:]...)
}

// putTwo writes v, from 0 to 99, in two digits.
func putTwo(dst []byte, v int) {
	dst[0], dst[1] = byte('0'+v/10), byte('0'+v%10)
}
