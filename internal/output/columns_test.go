// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/output"
)

func TestColumnsOfAFile(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	got := columns(t, output.Options{Schemas: []*event.Schema{schema}},
		web(schema, flow("curl", 53, 60)), shared(schema, flow("nginx", 8080, 1500)))
	qt.Check(t, qt.Equals(got, strings.Join([]string{
		"TIME             CONTAINER             LINK    DIRECTION  COMM                  NUMBER      LENGTH",
		"03:04:05.000006  web                   eth0    egress     curl                      53          60",
		"03:04:05.000006  web,sidecar           eth0    egress     nginx                   8080        1500",
		"",
	}, "\n")))
}

func TestNothingIsCutOffInAFile(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	r := web(schema, flow("curl", 53, 60))
	r.Containers[0].Name = strings.Repeat("long", 40)
	got := columns(t, output.Options{Width: 40, Schemas: []*event.Schema{schema}}, r)
	qt.Check(t, qt.IsTrue(strings.Contains(got, r.Containers[0].Name+"  eth0")))
	qt.Check(t, qt.IsFalse(strings.Contains(got, "\x1b")))
}

func TestLinesFitIntoTheTerminal(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	r := web(schema, flow("sixteen-letters!", 1<<31, 1<<31))
	r.Containers[0].Name = strings.Repeat("long", 40)
	for _, width := range []int{60, 80, 100, 132, 250} {
		opts := output.Options{Terminal: true, Width: width, Schemas: []*event.Schema{schema}}
		for line := range strings.Lines(plainText(columns(t, opts, r))) {
			got := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
			qt.Check(t, qt.IsTrue(got <= width), qt.Commentf("%d characters in %d: %s", got, width, line))
		}
	}
}

func TestNarrowTerminalHidesWhatMattersLeast(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	for width, shown := range map[int]string{
		100: "TIME CONTAINER LINK DIRECTION COMM NUMBER LENGTH",
		65:  "CONTAINER LINK DIRECTION COMM NUMBER LENGTH",
		56:  "CONTAINER DIRECTION COMM NUMBER LENGTH",
		45:  "CONTAINER DIRECTION COMM NUMBER",
	} {
		opts := output.Options{Terminal: true, Width: width, Schemas: []*event.Schema{schema}}
		header, _, _ := strings.Cut(plainText(columns(t, opts, web(schema, flow("curl", 53, 60)))), "\n")
		qt.Check(t, qt.Equals(strings.Join(strings.Fields(header), " "), shown), qt.Commentf("width %d", width))
	}
}

func TestFieldsAskedForAreNeverHidden(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	fields, err := output.ParseFields("time,container.name,event,netns", schema)
	qt.Assert(t, qt.IsNil(err))
	var out bytes.Buffer
	w := output.NewColumns(&out, output.Options{
		Terminal: true, Width: 20, Fields: fields, Schemas: []*event.Schema{schema},
	})
	qt.Assert(t, qt.IsNil(w.Write(web(schema, flow("curl", 53, 60)))))
	qt.Check(t, qt.IsTrue(strings.Contains(plainText(out.String()),
		"TIME             CONTAINER  COMM          NUMBER      LENGTH       NETNS\n")), qt.Commentf("%s", out.String()))
}

func TestWideTerminalLeavesRoomForTheLastText(t *testing.T) {
	t.Parallel()
	got := columns(t, output.Options{Terminal: true, Width: 200}, &event.Record{Raw: bytes.Repeat([]byte{0xab}, 60)})
	qt.Check(t, qt.IsTrue(strings.Contains(got, strings.Repeat("ab", 60)+"\n")), qt.Commentf("%s", got))
}

func TestShortenedValuesShowIt(t *testing.T) {
	t.Parallel()
	r := &event.Record{Raw: bytes.Repeat([]byte{0xab}, 60)}
	got := columns(t, output.Options{Terminal: true, Width: 80}, r)
	qt.Check(t, qt.IsTrue(strings.HasSuffix(got, "ab…\n") || strings.HasSuffix(got, "aba…\n")), qt.Commentf("%s", got))
}

func TestEveryFieldHasAColumn(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	r := shared(schema, flow("curl", 53, 60))
	r.Lost = 4
	want := map[string]string{
		"time": "03:04:05.000006", "gadget": "flow", "container.runtime": "docker,docker",
		"container.id": r.Containers[0].ID + ",", "container.name": "web,sidecar", "container.image": "nginx:1,",
		"container.labels":                        "app.kubernetes.io/name=shop tier=front,",
		"container.labels.app.kubernetes.io/name": "shop,", "pod.namespace": "default", "pod.name": "web-0",
		"pod.uid": "u-1", "netns": "4026532281", "link.name": "eth0", "link.ifindex": "2", "link.host": "veth98",
		"link.host_ifindex": "12", "direction": "egress", "lost": "4",
		"event.comm": "curl", "event.number": "53", "event.length": "60",
	}
	for _, field := range output.KnownFields(schema) {
		_, ok := want[field.Name]
		qt.Check(t, qt.IsTrue(ok), qt.Commentf("no value for %s", field.Name))
	}
	for name, value := range want {
		fields, err := output.ParseFields(name, schema)
		qt.Assert(t, qt.IsNil(err))
		lines := strings.Split(columns(t, output.Options{Fields: fields, Schemas: []*event.Schema{schema}}, r), "\n")
		qt.Check(t, qt.Equals(strings.TrimSpace(lines[2]), value), qt.Commentf("%s", name))
	}
}

