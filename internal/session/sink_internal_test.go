// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/boathook/boathook/internal/fault"
)

// packet is a record of the object gadget, the struct of its marker.
func packet(netns, length uint32) []byte {
	raw := make([]byte, 72)
	binary.NativeEndian.PutUint32(raw[8:], netns)
	binary.NativeEndian.PutUint32(raw[12:], length)
	return raw
}

// event1 is an event that the program sent in the namespace 1.
func event1(length uint32) boathook.Event {
	return boathook.Event{Direction: boathook.Egress, Map: "events", Data: packet(1, length)}
}

// sinkOf is a sink for the object gadget that writes JSON, with nobody around.
func sinkOf(tb testing.TB, cfg Config) (*sink, *bytes.Buffer) {
	tb.Helper()
	var out bytes.Buffer
	cfg.Name, cfg.Format = "packets", JSON
	if cfg.Env.Stdout == nil {
		cfg.Env.Stdout = &out
	}
	schemas, raw, err := schemasOf(mustOpen(tb, "gadget"), nil)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.HasLen(raw, 0))
	s, err := newSink(cfg, schemas, &enrich.Index{})
	qt.Assert(tb, qt.IsNil(err))
	s.links = func(uint32) []boathook.TargetLink { return nil }
	s.full = func(string) {}
	return s, &out
}

// line is what the tests look at of a printed record.
type line struct {
	Netns      uint32
	Link       *event.Link
	Direction  string
	Lost       uint64
	Container  struct{ Name string }
	Containers []struct{ Name string }
	Event      struct {
		Len uint32
		Raw string
	}
}

func linesOf(tb testing.TB, out *bytes.Buffer) []line {
	tb.Helper()
	var list []line
	for text := range strings.Lines(out.String()) {
		var l line
		qt.Assert(tb, qt.IsNil(json.Unmarshal([]byte(text), &l)))
		list = append(list, l)
	}
	return list
}

func TestRecordSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{})
	s.index.Add(1, container.Container{Runtime: "docker", ID: "1", Name: "web"})
	s.index.Add(2, container.Container{Runtime: "docker", ID: "2", Name: "app"})
	s.index.Add(2, container.Container{Runtime: "docker", ID: "3", Name: "sidecar"})
	s.take(event1(100))
	ofRing := boathook.Event{Direction: boathook.Ingress, Netns: 2, Map: "events", Data: packet(0, 60)}
	s.take(ofRing)
	lines := linesOf(t, out)
	qt.Assert(t, qt.HasLen(lines, 2))
	qt.Check(t, qt.Equals(lines[0].Netns, 1), qt.Commentf("the program wrote it"))
	qt.Check(t, qt.Equals(lines[0].Container.Name, "web"))
	qt.Check(t, qt.Equals(lines[0].Direction, "egress"))
	qt.Check(t, qt.Equals(lines[0].Event.Len, 100))
	qt.Check(t, qt.Equals(lines[1].Netns, 2), qt.Commentf("the ring it came from says it"))
	qt.Check(t, qt.HasLen(lines[1].Containers, 2))
	qt.Check(t, qt.Equals(lines[1].Direction, "ingress"))
}

func TestLinkOfAnEvent(t *testing.T) {
	t.Parallel()
	eth0 := boathook.TargetLink{Link: boathook.Link{Name: "eth0", Ifindex: 2}, Host: boathook.Link{Name: "veth0", Ifindex: 12}, Hook: 12}
	eth1 := boathook.TargetLink{Link: boathook.Link{Name: "eth1", Ifindex: 3}, Hook: 3}
	own := eth1
	own.Own = true
	for _, test := range []struct {
		name  string
		links []boathook.TargetLink
		hook  int
		want  string
	}{
		{"nothing is attached any more", nil, 0, ""},
		{"the only one", []boathook.TargetLink{eth0}, 0, "eth0"},
		{"one of two, nobody knows which", []boathook.TargetLink{eth0, eth1}, 0, ""},
		{"by its copy of the program", []boathook.TargetLink{eth0, own}, 3, "eth1"},
		{"the only one without a copy", []boathook.TargetLink{eth0, own}, 0, "eth0"},
		{"a copy of a link that is gone", []boathook.TargetLink{eth0}, 7, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			link := linkOf(test.links, test.hook)
			qt.Assert(t, qt.Equals(link != nil, test.want != ""))
			if link != nil {
				qt.Check(t, qt.Equals(link.Name, test.want))
			}
		})
	}
	qt.Check(t, qt.DeepEquals(linkOf([]boathook.TargetLink{eth0}, 0), &event.Link{Name: "eth0", Ifindex: 2, Host: "veth0", HostIfindex: 12}))
}

func TestLostEventsAreToldOnTheNextRecordOfTheSameCopy(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{})
	lost := func(direction boathook.Direction, hook int, n uint64) {
		s.take(boathook.Event{Direction: direction, Hook: hook, Map: "events", Lost: n})
	}
	lost(boathook.Egress, 0, 2)
	lost(boathook.Egress, 0, 3)
	lost(boathook.Ingress, 0, 7)
	lost(boathook.Egress, 12, 11)
	e := event1(1)
	e.Lost = 1
	s.take(e)
	s.take(event1(2))
	qt.Assert(t, qt.IsNil(s.close()))
	lines := linesOf(t, out)
	qt.Assert(t, qt.HasLen(lines, 3))
	qt.Check(t, qt.Equals(lines[0].Lost, 6))
	qt.Check(t, qt.Equals(lines[1].Lost, 0))
	qt.Check(t, qt.Equals(lines[2].Lost, 18), qt.Commentf("the rest, on a line of its own"))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 2, written: 2, lost: 24}))
}

func TestWhereKeepsTheLossForTheNextRecordThatIsPrinted(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{Where: "event.len > 100", Count: 1})
	e := event1(60)
	e.Lost = 4
	s.take(e)
	s.take(event1(1400))
	s.take(event1(1500))
	lines := linesOf(t, out)
	qt.Assert(t, qt.HasLen(lines, 1))
	qt.Check(t, qt.Equals(lines[0].Event.Len, 1400))
	qt.Check(t, qt.Equals(lines[0].Lost, 4))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 2, written: 1, lost: 4}), qt.Commentf("nothing is taken behind the count"))
	qt.Check(t, qt.IsTrue(isClosed(s.done)))
	qt.Check(t, qt.IsNil(s.close()))
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestUnknownFieldsAreUsageErrors(t *testing.T) {
	t.Parallel()
	schemas, _, err := schemasOf(mustOpen(t, "gadget"), nil)
	qt.Assert(t, qt.IsNil(err))
	_, err = newSink(Config{Where: "event.size > 1"}, schemas, nil)
	checkFault(t, err, fault.CodeUsage, `--where: .*size.*`, ".*")
	_, err = newSink(Config{Where: "event.len >"}, schemas, nil)
	checkFault(t, err, fault.CodeUsage, `(?s)--where: .*`, ".*")
	_, err = newSink(Config{Fields: "event.len,event.size"}, schemas, nil)
	checkFault(t, err, fault.CodeUsage, `--fields: no field "event.size"`, "known: .*event.len.*")
}

func TestMalformedRecordsAreCountedAndShown(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{})
	s.take(boathook.Event{Map: "events", Data: []byte{0xca, 0xfe}})
	s.take(event1(1))
	lines := linesOf(t, out)
	qt.Assert(t, qt.HasLen(lines, 2))
	qt.Check(t, qt.Equals(lines[0].Event.Raw, "cafe"))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 2, written: 2, malformed: 1}))
}

func TestFullRingIsToldOnce(t *testing.T) {
	t.Parallel()
	s, _ := sinkOf(t, Config{})
	var told []string
	s.full = func(eventMap string) { told = append(told, eventMap) }
	for range 3 {
		s.take(boathook.Event{Map: "events", Full: true})
	}
	qt.Check(t, qt.DeepEquals(told, []string{"events"}))
	qt.Check(t, qt.Equals(s.stats, sinkStats{full: 3}))
}

// broken is an output that takes one record.
type broken struct {
	left int
	err  error
}

func (b *broken) Write(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.err
	}
	b.left--
	return len(p), nil
}

func TestClosedPipeEndsTheRun(t *testing.T) {
	t.Parallel()
	s, _ := sinkOf(t, Config{Env: Env{Stdout: &broken{left: 1, err: fmt.Errorf("write stdout: %w", syscall.EPIPE)}}})
	s.take(event1(1))
	qt.Check(t, qt.IsFalse(isClosed(s.done)))
	s.take(event1(2))
	s.take(event1(3))
	qt.Check(t, qt.IsTrue(isClosed(s.done)))
	qt.Check(t, qt.ErrorIs(s.close(), error(syscall.EPIPE)))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 2, written: 1}))
}

func TestPrintedIsToldOfWhatWasWritten(t *testing.T) {
	t.Parallel()
	var told []uint32
	s, _ := sinkOf(t, Config{
		Where: "event.len > 1", Env: Env{Stdout: &broken{left: 1, err: errors.New("disk full")}},
		Printed: func(r *event.Record) { told = append(told, binary.NativeEndian.Uint32(r.Raw[12:])) },
	})
	for length := range uint32(4) {
		s.take(event1(length))
	}
	qt.Check(t, qt.DeepEquals(told, []uint32{2}))
	qt.Check(t, qt.ErrorMatches(s.close(), ".*disk full"))
}
