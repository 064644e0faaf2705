// SPDX-License-Identifier: Apache-2.0

package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Summary is what a run says of itself when it ends.
type Summary struct {
	// Attachments and Containers count those that the run has ever had.
	Attachments, Containers int
	// Packets are socket buffers, Segments those on the wire (GSO), Bytes are
	// the packets' with their link-layer header.
	Packets, Bytes, Segments uint64
	// Verdicts counts what the program returned, by the names of TC_ACT_*
	// without the prefix: "OK", "SHOT".
	Verdicts map[string]uint64
	// Events counts those that were decoded, Lost those that never arrived.
	Events, Lost uint64
	// Malformed counts the events that were too short for their type and were
	// shown as hex.
	Malformed uint64
	// Duration is the time from the ready line to the end.
	Duration time.Duration
}

// summaryJSON is described in docs/schema/summary.json.
type summaryJSON struct {
	Attachments int               `json:"attachments"`
	Containers  int               `json:"containers"`
	Packets     Number            `json:"packets"`
	Bytes       Number            `json:"bytes"`
	Segments    Number            `json:"segments"`
	Verdicts    map[string]Number `json:"verdicts"`
	Events      Number            `json:"events"`
	Lost        Number            `json:"lost"`
	Malformed   Number            `json:"malformed,omitempty"`
	Seconds     float64           `json:"seconds"`
}

// MarshalJSON returns {"summary":{...}}, which no record looks like.
func (s Summary) MarshalJSON() ([]byte, error) {
	verdicts := make(map[string]Number, len(s.Verdicts))
	for name, count := range s.Verdicts {
		verdicts[name] = Number(count)
	}
	return json.Marshal(map[string]summaryJSON{"summary": {
		Attachments: s.Attachments,
		Containers:  s.Containers,
		Packets:     Number(s.Packets),
		Bytes:       Number(s.Bytes),
		Segments:    Number(s.Segments),
		Verdicts:    verdicts,
		Events:      Number(s.Events),
		Lost:        Number(s.Lost),
		Malformed:   Number(s.Malformed),
		Seconds:     float64(s.Duration.Round(time.Millisecond).Milliseconds()) / 1000,
	}})
}

// Lines returns the summary for people, without a prefix or newlines.
func (s Summary) Lines() []string {
	lines := []string{
		fmt.Sprintf("%s, %s, %s", plural(uint64(s.Attachments), "attachment"),
			plural(uint64(s.Containers), "container"), shortDuration(s.Duration)),
		fmt.Sprintf("%s, %s, %s%s", plural(s.Packets, "packet"), plural(s.Segments, "segment"),
			size(s.Bytes), s.verdictText()),
	}
	events := plural(s.Events, "event") + ", " + strconv.FormatUint(s.Lost, 10) + " lost"
	if s.Malformed > 0 {
		events += ", " + strconv.FormatUint(s.Malformed, 10) + " too short for their type"
	}
	return append(lines, events)
}

// verdictText lists the verdicts, the most frequent first.
func (s Summary) verdictText() string {
	names := slices.SortedFunc(maps.Keys(s.Verdicts), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Verdicts[b], s.Verdicts[a]), cmp.Compare(a, b))
	})
	var text strings.Builder
	for _, name := range names {
		if count := s.Verdicts[name]; count > 0 {
			separator := ", "
			if text.Len() == 0 {
				separator = "; verdicts: "
			}
			fmt.Fprintf(&text, "%s%d %s", separator, count, name)
		}
	}
	return text.String()
}

func plural(n uint64, noun string) string {
	text := strconv.FormatUint(n, 10) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}

// size prints bytes in decimal units.
func size(bytes uint64) string {
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	if bytes < 1000 {
		return plural(bytes, "byte")
	}
	value, unit := float64(bytes)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[unit]
}

func shortDuration(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}
