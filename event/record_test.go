// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
)

// fullRecord is a record with everything known.
func fullRecord(tb testing.TB) *event.Record {
	tb.Helper()
	return &event.Record{
		Time:   time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
		Gadget: "dns",
		Containers: []*container.Container{{
			Runtime: "docker", ID: "4f2a", Name: "web", Image: "nginx:1",
			Labels: map[string]string{"k": "v", "a": "\x1b[2J"},
			Pod:    &container.Pod{Namespace: "default", Name: "web-0", UID: "u-1"},
		}},
		Netns:     4026532281,
		Link:      &event.Link{Name: "eth0", Ifindex: 2, Host: "veth98", HostIfindex: 12},
		Direction: "egress",
		Schema:    mustFind(tb, "flexible"),
		Raw:       pack(tb, uint32(3), []byte("abc")),
		Lost:      4,
	}
}

func TestRecordAsJSON(t *testing.T) {
	t.Parallel()
	r := fullRecord(t)
	want := `{"time":"2026-01-02T03:04:05.123456789Z","gadget":"dns",` +
		`"container":{"runtime":"docker","id":"4f2a","name":"web","image":"nginx:1","labels":{"a":"\u001b[2J","k":"v"}},` +
		`"pod":{"namespace":"default","name":"web-0","uid":"u-1"},` +
		`"netns":4026532281,"link":{"name":"eth0","ifindex":2,"host":"veth98","host_ifindex":12},` +
		`"direction":"egress","event":{"length":3},"lost":4}`
	r.Raw = r.Raw[:4]
	qt.Assert(t, qt.Equals(string(r.AppendJSON(nil)), want))
	qt.Assert(t, qt.Equals(string(r.AppendJSON([]byte("before "))), "before "+want))
}

func TestRecordWithItsOriginKnownIsPrintedTheSame(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*event.Record{"all known": fullRecord(t), "nothing known": {Raw: []byte{1}}} {
		want := string(r.AppendJSON(nil))
		r.Origin = r.AppendOrigin([]byte{})
		r.Gadget, r.Containers, r.Netns, r.Link, r.Direction = "", nil, 0, nil, ""
		qt.Check(t, qt.Equals(string(r.AppendJSON(nil)), want), qt.Commentf("%s", name))
	}
}

func TestUnknownPartsOfARecordAreLeftOut(t *testing.T) {
	t.Parallel()
	r := &event.Record{Raw: []byte{0xab}}
	qt.Check(t, qt.Equals(string(r.AppendJSON(nil)), `{"event":{"raw":"ab"}}`))
	qt.Check(t, qt.DeepEquals(r.Map(), map[string]any{"event": map[string]any{"raw": "ab"}}))
	r.Link = &event.Link{Host: "veth1"}
	qt.Check(t, qt.Equals(string(r.AppendJSON(nil)), `{"link":{"host":"veth1"},"event":{"raw":"ab"}}`))
}

func TestSharedNetnsListsItsContainers(t *testing.T) {
	t.Parallel()
	r := &event.Record{Containers: []*container.Container{
		{Runtime: "docker", ID: "1"},
		{Runtime: "docker", ID: "2", Pod: &container.Pod{Name: "p"}},
	}}
	qt.Check(t, qt.Equals(string(r.AppendJSON(nil)), `{"containers":[{"runtime":"docker","id":"1"},{"runtime":"docker","id":"2"}],`+
		`"pod":{"name":"p"},"event":{"raw":""}}`))
	list, ok := r.Map()["containers"].([]any)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.HasLen(list, 2))
}

func TestMapHasTheShapeOfTheJSON(t *testing.T) {
	t.Parallel()
	r := fullRecord(t)
	m := r.Map()
	for key := range mustTree(t, r.AppendJSON(nil)) {
		_, ok := m[key]
		qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s", key))
	}
	qt.Check(t, qt.DeepEquals(m["link"], any(map[string]any{
		"name": "eth0", "ifindex": int64(2), "host": "veth98", "host_ifindex": int64(12),
	})))
	qt.Check(t, qt.DeepEquals(m["event"], any(map[string]any{"length": uint64(3), "payload": "616263"})))
	qt.Check(t, qt.Equals(m["netns"], any(uint64(4026532281))))
	qt.Check(t, qt.Equals(m["time"], any("2026-01-02T03:04:05.123456789Z")))
}