func TestWhatIsNotKnownIsEmpty(t *testing.T) {
	t.Parallel()
	for _, field := range output.KnownFields() {
		fields, err := output.ParseFields(field.Name)
		qt.Assert(t, qt.IsNil(err))
		lines := strings.Split(columns(t, output.Options{Fields: fields}, &event.Record{}), "\n")
		qt.Check(t, qt.Equals(lines[1], ""), qt.Commentf("%s", field.Name))
	}
}

func TestRecordsOfSeveralTypesShareTheColumns(t *testing.T) {
	t.Parallel()
	flows, counts := flowSchema(t), countSchema(t)
	fields, err := output.ParseFields("event.number,event.total,direction", flows, counts)
	qt.Assert(t, qt.IsNil(err))
	got := columns(t, output.Options{Fields: fields, Schemas: []*event.Schema{flows, counts}},
		web(flows, flow("curl", 53, 60)), web(counts, []byte{7, 0, 0, 0, 0, 0, 0, 0}), web(nil, []byte{1}))
	qt.Check(t, qt.DeepEquals(strings.Fields(got), []string{
		"NUMBER", "TOTAL", "DIRECTION", "53", "egress", "7", "egress", "egress",
	}))
}

func TestRecordsThatNobodyCanReadShowTheirBytes(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	unknown, short := web(nil, []byte("\x01\x02")), web(schema, []byte(strings.Repeat("\xab", 9)))
	opts := output.Options{Schemas: []*event.Schema{schema}}
	got := columns(t, opts, unknown, short)
	qt.Check(t, qt.StringContains(got, "egress     0102\n"))
	qt.Check(t, qt.StringContains(got, "egress     "+strings.Repeat("ab", 9)+"\n"))

	opts.Terminal, opts.Width = true, 60
	for line := range strings.Lines(plainText(columns(t, opts, web(nil, make([]byte, 100))))) {
		qt.Check(t, qt.IsTrue(utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) <= 60), qt.Commentf("%s", line))
	}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	r := web(schema, flow("\x1b[2J\nx", 53, 60))
	r.Containers = []*container.Container{{Name: "a\x1b]0;t\a", Labels: map[string]string{"k": "\u202e"}}}
	r.Link.Name, r.Direction, r.Gadget = "e\r0", "\u009b1m\x9b", "\n"
	for _, terminal := range []bool{true, false} {
		fields, err := output.ParseFields("event,container,link,direction,gadget", schema)
		qt.Assert(t, qt.IsNil(err))
		got := plainText(columns(t, output.Options{
			Terminal: terminal, Width: 300, Fields: fields, Schemas: []*event.Schema{schema},
		}, r))
		qt.Check(t, qt.IsFalse(strings.ContainsAny(got, "\x1b\a\r\u202e\u009b")), qt.Commentf("%q", got))
		qt.Check(t, qt.Equals(strings.Count(got, "\n"), 2))
	}
}

func TestHeaderComesOnceAndOnlyWithRecords(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := output.NewColumns(&out, output.Options{})
	qt.Check(t, qt.Equals(out.String(), ""))
	for range 3 {
		qt.Assert(t, qt.IsNil(w.Write(&event.Record{Time: time.Now()})))
	}
	qt.Check(t, qt.Equals(strings.Count(out.String(), "TIME"), 1))
}

func TestLostEventsHaveALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := output.NewColumns(&out, output.Options{})
	qt.Assert(t, qt.IsNil(w.Write(&event.Record{Lost: 3, Direction: "egress"})))
	qt.Assert(t, qt.IsNil(w.WriteLost("flow", 0)))
	qt.Assert(t, qt.IsNil(w.WriteLost("flow", 2)))
	lines := strings.Split(out.String(), "\n")
	qt.Check(t, qt.Equals(lines[1], "(3 events lost)"))
	qt.Check(t, qt.Equals(strings.TrimSpace(lines[2]), "egress"))
	qt.Check(t, qt.Equals(lines[3], "(2 events lost)"))
}

func columns(t *testing.T, opts output.Options, records ...*event.Record) string {
	t.Helper()
	var out bytes.Buffer
	w := output.NewColumns(&out, opts)
	for _, r := range records {
		qt.Assert(t, qt.IsNil(w.Write(r)))
	}
	return out.String()
}

// plainText takes off the colours that are ours.
func plainText(s string) string {
	return strings.NewReplacer("\x1b[1m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(s)
}
