// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// The layout of struct link in dispatcher.bpf.c.
const (
	linkSize      = 16
	offsetCounter = 8
)

// table is the user-space side of the dispatcher's links, collisions and
// counters maps. Safe for concurrent use.
type table struct {
	links                *ebpf.Memory
	collisions, counters *ebpf.Map
	mask                 uint32

	mu sync.Mutex // guards the fields below
	// entries is what the kernel's maps hold, by ifindex.
	entries map[uint32]dispatcherLink
	// places says which ifindex holds a place of the links map.
	places map[uint32]uint32
	free   []uint32 // counters not in use
}

func newTable(objs *objects) (*table, error) {
	memory, err := objs.Links.Memory()
	if err != nil {
		return nil, fmt.Errorf("map the dispatcher's links: %w", err)
	}
	t := &table{
		links: memory, collisions: objs.Collisions, counters: objs.Counters,
		mask:    objs.Links.ValueSize()/linkSize - 1,
		entries: map[uint32]dispatcherLink{},
		places:  map[uint32]uint32{},
	}
	for i := range objs.Counters.MaxEntries() {
		t.free = append(t.free, i)
	}
	return t, nil
}

// set makes packets on ifindex count and carry netns in cb[0].
// Returns ErrFull if the load serves as many links as it can.
func (t *table) set(ifindex, netns uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	link, known := t.entries[ifindex]
	if !known {
		if len(t.free) == 0 {
			return ErrFull
		}
		link.Counter = t.free[len(t.free)-1]
		zero := make([]dispatcherTraffic, ebpf.MustPossibleCPU())
		if err := t.counters.Put(link.Counter, zero); err != nil {
			return fmt.Errorf("clear counters of ifindex %d: %w", ifindex, err)
		}
	}
	link.Owner = uint64(netns)<<32 | uint64(ifindex)
	if err := t.writeLocked(ifindex, link); err != nil {
		return fmt.Errorf("enter ifindex %d: %w", ifindex, err)
	}
	if !known {
		t.free = t.free[:len(t.free)-1]
	}
	t.entries[ifindex] = link
	return nil
}

func (t *table) writeLocked(ifindex uint32, link dispatcherLink) error {
	place := ifindex & t.mask
	if holder, taken := t.places[place]; taken && holder != ifindex {
		return t.collisions.Put(ifindex, link)
	}
	if err := t.place(place, link); err != nil {
		return err
	}
	t.places[place] = ifindex
	// It may have been there until its place became free.
	return t.forgetCollision(ifindex)
}

// place writes an entry of links. What makes it valid comes last, in one word.
func (t *table) place(place uint32, link dispatcherLink) error {
	at := int64(place) * linkSize
	if _, err := t.links.WriteAt(binary.NativeEndian.AppendUint32(nil, link.Counter), at+offsetCounter); err != nil {
		return err
	}
	_, err := t.links.WriteAt(binary.NativeEndian.AppendUint64(nil, link.Owner), at)
	return err
}

func (t *table) forgetCollision(ifindex uint32) error {
	err := t.collisions.Delete(ifindex)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	return err
}

// clear forgets ifindex; a link that was never entered is not an error.
func (t *table) clear(ifindex uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	link, known := t.entries[ifindex]
	if !known {
		return nil
	}
	place := ifindex & t.mask
	var err error
	if t.places[place] == ifindex {
		err = t.place(place, dispatcherLink{})
		delete(t.places, place)
	} else {
		err = t.forgetCollision(ifindex)
	}
	delete(t.entries, ifindex)
	t.free = append(t.free, link.Counter)
	if err != nil {
		return fmt.Errorf("remove ifindex %d: %w", ifindex, err)
	}
	return nil
}

// read returns the counters of ifindex; zero for a link that is not entered.
func (t *table) read(ifindex uint32) (Counters, error) {
	t.mu.Lock()
	link, known := t.entries[ifindex]
	t.mu.Unlock()
	if !known {
		return Counters{}, nil
	}
	var perCPU []dispatcherTraffic
	if err := t.counters.Lookup(link.Counter, &perCPU); err != nil {
		return Counters{}, fmt.Errorf("read counters of ifindex %d: %w", ifindex, err)
	}
	return sum(perCPU), nil
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}
