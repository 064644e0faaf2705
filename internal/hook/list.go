// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// What an [Entry] is attached through.
const (
	ByTCX     = "tcx"
	ByClsact  = "clsact"
	ByNetkit  = "netkit"
	ByIngress = "ingress" // the `ingress` qdisc, or a filter on it
)

// Entry is something on a point of a link, whoever put it there. What does not
// apply or cannot be known is zero.
type Entry struct {
	Point Point
	// Backend is one of ByTCX, ByClsact, ByNetkit and ByIngress.
	Backend string
	// Position counts the entries of a point from 0 in the order in which they
	// run. How far a packet gets is up to what each one returns.
	Position int

	// ProgramID is 0 for an ingress qdisc and for filters that are no BPF
	// programs.
	ProgramID ebpf.ProgramID
	// ProgramName is given at load time, at most 15 bytes.
	ProgramName string
	// ProgramTag is the hash of the program's instructions, in hex.
	ProgramTag string
	// LoadTime is when the program was loaded, as time since boot.
	LoadTime time.Duration

	// LinkID is the BPF link's id; 0 for programs attached without a link.
	LinkID link.ID

	// The fields below are those of filters.

	// Kind is the classifier: "bpf", "u32", "flower" and so on.
	Kind string
	// Name is what the filter's maker called it.
	Name     string
	Priority uint16
	Handle   uint32
	Protocol uint16 // EtherType
	// Chain is 0 for what every packet passes. Filters of other chains run
	// only if one of chain 0 jumps there.
	Chain uint32
	// Owner is set if the name is an owner tag of this program.
	Owner *Owner
}

// dispatcherName is that of the program which we put on hooks.
const dispatcherName = "boathook"

// Ours says that Boathook put it there, in whatever process. Filters have a tag; of
// links, which have none, the program's name tells.
func (e *Entry) Ours() bool {
	return e.Owner != nil || e.LinkID != 0 && e.ProgramName == dispatcherName
}

// List returns everything on both points of a link, ingress first, each in the
// order in which it runs. An `ingress` qdisc, which keeps a clsact qdisc away,
// is an entry itself, ahead of its filters.
//
// Returns an error that wraps unix.ENODEV if the link does not exist. Links of
// type netkit need Linux 6.7 and their primary end; TCX needs Linux 6.6. Older
// kernels have nothing there to list.
func List(ns *netns.NS, index int) ([]Entry, error) {
	entries, err := list(ns, index)
	if err != nil {
		return nil, fmt.Errorf("list programs of ifindex %d in %s: %w", index, ns, err)
	}
	return entries, nil
}

func list(ns *netns.NS, index int) ([]Entry, error) {
	entries, errs := listLinks(ns, []int{index}, nil)
	return entries[0], errs[0]
}

// ListLinks does for each of many links what [List] does, at one visit to their
// namespace. Both results are as long as indexes: for each link there are either
// entries, be it none, or an error.
func ListLinks(ns *netns.NS, indexes []int) ([][]Entry, []error) {
	entries, errs := listLinks(ns, indexes, nil)
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("list programs of ifindex %d in %s: %w", indexes[i], ns, err)
		}
	}
	return entries, errs
}

// listing is what is on the points of one link, by who told.
type listing struct {
	bpf [numPlaces][]Entry
	tc  [2][]Entry
}

// listLinks does not ask for the filters of links that known has.
func listLinks(ns *netns.NS, indexes []int, known map[int][2][]Entry) ([][]Entry, []error) {
	entries, errs := make([][]Entry, len(indexes)), make([]error, len(indexes))
	links := make([]listing, len(indexes))
	err := visit(ns, func() error {
		for i, index := range indexes {
			links[i].bpf, errs[i] = listAllBPF(index)
		}
		return nil
	})
	if err == nil {
		err = listFilters(ns, indexes, known, links, errs)
	}
	fill(errs, err)
	seen := make(programFacts)
	for i := range links {
		if errs[i] == nil {
			entries[i] = links[i].inOrder()
		}
		for e := range entries[i] {
			entries[i][e].describe(seen)
		}
	}
	return entries, errs
}

