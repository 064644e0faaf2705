// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

// mustSpec loads one of the compiled objects in testdata.
func mustSpec(tb testing.TB, object string) *ebpf.CollectionSpec {
	tb.Helper()
	spec, err := ebpf.LoadCollectionSpec("testdata/" + object)
	qt.Assert(tb, qt.IsNil(err))
	return spec
}

// mustFind returns the schema of the struct name of kinds.o with a clock that
// stands still: 100 s after boot, 130 s if sleep counts.
func mustFind(tb testing.TB, name string) *event.Schema {
	tb.Helper()
	s, err := event.Find(mustSpec(tb, "kinds.o"), "events", name)
	qt.Assert(tb, qt.IsNil(err))
	return s.WithClock(stillClock())
}

func stillClock() *event.Clock {
	return event.NewClock(func() event.Readings {
		return event.Readings{
			Wall:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Monotonic: 100 * time.Second,
			Boot:      130 * time.Second,
		}
	})
}

// pack returns the bytes of fields in the machine's byte order. A
// byte slice stands for itself.
func pack(tb testing.TB, fields ...any) []byte {
	tb.Helper()
	var raw []byte
	for _, f := range fields {
		var err error
		raw, err = binary.Append(raw, binary.NativeEndian, f)
		qt.Assert(tb, qt.IsNil(err))
	}
	return raw
}

// mustTree parses what AppendJSON printed.
func mustTree(tb testing.TB, raw []byte) map[string]any {
	tb.Helper()
	var tree map[string]any
	qt.Assert(tb, qt.IsNil(json.Unmarshal(raw, &tree)), qt.Commentf("%s", raw))
	return tree
}

// texts returns all columns of a record by name.
func texts(s *event.Schema, raw []byte) map[string]string {
	cells := map[string]string{}
	for i, c := range s.Columns() {
		cells[c.Name] = string(s.AppendText(nil, raw, i))
	}
	return cells
}

func columnNames(s *event.Schema) []string {
	var names []string
	for _, c := range s.Columns() {
		names = append(names, c.Name)
	}
	return names
}

func kindOf(s *event.Schema, column string) event.Kind {
	i := slices.IndexFunc(s.Columns(), func(c event.Column) bool { return c.Name == column })
	return s.Columns()[i].Kind
}
