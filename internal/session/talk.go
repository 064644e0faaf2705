// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/output"
)

// say writes talk: each line with the command's name, hints without.
func (r *run) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	head, rest, _ := strings.Cut(text, "\n")
	out := "boathook: " + head + "\n"
	if rest != "" {
		out += rest + "\n"
	}
	r.talk(out)
}

// talk writes to stderr. If that fails there is nobody to tell.
func (r *run) talk(text string) {
	_, _ = io.WriteString(r.cfg.Env.Stderr, text) //nolint:errcheck // see above
}

func (r *run) ready(attachments int) {
	r.say("ready: %d attachments, %d containers", attachments, r.crowd.now())
	if r.cfg.Ready != nil {
		r.cfg.Ready()
	}
}

// hintHostLink is for those who asked for a container that has the host's network.
const hintHostLink = "--interface LINK shows all traffic of a host link"

// notice tells the user what happened to a target.
func (r *run) notice(n boathook.Notice) {
	if n.Err == nil {
		return
	}
	name := r.crowd.title(n.Target)
	if isStuck(n.Err) {
		select {
		case r.stuck <- n: // it may be the reason to end
		default:
			r.say("%s: %s", name, firstLine(n.Err))
		}
		return
	}
	if errors.Is(n.Err, boathook.ErrHostNetwork) {
		r.crowd.share(n.Target)
		r.say("%s shares the host's network: its packets cannot be told from the host's\nhint: %s", name, hintHostLink)
		return
	}
	if errors.Is(n.Err, os.ErrNotExist) {
		r.say("%s ended before it could be attached", name)
		return
	}
	if name == "" {
		r.say("%s", oneLine(n.Err))
		return
	}
	r.say("%s: %s", name, oneLine(n.Err))
}

// ringFull tells at once that records are missing.
func (r *run) ringFull(eventMap string) {
	r.say("the ring buffer %s was full: events are probably missing, the program does not count them\nhint: a map %s_lost_samples of the program would", eventMap, eventMap)
}

func (r *run) summarize(totals boathook.Totals) {
	c, stats := totals.Counters, r.sink.stats
	sum := output.Summary{
		Attachments: totals.Attachments, Containers: r.crowd.ever(),
		Packets: c.Packets, Bytes: c.Bytes, Segments: c.Segments, Verdicts: upper(c.Verdicts),
		Events: stats.events, Lost: stats.lost, Malformed: stats.malformed, Duration: time.Since(r.started),
	}
	if r.cfg.Format == JSON {
		if line, err := sum.MarshalJSON(); err == nil {
			r.talk(string(line) + "\n")
		}
		return
	}
	for _, line := range sum.Lines() {
		r.say("%s", line)
	}
}

func upper(verdicts map[string]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for name, n := range verdicts {
		out[strings.ToUpper(name)] = n
	}
	return out
}