func listFilters(ns *netns.NS, indexes []int, known map[int][2][]Entry, links []listing, errs []error) error {
	var places, unknown []int
	for i, index := range indexes {
		if tc, ok := known[index]; ok {
			links[i].tc = tc
		} else if errs[i] == nil {
			places, unknown = append(places, i), append(unknown, index)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return withConn(ns, func(c *conn) error {
		for n, found := range c.listTC(unknown) {
			links[places[n]].tc, errs[places[n]] = found.points, found.err
		}
		return nil
	})
}

// inOrder returns the entries of both points in the order in which they run. A
// netkit's programs run where its two ends send: the peer's ahead of what the
// primary end receives, the primary's behind what it sends.
func (l *listing) inOrder() []Entry {
	ingress := number(slices.Concat(l.bpf[netkitPeer], l.bpf[tcxIngress], l.tc[Ingress]))
	egress := number(slices.Concat(l.bpf[tcxEgress], l.tc[Egress], l.bpf[netkitPrimary]))
	return slices.Concat(ingress, egress)
}

// The places of BPF programs that the bpf(2) system call lists.
const (
	netkitPeer = iota
	tcxIngress
	tcxEgress
	netkitPrimary
	numPlaces
)

type bpfPlace struct {
	attach  ebpf.AttachType
	backend string
	point   Point
}

func bpfPlaces() [numPlaces]bpfPlace {
	return [numPlaces]bpfPlace{
		netkitPeer:    {ebpf.AttachNetkitPeer, ByNetkit, Ingress},
		tcxIngress:    {ebpf.AttachTCXIngress, ByTCX, Ingress},
		tcxEgress:     {ebpf.AttachTCXEgress, ByTCX, Egress},
		netkitPrimary: {ebpf.AttachNetkitPrimary, ByNetkit, Egress},
	}
}

// listAllBPF must run inside the namespace.
func listAllBPF(index int) ([numPlaces][]Entry, error) {
	var entries [numPlaces][]Entry
	for place, p := range bpfPlaces() {
		var err error
		if entries[place], err = listBPF(index, p); err != nil {
			return entries, err
		}
	}
	return entries, nil
}

func listBPF(index int, p bpfPlace) ([]Entry, error) {
	result, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: p.attach})
	// EINVAL: the kernel does not know the attach type. ENXIO and EACCES: the
	// link is no netkit, or its peer end. ENOENT: nothing there, on Linux 6.6.
	err = ignoreErrno(err, unix.EINVAL, unix.ENXIO, unix.EACCES, unix.EOPNOTSUPP, unix.ENOENT)
	if err != nil || result == nil {
		return nil, err
	}
	var entries []Entry
	for _, prog := range result.Programs {
		e := Entry{Point: p.point, Backend: p.backend, ProgramID: prog.ID}
		if id, ok := prog.LinkID(); ok {
			e.LinkID = id
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// onQdisc is what is on the qdisc in a link's ingress slot.
type onQdisc struct {
	points [2][]Entry
	err    error
}

func (c *conn) listTC(indexes []int) []onQdisc {
	found := make([]onQdisc, len(indexes))
	kinds, errs := c.qdiscKinds(indexes)
	for i, index := range indexes {
		if found[i].err = errs[i]; errs[i] == nil {
			found[i].points, found[i].err = c.listQdisc(index, kinds[i])
		}
	}
	return found
}

func (c *conn) listQdisc(index int, kind string) ([2][]Entry, error) {
	var points [2][]Entry
	switch kind {
	case kindClsact:
		for _, point := range []Point{Ingress, Egress} {
			filters, err := c.filters(index, point.parent())
			if err != nil {
				return points, err
			}
			points[point] = entriesOf(filters, point, ByClsact)
		}
	case kindIngress:
		// It gives its only list for either point.
		filters, err := c.filters(index, parentIngress)
		if err != nil {
			return points, err
		}
		qdisc := Entry{Point: Ingress, Backend: ByIngress}
		points[Ingress] = append([]Entry{qdisc}, entriesOf(filters, Ingress, ByIngress)...)
	}
	return points, nil
}

func entriesOf(filters []filter, point Point, backend string) []Entry {
	var entries []Entry
	for _, f := range filters {
		e := Entry{
			Point: point, Backend: backend, ProgramID: f.program,
			Kind: f.kind, Name: f.name, Priority: f.priority, Handle: f.handle,
			Protocol: f.protocol, Chain: f.chain,
		}
		if tag, ok := parseTag(f.name); ok {
			e.Owner = &tag.owner
		}
		entries = append(entries, e)
	}
	return entries
}

// number counts the entries of one point.
func number(entries []Entry) []Entry {
	for i := range entries {
		entries[i].Position = i
	}
	return entries
}
