// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// table is the user-space side of the dispatcher's links, collisions and
// counters maps. Safe for concurrent use.
type table struct {
	links, collisions, counters *ebpf.Map
	mask                        uint32

	mu sync.Mutex // guards the fields below
	// entries is what the kernel's maps hold, by ifindex.
	entries map[uint32]dispatcherLink
	// places says which ifindex holds a place of the links map.
	places map[uint32]uint32
	free   []uint32 // counters not in use
}

func newTable(objs *dispatcherMaps) *table {
	t := &table{
		links: objs.Links, collisions: objs.Collisions, counters: objs.Counters,
		mask:    objs.Links.MaxEntries() - 1,
		entries: map[uint32]dispatcherLink{},
		places:  map[uint32]uint32{},
	}
	for i := range objs.Counters.MaxEntries() {
		t.free = append(t.free, i)
	}
	return t
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
		link = dispatcherLink{Ifindex: ifindex, Counter: t.free[len(t.free)-1]}
		zero := make([]dispatcherTraffic, ebpf.MustPossibleCPU())
		if err := t.counters.Put(link.Counter, zero); err != nil {
			return fmt.Errorf("clear counters of ifindex %d: %w", ifindex, err)
		}
	}
	link.Netns = netns
	if err := t.writeLocked(link); err != nil {
		return fmt.Errorf("enter ifindex %d: %w", ifindex, err)
	}
	if !known {
		t.free = t.free[:len(t.free)-1]
	}
	t.entries[ifindex] = link
	return nil
}

func (t *table) writeLocked(link dispatcherLink) error {
	place := link.Ifindex & t.mask
	if holder, taken := t.places[place]; taken && holder != link.Ifindex {
		return t.collisions.Put(link.Ifindex, link)
	}
	if err := t.links.Put(place, link); err != nil {
		return err
	}
	t.places[place] = link.Ifindex
	// It may have been there until its place became free.
	return t.forgetCollision(link.Ifindex)
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
		err = t.links.Put(place, dispatcherLink{})
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
