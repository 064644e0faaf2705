// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strconv"
	"unicode/utf8"
)

// EscapeTerminal appends s so that a terminal shows it and does nothing else.
// Control characters, ESC among them, come out as \n, \t, \r or \xNN, as bytes
// that are not UTF-8 do; C1 controls, bidirectional overrides, invisible
// characters and spaces other than ' ' as \uNNNN or \UNNNNNNNN. Use it for
// whatever a packet, a container or an image may have chosen.
func EscapeTerminal(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < ' ', r == 0x7f:
			dst = appendControl(dst, s[i])
		case strconv.IsPrint(r):
			dst = append(dst, s[i:i+size]...)
		case r > 0xffff:
			dst = append(dst, `\U`...)
			dst = appendHexRune(dst, r, 28)
		default:
			dst = append(dst, `\u`...)
			dst = appendHexRune(dst, r, 12)
		}
		i += size
	}
	return dst
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(dst, `\n`...)
	case '\t':
		return append(dst, `\t`...)
	case '\r':
		return append(dst, `\r`...)
	}
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendHexRune appends the hex digits of r from the one at bit top downwards.
func appendHexRune(dst []byte, r rune, top int) []byte {
	for shift := top; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}
