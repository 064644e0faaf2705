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
	base := raw[l.base:]
	switch l.kind {
	case Text:
		return EscapeTerminal(dst, string(untilNUL(l.bytes(base))))
	case Timestamp:
		ns := l.uint(base)
		if ns == 0 {
			return dst
		}
		return appendTime(dst, s.clock.wall(l.source, ns))
	case Enum:
		if name := l.names(l.int(base)); name != "" {
			return EscapeTerminal(dst, name)
		}
	case Array:
		return s.appendNode(dst, base, l.node)
	}
	return appendPlain(dst, base, l.node)
}

// appendPlain appends a value without the quotes of JSON.
func appendPlain(dst, base []byte, n *node) []byte {
	switch n.kind {
	case Addr:
		return n.addr(base).AppendTo(dst)
	case MAC:
		return appendMAC(dst, n.bytes(base))
	case Pointer:
		return strconv.AppendUint(append(dst, '0', 'x'), n.uint(base), 16)
	case Bytes:
		return hex.AppendEncode(dst, n.bytes(base))
	case Bool:
		return strconv.AppendBool(dst, n.uint(base) != 0)
	case Float:
		return strconv.AppendFloat(dst, n.float(base), 'g', -1, 64)
	case Duration:
		return append(dst, time.Duration(n.uint(base)).String()...)
	}
	if n.signed {
		return strconv.AppendInt(dst, n.int(base), 10)
	}
	return strconv.AppendUint(dst, n.uint(base), 10)
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

// appendTime appends RFC 3339 in UTC with nine digits, so that times of equal
// length sort as text. time.Time.AppendFormat takes four times as long for it.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	hour, minute, second := t.Clock()
	dst = append(appendPadded(dst, year, 4), '-')
	dst = append(appendPadded(dst, int(month), 2), '-')
	dst = append(appendPadded(dst, day, 2), 'T')
	dst = append(appendPadded(dst, hour, 2), ':')
	dst = append(appendPadded(dst, minute, 2), ':')
	dst = append(appendPadded(dst, second, 2), '.')
	return append(appendPadded(dst, t.Nanosecond(), 9), 'Z')
}

// appendPadded appends v >= 0 with leading zeros.
func appendPadded(dst []byte, v, digits int) []byte {
	var b [9]byte
	for i := digits - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, b[:digits]...)
}

// textWidth is how many characters most values of n need.
func (n *node) textWidth() int {
	switch n.kind {
	case Timestamp:
		return len("2006-01-02T15:04:05.000000000Z")
	case MAC:
		return len("00:00:5e:00:53:00")
	case Addr:
		if n.size == 16 && n.family == nil {
			return len("2001:db8:1234:5678::1234")
		}
		return len("192.168.100.100")
	case Text:
		return min(n.size, 32)
	case Bytes:
		return min(2*n.size, 32)
	case Bool:
		return len("false")
	case Pointer:
		return len("0xffff888012345678")
	case Duration, Float, Enum:
		return 10
	case Array:
		return 24
	}
	return min(n.width()*3/10+1, 12)
}

func (n *node) alignsRight() bool {
	return n.kind == Int || n.kind == Uint || n.kind == Float || n.kind == Duration
}
