// SPDX-License-Identifier: Apache-2.0

// Package enrich knows which containers live in which network namespace.
package enrich

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/boathook/boathook/container"
)

// memory is how long a container that is gone is remembered, for records that
// are still on their way.
const memory = 10 * time.Second

// Index finds containers by network namespace. The zero value is empty and
// ready. Safe for concurrent use.
type Index struct {
	mu sync.RWMutex // guards the fields below
	// byNetns holds lists that are replaced, never changed.
	byNetns map[uint32][]*container.Container
	netns   map[string]uint32 // by container
	gone    map[string]time.Time
	swept   time.Time // when what is gone for long was last looked for
}

func id(c container.Container) string { return c.Runtime + "/" + c.ID }

// Add enters a container, or its new description. netns is an nsfs inode.
func (x *Index) Add(netns uint32, c container.Container) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byNetns == nil {
		x.byNetns, x.netns, x.gone = map[uint32][]*container.Container{}, map[string]uint32{}, map[string]time.Time{}
	}
	x.purgeLocked(netns)
	x.dropLocked(id(c))
	list := slices.Clone(x.byNetns[netns])
	list = append(list, &c)
	slices.SortFunc(list, func(a, b *container.Container) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(id(*a), id(*b)))
	})
	x.byNetns[netns] = list
	x.netns[id(c)] = netns
}

// Remove forgets a container, after a while: its last records may still come.
func (x *Index) Remove(c container.Container) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, known := x.netns[id(c)]
	if _, told := x.gone[id(c)]; known && !told {
		x.gone[id(c)] = time.Now()
	}
}

// Containers lists those in the network namespace, by name. The list must not be changed.
func (x *Index) Containers(netns uint32) []*container.Container {
	x.mu.RLock()
	list, stale := x.byNetns[netns], len(x.gone) > 0
	x.mu.RUnlock()
	// The last container of a namespace is not in anybody's way.
	if !stale || len(list) < 2 {
		return list
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expireLocked()
	return x.byNetns[netns]
}

// purgeLocked drops what is gone for long, and whatever of it had the inode that
// is in use again.
func (x *Index) purgeLocked(reused uint32) {
	for _, c := range x.byNetns[reused] { // which is replaced, never changed
		if _, isGone := x.gone[id(*c)]; isGone {
			x.dropLocked(id(*c))
		}
	}
	x.expireLocked()
}

// expireLocked drops what is gone for long. It looks now and then: containers come
// and go by the thousand.
func (x *Index) expireLocked() {
	if time.Since(x.swept) < memory/10 {
		return
	}
	x.swept = time.Now()
	for key, since := range x.gone {
		if time.Since(since) > memory {
			x.dropLocked(key)
		}
	}
}

func (x *Index) dropLocked(key string) {
	netns, known := x.netns[key]
	if !known {
		return
	}
	list := slices.DeleteFunc(slices.Clone(x.byNetns[netns]), func(c *container.Container) bool { return id(*c) == key })
	if len(list) == 0 {
		delete(x.byNetns, netns)
	} else {
		x.byNetns[netns] = list
	}
	delete(x.netns, key)
	delete(x.gone, key)
}
