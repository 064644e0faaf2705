// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// LoadOptions shape a [Load]; the zero value observes up to 1024 links.
type LoadOptions struct {
	Mode Mode
	// AllowWrites keeps what the program stores in the skb's fields; see [SourceOptions].
	AllowWrites bool
	// Links is how many links the load serves, at most 1<<16; 0 means 1024.
	Links uint32
	// NoCounters leaves packets and verdicts uncounted: what counting costs is measured against it.
	NoCounters bool
	// Spare is a connection whose packets pass unseen.
	Spare Connection
	// Sink takes the program's events; nil leaves them in their buffers.
	Sink Sink
}

// Load is one dispatcher with a program in its slot. Safe for concurrent use.
type Load struct {
	objs        objects
	table       *table
	sink        Sink
	allowWrites bool

	mu sync.Mutex // guards the fields below
	// programs counts those that packets may be in, or will be, by what is left after them.
	programs [fields + 1]int
	known    after // the least that any packet in the dispatcher was told to do
	// instance is the program in the slot with the maps it has for itself.
	instance *instance
	closed   bool
}

type objects struct {
	dispatcherObjects

	Links *ebpf.Map `ebpf:".data.links"`
}

// Close frees all programs and maps.
func (o *objects) Close() error {
	return errors.Join(o.dispatcherObjects.Close(), o.Links.Close())
}

// NewLoad loads a dispatcher and the source's program called name behind it.
// The load does not own the source; close the load first.
func NewLoad(source *Source, name string, opts LoadOptions) (*Load, error) {
	spec, err := dispatcherSpec(opts)
	if err != nil {
		return nil, err
	}
	l := &Load{sink: opts.Sink, allowWrites: opts.AllowWrites}
	if err := spec.LoadAndAssign(&l.objs, nil); err != nil {
		return nil, fmt.Errorf("load dispatcher: %w", err)
	}
	inst, err := source.instantiate(name, opts.Sink)
	if err != nil {
		return nil, errors.Join(err, l.objs.Close())
	}
	if err := l.start(inst); err != nil {
		return nil, errors.Join(err, inst.close(), l.objs.Close())
	}
	return l, nil
}

// start makes inst the load's first program.
func (l *Load) start(inst *instance) error {
	var err error
	if l.table, err = newTable(&l.objs); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instance = inst
	l.programs[inst.after]++
	l.known = l.afterLocked() // there are no packets yet
	if err := l.setAfterLocked(); err != nil {
		return err
	}
	return l.fill(inst)
}

func dispatcherSpec(opts LoadOptions) (*ebpf.CollectionSpec, error) {
	spec, err := loadDispatcher()
	if err != nil {
		return nil, fmt.Errorf("read dispatcher: %w", err)
	}
	links := opts.Links
	if links == 0 {
		links = 1024
	}
	places := uint32(2)
	for places < 2*links {
		places *= 2
	}
	table := spec.Maps[".data.links"]
	table.ValueSize = places * linkSize
	table.Contents = []ebpf.MapKV{{Key: uint32(0), Value: make([]byte, table.ValueSize)}}
	// The kernel compares sizes with these types.
	table.Key, table.Value = nil, nil
	spec.Maps["collisions"].MaxEntries = links
	spec.Maps["counters"].MaxEntries = links
	constants := map[string]uint32{"mode": uint32(opts.Mode), "link_mask": places - 1, "allow_writes": 0, "counting": 1}
	if opts.AllowWrites {
		constants["allow_writes"] = 1
	}
	if opts.NoCounters {
		constants["counting"] = 0
	}
	for name, value := range constants {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s of the dispatcher: %w", name, err)
		}
	}
	return spec, spare(spec, opts.Spare)
}

func (l *Load) fill(inst *instance) error {
	err := l.objs.Slot.Put(uint32(0), uint32(inst.prog.FD()))
	if err == nil {
		return nil
	}
	if errors.Is(err, errInvalid) {
		return misfit(inst.name, "has another attach type than the dispatcher")
	}
	return fmt.Errorf("put program into the slot: %w", err)
}

// Program is what goes on hooks. It belongs to the load.
func (l *Load) Program() *ebpf.Program { return l.objs.Boathook }

// SetLink makes the dispatcher serve packets on ifindex, with netns, an nsfs
// inode, in cb[0]. Call it before the hook is made. Returns ErrFull, wrapped, if
// there is no room.
func (l *Load) SetLink(ifindex int, netns uint32) error {
	return l.table.set(uint32(ifindex), netns)
}

// ClearLink forgets a link and its counters. Packets still arriving pass.
func (l *Load) ClearLink(ifindex int) error { return l.table.clear(uint32(ifindex)) }

// Counters returns what was seen on ifindex since SetLink.
func (l *Load) Counters(ifindex int) (Counters, error) { return l.table.read(uint32(ifindex)) }

// Links is the number of links the load serves.
func (l *Load) Links() int { return l.table.len() }

// Close frees the load. Hooks that still hold the dispatcher let all packets pass from then on.
func (l *Load) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.objs.Close()
	if l.instance != nil {
		err = errors.Join(err, l.instance.close())
		l.instance = nil
	}
	return err
}
