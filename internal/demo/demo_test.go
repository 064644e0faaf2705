// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/demo"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

// short is enough for conversations over both protocols.
const short = 700 * time.Millisecond

func config(format session.Format, stdout, stderr *bytes.Buffer) demo.Config {
	return demo.Config{For: short, Format: format, Env: session.Env{
		Stdout: stdout, Stderr: stderr, Log: slog.New(slog.DiscardHandler),
	}}
}

func TestEveryConversationShowsOnBothEnds(t *testing.T) {
	t.Parallel()

	var stdout, stderr bytes.Buffer
	qt.Assert(t, qt.IsNil(demo.Run(t.Context(), config(session.JSON, &stdout, &stderr))))

	schematest.Check(t, "record", stdout.Bytes())
	counts := map[string]int{}
	for line := range bytes.Lines(stdout.Bytes()) {
		var record struct {
			Container struct{ Name string }
			Direction string
			Event     struct{ Proto string }
		}
		qt.Assert(t, qt.IsNil(json.Unmarshal(line, &record)))
		counts[record.Container.Name+" "+record.Direction+" "+record.Event.Proto]++
	}
	qt.Assert(t, qt.HasLen(counts, 4), qt.Commentf("%v", counts))
	qt.Assert(t, qt.Equals(counts["client egress TCP"], counts["server ingress TCP"]))
	qt.Assert(t, qt.Equals(counts["client egress UDP"], counts["server ingress UDP"]))
	qt.Assert(t, qt.Not(qt.Equals(counts["client egress UDP"], 0)))

	ready, summary, found := strings.Cut(stderr.String(), "\n")
	qt.Assert(t, qt.IsTrue(found))
	qt.Assert(t, qt.Equals(ready, "boathook: ready: 4 attachments, 2 containers"))
	schematest.Check(t, "summary", []byte(summary))
}

func TestStoryIsToldToPeople(t *testing.T) {
	t.Parallel()

	var stdout, stderr bytes.Buffer
	qt.Assert(t, qt.IsNil(demo.Run(t.Context(), config(session.Columns, &stdout, &stderr))))

	qt.Assert(t, qt.StringContains(stdout.String(), "192.0.2.1"))
	for _, words := range []string{"1 over TCP and 1 over UDP", "egress, 2 seen", "ingress, 2 seen", "SHOT", "every answer came back whole"} {
		qt.Check(t, qt.StringContains(stderr.String(), words))
	}
}

func TestInterruptedBeforeAnyTrafficIsNoFailure(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	qt.Assert(t, qt.IsNil(demo.Run(ctx, config(session.JSON, &stdout, &stderr))))
}

func TestClosedOutputEndsQuietly(t *testing.T) {
	t.Parallel()

	var stderr bytes.Buffer
	cfg := config(session.JSON, nil, &stderr)
	cfg.For = time.Minute // ended by the first record, not by this
	cfg.Env.Stdout = closedPipe{}
	qt.Assert(t, qt.IsNil(demo.Run(t.Context(), cfg)))
}

// closedPipe is what a pipe becomes when its reader has gone.
type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }
