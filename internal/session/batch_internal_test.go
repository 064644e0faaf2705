// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
)

// calls is an output that remembers how often it was written to.
type calls struct {
	bytes.Buffer

	count int
}

func (c *calls) Write(p []byte) (int, error) {
	c.count++
	return c.Buffer.Write(p)
}

// before is an event that another one follows at once.
func before(e boathook.Event) boathook.Event {
	e.More = true
	return e
}

func TestABatchOfEventsIsWrittenAtOnceWhenItEnds(t *testing.T) {
	t.Parallel()
	out := &calls{}
	s, _ := sinkOf(t, Config{Env: Env{Stdout: out}, Where: "event.len != 7"})
	for length := range uint32(5) {
		s.take(before(event1(length)))
	}
	qt.Check(t, qt.Equals(out.count, 0))
	s.take(event1(7)) // the end of a batch counts, whether or not it is wanted
	qt.Check(t, qt.Equals(out.count, 1))
	qt.Check(t, qt.HasLen(linesOf(t, &out.Buffer), 5))
	s.take(event1(5))
	qt.Check(t, qt.Equals(out.count, 2))
	s.take(before(event1(6)))
	s.take(boathook.Event{Map: "events", Lost: 3, Direction: boathook.Egress})
	qt.Check(t, qt.Equals(out.count, 3), qt.Commentf("so does what says that some were lost"))
	qt.Check(t, qt.Equals(s.stats.written, 7))
}

func TestABatchWithoutAnEndIsWrittenNowAndThen(t *testing.T) {
	t.Parallel()
	out := &calls{}
	s, _ := sinkOf(t, Config{Env: Env{Stdout: out}})
	for out.count == 0 {
		s.take(before(event1(1)))
	}
	qt.Check(t, qt.IsTrue(out.Len() >= batchBytes && out.Len() < batchBytes+1000), qt.Commentf("%d", out.Len()))
	qt.Check(t, qt.Equals(int(s.stats.written), bytes.Count(out.Bytes(), []byte("\n"))))
}

func TestACountIsReachedWithinABatch(t *testing.T) {
	t.Parallel()
	out := &calls{}
	s, _ := sinkOf(t, Config{Env: Env{Stdout: out}, Count: 3})
	s.take(event1(1))
	for range 10 {
		s.take(before(event1(2)))
	}
	qt.Check(t, qt.IsTrue(isClosed(s.done)))
	qt.Check(t, qt.IsNil(s.close()))
	qt.Check(t, qt.HasLen(linesOf(t, &out.Buffer), 3))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 3, written: 3}))
}

func TestWhatIsLeftOfABatchIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{})
	s.take(before(event1(1)))
	qt.Check(t, qt.IsNil(s.close()))
	qt.Check(t, qt.HasLen(linesOf(t, out), 1))
	qt.Check(t, qt.Equals(s.stats, sinkStats{events: 1, written: 1}))
}

// short is an output that takes so many lines.
type short struct {
	lines int
	err   error
}

func (s short) Write(p []byte) (int, error) {
	n := 0
	for range s.lines {
		n += bytes.IndexByte(p[n:], '\n') + 1
	}
	return n, s.err
}

func TestOfABatchThatNobodyTakesTheRestIsCounted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want sinkStats
	}{
		{fmt.Errorf("write stdout: %w", syscall.EPIPE), sinkStats{events: 5, written: 2}},
		{errUnread, sinkStats{events: 6, written: 2, unread: 4}}, // the one behind it as well
	} {
		s, _ := sinkOf(t, Config{Env: Env{Stdout: short{2, test.err}}})
		for length := range uint32(4) {
			s.take(before(event1(length)))
		}
		s.take(event1(4))
		s.take(event1(5))
		qt.Check(t, qt.IsTrue(isClosed(s.done)))
		qt.Check(t, qt.ErrorIs(s.close(), test.err))
		qt.Check(t, qt.Equals(s.stats, test.want))
	}
}

