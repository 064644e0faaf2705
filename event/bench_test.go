// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

// networkRecordOfContainer is what a typical program sends, with its container.
func networkRecordOfContainer(tb testing.TB) *event.Record {
	tb.Helper()
	r := fullRecord(tb)
	r.Schema, r.Raw = mustFind(tb, "network"), networkRecord(tb)
	return r
}

func TestJSONOfARecordAllocatesNothing(t *testing.T) {
	r := networkRecordOfContainer(t)
	buf := make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(100, func() { buf = r.AppendJSON(buf[:0]) })
	qt.Assert(t, qt.Equals(allocs, 0))
}

func TestTextOfARecordAllocatesOnlyForDurations(t *testing.T) {
	s, raw := mustFind(t, "network"), networkRecord(t)
	buf := make([]byte, 0, 4096)
	allocs := testing.AllocsPerRun(100, func() {
		for i := range 15 {
			buf = s.AppendText(buf[:0], raw, i)
		}
	})
	qt.Assert(t, qt.Equals(allocs, 0))
}

// BenchmarkEventJSON decodes a record of 18 fields and 96 bytes.
func BenchmarkEventJSON(b *testing.B) {
	s, raw := mustFind(b, "network"), networkRecord(b)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		buf = s.AppendJSON(buf[:0], raw)
	}
}

// BenchmarkRecordJSON adds time, container with labels, pod, link and direction.
func BenchmarkRecordJSON(b *testing.B) {
	r := networkRecordOfContainer(b)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendJSON(buf[:0])
	}
}

// BenchmarkRecordJSONOfAKnownOrigin saves the work that is the same for each record.
func BenchmarkRecordJSONOfAKnownOrigin(b *testing.B) {
	r := networkRecordOfContainer(b)
	r.Origin = r.AppendOrigin(nil)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendJSON(buf[:0])
	}
}

// BenchmarkEventText decodes every column of the same record.
func BenchmarkEventText(b *testing.B) {
	s, raw := mustFind(b, "network"), networkRecord(b)
	columns := len(s.Columns())
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for i := range columns {
			buf = s.AppendText(buf, raw, i)
		}
	}
}

// BenchmarkRecordMap builds the tree that --where looks at.
func BenchmarkRecordMap(b *testing.B) {
	r := networkRecordOfContainer(b)
	b.ReportAllocs()
	for b.Loop() {
		r.Map()
	}
}
