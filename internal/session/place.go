// SPDX-License-Identifier: Apache-2.0

package session

import (
	"time"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
)

// maxPlaces bounds what is remembered of places that are gone.
const maxPlaces = 4096

// placeKey is what an event says of where it comes from.
type placeKey struct {
	netns     uint32
	hook      int
	direction boathook.Direction
}

// place is where events come from, looked up once for all those of a batch.
type place struct {
	containers []*container.Container
	links      []boathook.TargetLink
	link       *event.Link
	origin     []byte // see event.Record
	looked     uint64 // in this batch
}

// places remembers where events come from. The zero value is ready.
type places struct {
	known map[placeKey]*place
	batch uint64
	key   placeKey
	last  *place // of key
}

// expire has each place looked up anew when it is next needed.
func (p *places) expire() { p.batch++ }

func (p *places) find(s *sink, key placeKey) *place {
	if p.last == nil || p.key != key {
		p.key, p.last = key, p.enter(key)
	}
	if at := p.last; at.origin == nil || at.looked != p.batch {
		at.look(s, key)
		at.looked = p.batch
	}
	return p.last
}

func (p *places) enter(key placeKey) *place {
	if at, known := p.known[key]; known {
		return at
	}
	if p.known == nil || len(p.known) >= maxPlaces {
		p.known = map[placeKey]*place{}
	}
	at := &place{}
	p.known[key] = at
	return at
}

// look looks up who lives there. What is found is replaced when it changes, so that
// the same list says the same.
func (at *place) look(s *sink, key placeKey) {
	containers, links := s.index.Containers(key.netns), s.links(key.netns)
	if at.origin != nil && same(containers, at.containers) && same(links, at.links) {
		return
	}
	at.containers, at.links, at.link = containers, links, linkOf(links, key.hook)
	r := event.Record{
		Gadget: s.gadget, Netns: key.netns, Direction: key.direction.String(),
		Containers: at.containers, Link: at.link,
	}
	at.origin = r.AppendOrigin([]byte{})
}

// same says whether two slices are one.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// linkOf finds the link of an event: the one whose copy of the program sent it,
// or the only one that has no copy of its own.
func linkOf(links []boathook.TargetLink, hook int) *event.Link {
	var found *boathook.TargetLink
	for i := range links {
		if hook != 0 && links[i].Hook != hook || hook == 0 && links[i].Own {
			continue
		}
		if found != nil {
			return nil
		}
		found = &links[i]
	}
	if found == nil {
		return nil
	}
	return &event.Link{Name: found.Link.Name, Ifindex: found.Link.Ifindex, Host: found.Host.Name, HostIfindex: found.Host.Ifindex}
}

// stopwatch is the time of reading: exact for the first event of a batch, and for
// each so many behind it. The zero value is ready.
type stopwatch struct {
	now  time.Time
	left int
}

// timedAtOnce is how many events have one time of reading.
const timedAtOnce = 64

func (w *stopwatch) read() time.Time {
	if w.left == 0 {
		w.now, w.left = time.Now(), timedAtOnce
	}
	w.left--
	return w.now
}

// expire has the clock read again.
func (w *stopwatch) expire() { w.left = 0 }
