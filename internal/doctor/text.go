// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/output"
)

// indent is where what belongs to a check goes on, below its name.
const indent = "        "

// WriteText writes the report for people: one line per check, with what it
// means, and how to mend it below. On a terminal lines that are too long are
// broken between words. Of opts, Terminal and Width count.
func (r *Report) WriteText(out io.Writer, opts output.Options) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "Linux %s %s: %s\n", r.Kernel, r.Machine, r.conclusion())
	var w widths
	var group Group
	for _, check := range r.Checks {
		if check.Group != group {
			group = check.Group
			w = r.widths(group)
			fmt.Fprintf(&text, "\n%s\n", group)
		}
		text.WriteString("  " + status(check.Status, opts))
		writeMeaning(&text, w.head(check), check.Meaning, opts)
		if check.Status == OK {
			continue
		}
		if check.Error != "" {
			writeBelow(&text, "error: "+check.Error, opts)
		}
		if check.Fix != "" {
			writeBelow(&text, "fix: "+check.Fix, opts)
		}
	}
	if _, err := out.Write(text.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Report) conclusion() string {
	var counts [Bad + 1]int
	for _, check := range r.Checks {
		counts[check.Status]++
	}
	numbers := fmt.Sprintf("%d bad, %d warn, %d ok", counts[Bad], counts[Warn], counts[OK])
	switch r.Status {
	case OK:
		return "all is well, " + numbers
	case Warn:
		return "the essential works, " + numbers
	case Bad:
		return "something essential does not work, " + numbers
	}
	return numbers
}

// widths are those of the columns of one group of checks, in characters.
type widths struct{ name, value, since int }

func (r *Report) widths(group Group) widths {
	var w widths
	for _, check := range r.Checks {
		if check.Group == group {
			w.name = max(w.name, utf8.RuneCountInString(check.Name))
			w.value = max(w.value, utf8.RuneCountInString(escape(check.Value)))
			w.since = max(w.since, len(since(check.Since)))
		}
	}
	return w
}

// head is what stands before a check's meaning.
func (w widths) head(check Check) string {
	head := fmt.Sprintf("%-*s  %-*s  ", w.name, check.Name, w.value, escape(check.Value))
	if w.since > 0 {
		head += fmt.Sprintf("%-*s  ", w.since, since(check.Since))
	}
	return head
}

// status is filled up to 6 characters, so that a name begins at indent.
func status(s Status, opts output.Options) string {
	text := fmt.Sprintf("%-6s", s)
	if !opts.Terminal {
		return text
	}
	colours := [...]string{OK: "\x1b[32m", Warn: "\x1b[33m", Bad: "\x1b[31m"}
	return colours[s] + text + "\x1b[0m"
}

func since(version string) string {
	if version == "" {
		return ""
	}
	return "since " + version
}

func escape(s string) string { return string(event.EscapeTerminal(nil, s)) }

// writeMeaning puts the meaning behind the head, or below it on a terminal
// where it does not fit.
func writeMeaning(text *bytes.Buffer, head, meaning string, opts output.Options) {
	length := len(indent) + utf8.RuneCountInString(head) + utf8.RuneCountInString(meaning)
	if opts.Terminal && length > opts.LineWidth() {
		text.WriteString(strings.TrimRight(head, " ") + "\n")
		writeBelow(text, meaning, opts)
		return
	}
	text.WriteString(head + meaning + "\n")
}

// writeBelow writes a line that belongs to the check above.
func writeBelow(text *bytes.Buffer, line string, opts output.Options) {
	line = escape(line)
	if !opts.Terminal {
		text.WriteString(indent + line + "\n")
		return
	}
	used := 0
	for word := range strings.FieldsSeq(line) {
		length := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			text.WriteString(indent)
			used = len(indent)
		case used+1+length > opts.LineWidth():
			text.WriteString("\n" + indent)
			used = len(indent)
		default:
			text.WriteString(" ")
			used++
		}
		text.WriteString(word)
		used += length
	}
	text.WriteString("\n")
}
