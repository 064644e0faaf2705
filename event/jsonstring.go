// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// maxExact is the largest integer that readers which keep numbers as floating
// point (JavaScript, jq) do not round: 2^53.
const maxExact = 1 << 53

// text is what strings come as, so that bytes of a record need no copy.
type text interface{ ~string | ~[]byte }

// appendString appends s as a JSON string. What could steer a terminal is
// escaped although JSON would allow it; bytes that are not UTF-8 become U+FFFD.
func appendString[T text](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		if n := plainLength(s[i:]); n > 0 {
			dst = append(dst, s[i:i+n]...)
			i += n
			continue
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		r, size := decodeRune(s, i)
		if strconv.IsPrint(r) {
			dst = utf8.AppendRune(dst, r)
		} else {
			dst = appendEscapedRune(dst, r)
		}
		i += size
	}
	return append(dst, '"')
}

// plainLength is how much of s, from its start, is as it is: nearly all of most texts.
func plainLength[T text](s T) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}

// appendASCII appends a character that is no plain one.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendEscapedRune appends \u and four hex digits, a surrogate pair of them above U+FFFF.
func appendEscapedRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendEscapedRune(dst, 0xd800+r>>10)
		return appendEscapedRune(dst, 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// decodeRune decodes the rune at i without making a string of a byte slice.
func decodeRune[T text](s T, i int) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s[i:min(i+utf8.UTFMax, len(s))])
	return utf8.DecodeRune(b[:n])
}

// appendUint appends v, as a string if readers could round it.
func appendUint(dst []byte, v uint64) []byte {
	if v <= maxExact {
		return strconv.AppendUint(dst, v, 10)
	}
	dst = append(dst, '"')
	dst = strconv.AppendUint(dst, v, 10)
	return append(dst, '"')
}

// appendInt appends v, as a string if readers could round it.
func appendInt(dst []byte, v int64) []byte {
	if -maxExact <= v && v <= maxExact {
		return strconv.AppendInt(dst, v, 10)
	}
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, v, 10)
	return append(dst, '"')
}

func appendHex(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = hex.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendRaw is how bytes look that no type fits.
func appendRaw(dst, raw []byte) []byte {
	dst = append(dst, `{"raw":`...)
	dst = appendHex(dst, raw)
	return append(dst, '}')
}

func jsonKey(name string) []byte {
	return append(appendString(nil, name), ':')
}

// untilNUL cuts text at its end as C sees it.
func untilNUL(b []byte) []byte {
	b, _, _ = bytes.Cut(b, []byte{0})
	return b
}