func TestWhatIsKnownOfAPlaceIsLookedUpForEachBatch(t *testing.T) {
	t.Parallel()
	s, out := sinkOf(t, Config{})
	links := []boathook.TargetLink{{Link: boathook.Link{Name: "eth0"}}}
	s.links = func(uint32) []boathook.TargetLink { return links }
	s.take(event1(1))
	s.index.Add(1, container.Container{Runtime: "docker", ID: "1", Name: "web"})
	s.take(event1(2))
	links = []boathook.TargetLink{{Link: boathook.Link{Name: "eth1"}}}
	s.take(before(event1(3)))
	s.index.Add(1, container.Container{Runtime: "docker", ID: "1", Name: "shop"})
	s.take(boathook.Event{Direction: boathook.Ingress, Map: "events", Data: packet(1, 4)})
	s.take(event1(5))
	var got []string
	for _, l := range linesOf(t, out) {
		got = append(got, fmt.Sprint(l.Direction, " ", l.Container.Name, " ", l.Link.Name))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		"egress  eth0", "egress web eth0", "egress web eth1", "ingress shop eth1", "egress shop eth1",
	}))
}

func TestPlacesThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	s, _ := sinkOf(t, Config{Env: Env{Stdout: io.Discard}})
	for netns := range uint32(2*maxPlaces + 10) {
		s.take(boathook.Event{Map: "events", Data: packet(netns+1, 1)})
	}
	qt.Check(t, qt.IsTrue(len(s.places.known) <= maxPlaces))
}

// flood is a sink for records of 128 bytes of a container, and one of them.
func flood(tb testing.TB, format Format) (*sink, boathook.Event) {
	tb.Helper()
	cfg := Config{Name: "flood", Format: format, Env: Env{Stdout: io.Discard}}
	schemas, _, err := schemasOf(mustOpen(tb, "flood"), nil)
	qt.Assert(tb, qt.IsNil(err))
	s, err := newSink(cfg, schemas, &enrich.Index{})
	qt.Assert(tb, qt.IsNil(err))
	links := []boathook.TargetLink{{
		Link: boathook.Link{Name: "eth0", Ifindex: 2}, Host: boathook.Link{Name: "veth98", Ifindex: 12}, Hook: 12,
	}}
	s.links = func(uint32) []boathook.TargetLink { return links }
	s.index.Add(1, container.Container{
		Runtime: "docker", ID: strings.Repeat("4f2a", 16), Name: "web", Image: "nginx:1",
		Labels: map[string]string{"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
	})
	return s, boathook.Event{Direction: boathook.Egress, Map: "events", Data: floodRecord()}
}

// floodRecord is what the program flood sends for a packet in the namespace 1.
func floodRecord() []byte {
	raw := make([]byte, 128)
	put := binary.NativeEndian
	put.PutUint64(raw, 99_123_456_789) // timestamp_ns
	put.PutUint64(raw[8:], 1514)       // bytes
	put.PutUint64(raw[16:], 1)         // packets
	put.PutUint32(raw[32:], 1)         // netns
	put.PutUint32(raw[36:], 1514)      // len
	raw[48], raw[63] = 0xfd, 1         // saddr
	raw[64], raw[79] = 0xfd, 2         // daddr
	copy(raw[80:], []byte{0x12, 0x34, 0, 53, 0x86, 0xdd, 17, 64})
	copy(raw[104:], "flood")
	put.PutUint64(raw[120:], 1_234_567)
	return raw
}

func TestARecordAllocatesNothing(t *testing.T) {
	for name, format := range map[string]Format{"json": JSON, "columns": Columns, "none": None} {
		s, e := flood(t, format)
		take := func(e boathook.Event) func() { return func() { s.take(e) } }
		qt.Check(t, qt.Equals(testing.AllocsPerRun(1000, take(before(e))), 0), qt.Commentf("%s, in a batch", name))
		qt.Check(t, qt.Equals(testing.AllocsPerRun(1000, take(e)), 0), qt.Commentf("%s, alone", name))
		qt.Check(t, qt.Equals(s.stats.written, s.stats.events))
	}
}

// BenchmarkTake makes lines of records of 128 bytes.
func BenchmarkTake(b *testing.B) {
	for name, format := range map[string]Format{"json": JSON, "columns": Columns, "none": None} {
		b.Run(name, func(b *testing.B) {
			s, e := flood(b, format)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e.More = i%100 != 0
				s.take(e)
			}
		})
	}
}
