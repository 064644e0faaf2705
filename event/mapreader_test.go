// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

// mustMap creates one map of counters.o in the kernel.
func mustMap(tb testing.TB, name string) (*ebpf.Map, *event.MapReader) {
	tb.Helper()
	spec := mustSpec(tb, "counters.o").Maps[name]
	m, err := ebpf.NewMap(spec)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(m.Close())) })
	r, err := event.NewMapReader(spec)
	qt.Assert(tb, qt.IsNil(err))
	return m, r
}

// dump returns all entries as lines of JSON.
func dump(tb testing.TB, m *ebpf.Map, r *event.MapReader) []string {
	tb.Helper()
	var lines []string
	err := r.Each(m, func(key, value []byte) error {
		lines = append(lines, string(r.AppendJSON(nil, key, value)))
		return nil
	})
	qt.Assert(tb, qt.IsNil(err))
	return lines
}

// perCPU returns one value for each CPU: first on the first two, zeros on others.
func perCPU(tb testing.TB, values ...[]byte) [][]byte {
	tb.Helper()
	cpus, err := ebpf.PossibleCPU()
	qt.Assert(tb, qt.IsNil(err))
	for len(values) < cpus {
		values = append(values, make([]byte, len(values[0])))
	}
	return values[:cpus]
}

func TestPerCPUValuesAreSummedFieldByField(t *testing.T) {
	t.Parallel()
	m, r := mustMap(t, "flows")
	seen := uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	key := pack(t, []byte{10, 0, 0, 1}, []byte{0x1f, 0x90}, uint8(6), uint8(0))
	qt.Assert(t, qt.IsNil(m.Put(key, perCPU(t,
		pack(t, uint64(2), uint64(100), seen, []byte("eth0\x00\x00\x00\x00")),
		pack(t, uint64(3), uint64(200), seen-1e9, []byte("eth1\x00\x00\x00\x00")),
	))))
	sum := `"packets":5,"bytes":300`
	if ebpf.MustPossibleCPU() == 1 { // which has the first value alone
		sum = `"packets":2,"bytes":100`
	}
	want := `{"map":"flows","key":{"saddr":"10.0.0.1","sport":8080,"proto":"TCP"},` +
		`"value":{` + sum + `,"last_seen_ns":"2026-01-01T00:00:00.000000000Z","ifname":"eth0"}}`
	qt.Assert(t, qt.DeepEquals(dump(t, m, r), []string{want}))
}

func TestEveryEntryOfAHashHasItsOwnValue(t *testing.T) {
	t.Parallel()
	spec := &ebpf.MapSpec{Name: "ports", Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 4}
	m, err := ebpf.NewMap(spec)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(m.Close())) })
	r, err := event.NewMapReader(spec)
	qt.Assert(t, qt.IsNil(err))
	for key := range uint32(3) {
		qt.Assert(t, qt.IsNil(m.Put(key, uint64(key)*10)))
	}
	qt.Assert(t, qt.DeepEquals(dump(t, m, r), []string{
		`{"map":"ports","key":0,"value":0}`, `{"map":"ports","key":1,"value":10}`, `{"map":"ports","key":2,"value":20}`,
	}))
}

func TestZeroElementsOfArraysAreLeftOut(t *testing.T) {
	t.Parallel()
	m, r := mustMap(t, "verdicts")
	qt.Assert(t, qt.IsNil(m.Put(uint32(3), perCPU(t, pack(t, uint64(7))))))
	qt.Assert(t, qt.IsNil(m.Put(uint32(1), perCPU(t, pack(t, uint64(9))))))
	qt.Assert(t, qt.DeepEquals(dump(t, m, r), []string{
		`{"map":"verdicts","key":1,"value":9}`, `{"map":"verdicts","key":3,"value":7}`,
	}))
}

func TestMapsWithoutBTFAreNumbersAndHex(t *testing.T) {
	t.Parallel()
	m, r := mustMap(t, "plain")
	qt.Assert(t, qt.IsNil(m.Put(uint32(5), []byte("0123456789ab"))))
	qt.Assert(t, qt.DeepEquals(dump(t, m, r), []string{`{"map":"plain","key":5,"value":"303132333435363738396162"}`}))
}

func TestGlobalVariablesAreOneEntry(t *testing.T) {
	t.Parallel()
	spec := mustSpec(t, "counters.o").Maps[".bss"]
	r, err := event.NewMapReader(spec)
	qt.Assert(t, qt.IsNil(err))
	value := make([]byte, spec.ValueSize)
	value[0] = 1
	tree := mustTree(t, r.AppendJSON(nil, make([]byte, 4), value))
	vars, ok := tree["value"].(map[string]any)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(vars["packets"], any(1.0)))
	qt.Check(t, qt.Equals(vars["drops"], any(0.0)))
}

func TestGlobalDataOfMarkersIsNotReadable(t *testing.T) {
	t.Parallel()
	spec := mustSpec(t, "gadget.o")
	qt.Check(t, qt.IsNotNil(spec.Maps[".bss"]))
	qt.Check(t, qt.DeepEquals(event.Readable(spec), []string{"flows_lost_samples"}))
}

func TestEmptyMapHasNoEntries(t *testing.T) {
	t.Parallel()
	m, r := mustMap(t, "flows")
	qt.Assert(t, qt.HasLen(dump(t, m, r), 0))
}

func TestRingsAreNotReadable(t *testing.T) {
	t.Parallel()
	spec := mustSpec(t, "counters.o")
	_, err := event.NewMapReader(spec.Maps["events"])
	qt.Check(t, qt.ErrorIs(err, event.ErrNotReadable))
	qt.Check(t, qt.DeepEquals(event.Readable(spec), []string{".bss", "flows", "plain", "verdicts"}))
}

func TestEachStopsAtTheErrorOfEmit(t *testing.T) {
	t.Parallel()
	m, r := mustMap(t, "plain")
	qt.Assert(t, qt.IsNil(m.Put(uint32(1), make([]byte, 12))))
	err := r.Each(m, func(_, _ []byte) error { return event.ErrNoType })
	qt.Assert(t, qt.ErrorIs(err, event.ErrNoType))
}
