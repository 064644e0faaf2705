// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/testutil/schematest"
)

func TestJSONWritesOneLineForEachRecord(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	var out bytes.Buffer
	w := output.NewJSON(&out, nil)
	qt.Assert(t, qt.IsNil(w.Write(web(schema, flow("curl", 53, 60)))))
	qt.Assert(t, qt.IsNil(w.Write(shared(schema, flow("nginx", 80, 60)))))
	qt.Check(t, qt.Equals(strings.Count(out.String(), "\n"), 2))
	schematest.Check(t, "record", out.Bytes())
}

func TestEveryRecordFollowsItsSchema(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	lossy := web(schema, flow("curl", 53, 60))
	lossy.Lost = 1<<53 + 1
	for name, r := range map[string]*event.Record{
		"nothing known": {},
		"raw":           {Raw: []byte{1, 2}},
		"too short":     web(schema, []byte{1}),
		"lost":          lossy,
		"shared":        shared(schema, flow("curl", 53, 60)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			qt.Assert(t, qt.IsNil(output.NewJSON(&out, nil).Write(r)))
			schematest.Check(t, "record", out.Bytes())
		})
	}
}

func TestRecordSchemaIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, `{"contaner":{}}`, `{"direction":"in"}`, `{"netns":"1"}`, `{"time":"yesterday"}`,
		`{"container":{"name":1}}`, `{"container":{},"containers":[{},{}]}`, `{"lost":"7"}`, `{"event":7}`,
	} {
		qt.Check(t, qt.IsTrue(schematest.Refuses(t, "record", text)), qt.Commentf("%s", text))
	}
}

func TestJSONFieldsAreThoseAskedFor(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	for _, test := range []struct {
		fields, want string
	}{
		{"event.number", `{"event":{"number":53}}`},
		{"event", `{"event":{"comm":"a<b","length":60,"number":53}}`},
		{"link.host, container.name", `{"container":{"name":"web"},"link":{"host":"veth98"}}`},
		{"container.labels.app.kubernetes.io/name", `{"container":{"labels":{"app.kubernetes.io/name":"shop"}}}`},
		{"lost,event.number", `{"event":{"number":53}}`},
	} {
		fields, err := output.ParseFields(test.fields, schema)
		qt.Assert(t, qt.IsNil(err))
		var out bytes.Buffer
		qt.Assert(t, qt.IsNil(output.NewJSON(&out, fields).Write(web(schema, flow("a<b", 53, 60)))))
		qt.Check(t, qt.Equals(out.String(), test.want+"\n"))
		schematest.Check(t, "record", out.Bytes())
	}
}

func TestJSONFieldsOfContainersThatShareANetns(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	fields, err := output.ParseFields("container.name,container.runtime", schema)
	qt.Assert(t, qt.IsNil(err))
	var out bytes.Buffer
	qt.Assert(t, qt.IsNil(output.NewJSON(&out, fields).Write(shared(schema, flow("curl", 53, 60)))))
	qt.Check(t, qt.Equals(out.String(),
		`{"containers":[{"name":"web","runtime":"docker"},{"name":"sidecar","runtime":"docker"}]}`+"\n"))
}

func TestUnknownFieldNamesTheKnown(t *testing.T) {
	t.Parallel()
	_, err := output.ParseFields("container.name,event.nmber", flowSchema(t))
	var unknown *output.UnknownFieldError
	qt.Assert(t, qt.IsTrue(errors.As(err, &unknown)))
	qt.Check(t, qt.Equals(unknown.Name, "event.nmber"))
	qt.Check(t, qt.ErrorMatches(err, `unknown field "event.nmber" \(known: time, .*, event.comm, event.number, event.length\)`))
}

func TestListOfFieldsWithAHole(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"", "netns,", ",netns", "netns, ,time"} {
		_, err := output.ParseFields(list)
		qt.Check(t, qt.ErrorMatches(err, "read list of fields: .*"), qt.Commentf("%q", list))
	}
}

func TestLastLineReportsWhatWasLostAfterTheLastRecord(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := output.NewJSON(&out, nil)
	qt.Assert(t, qt.IsNil(w.WriteLost("flow", 0)))
	qt.Assert(t, qt.IsNil(w.WriteLost("flow", 12)))
	qt.Assert(t, qt.IsNil(w.WriteLost("", 1<<60)))
	qt.Check(t, qt.Equals(out.String(), `{"lost":12,"gadget":"flow"}`+"\n"+`{"lost":"1152921504606846976"}`+"\n"))
	schematest.Check(t, "record", out.Bytes())
}

func TestClosedPipeIsToldApart(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	defer writer.Close()
	qt.Assert(t, qt.IsNil(reader.Close()))
	for name, w := range map[string]output.Writer{
		"json":    output.NewJSON(writer, nil),
		"columns": output.NewColumns(writer, output.Options{}),
	} {
		err := w.Write(&event.Record{})
		qt.Check(t, qt.IsTrue(errors.Is(err, syscall.EPIPE)), qt.Commentf("%s: %v", name, err))
	}
}

func TestNoneWritesNothing(t *testing.T) {
	t.Parallel()
	var w output.Writer = output.None{}
	qt.Check(t, qt.IsNil(w.Write(&event.Record{})))
	qt.Check(t, qt.IsNil(w.WriteLost("flow", 1)))
}

func BenchmarkJSON(b *testing.B) {
	r := web(flowSchema(b), flow("curl", 53, 60))
	w := output.NewJSON(io.Discard, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkColumns(b *testing.B) {
	schema := flowSchema(b)
	r := web(schema, flow("curl", 53, 60))
	w := output.NewColumns(io.Discard, output.Options{Schemas: []*event.Schema{schema}})
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}
