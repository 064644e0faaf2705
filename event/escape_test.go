// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

func TestEscapeTerminalLeavesNothingThatSteers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"plain", "web-0 é 日本 ✓", "web-0 é 日本 ✓"},
		{"escape sequence", "\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"lines", "a\nb\rc\td", `a\nb\rc\td`},
		{"nul and delete", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "\u009b31m", `\u009b31m`},
		{"bidi override", "a\u202eb\u2066", `a\u202eb\u2066`},
		{"invisible", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"above 16 bits", "\U000e0041", `\U000e0041`},
		{"not UTF-8", "\xff\xc3", `\xff\xc3`},
		{"replacement character", "\ufffd", "\ufffd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			qt.Assert(t, qt.Equals(string(event.EscapeTerminal(nil, c.in)), c.want))
		})
	}
}
