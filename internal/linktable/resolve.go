// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// ErrHostNetwork tells that a container has no network of its own.
var ErrHostNetwork = errors.New("container shares the network of the host")

// Place is a link of a container and where its packets can be seen.
type Place struct {
	// Inner is the link as seen inside the container.
	Inner Link
	// Home is the table that holds the link's host end, nil if there is none
	// and the packets can be seen inside only.
	Home *Table
	// Host is the host end. It is empty if Home is nil.
	Host Link
}

// Found is what is known of one container.
type Found struct {
	// Places are its links, without the loopback link.
	Places []Place
	// IDs are what the homes call its namespace, in their order; NoNSID for those
	// that have no id for it.
	IDs []int
	// Heard says that one of the homes had an id for the namespace before its links
	// were listed, so that it tells of every later change in there.
	Heard bool
	// Err wraps [ErrHostNetwork] if the container's namespace is one of the homes:
	// its links are the host's own.
	Err error
}

// Resolve is [ResolveAll] for one container.
func Resolve(container *netns.NS, homes []*Table) ([]Place, error) {
	found := ResolveAll([]*netns.NS{container}, homes)[0]
	return found.Places, found.Err
}

// ResolveAll finds the links of containers and their host ends among homes, for
// many at little more than a list of the links inside each. It never lists those
// of a home, and never goes by name.
func ResolveAll(containers []*netns.NS, homes []*Table) []Found {
	r := &resolving{homes: homes, found: make([]Found, len(containers))}
	for i, container := range containers {
		r.found[i].IDs = slices.Repeat([]int{NoNSID}, len(homes))
		if slices.ContainsFunc(homes, func(home *Table) bool { return container.Same(home.ns) }) {
			r.fail(container, i, ErrHostNetwork)
			continue
		}
		r.visited = append(r.visited, visit{container: container, found: &r.found[i]})
	}
	for h := range homes {
		r.identify(h, r.visited)
	}
	for _, v := range r.visited {
		v.found.Heard = slices.ContainsFunc(v.found.IDs, func(id int) bool { return id != NoNSID })
	}
	r.look()
	for h := range homes {
		r.match(h, r.visited)
	}
	for h := range homes {
		r.askAgain(h)
	}
	return r.found
}

// visit is a container that could be looked into, if its Err is nil.
type visit struct {
	container *netns.NS
	found     *Found
}

// resolving is the state of one call of ResolveAll.
type resolving struct {
	homes   []*Table
	found   []Found
	visited []visit
}

func (r *resolving) fail(container *netns.NS, i int, err error) {
	r.found[i].Err = fmt.Errorf("resolve %s: %w", container, err)
}

// look lists the links inside.
func (r *resolving) look() {
	visits := alive(r.visited)
	list := make([]*netns.NS, len(visits))
	for i, v := range visits {
		list[i] = v.container
	}
	for _, home := range r.homes {
		home.visits.Add(int64(len(list)))
	}
	links, errs := look(list)
	for i, v := range visits {
		v.fail(errs[i])
		for _, link := range links[i] {
			if !link.Loopback {
				v.found.Places = append(v.found.Places, Place{Inner: link})
			}
		}
	}
}

func (v visit) fail(err error) {
	if err != nil && v.found.Err == nil {
		v.found.Places, v.found.Err = nil, fmt.Errorf("resolve %s: %w", v.container, err)
	}
}

// alive are those that did not fail so far.
func alive(visits []visit) []visit {
	return slices.DeleteFunc(slices.Clone(visits), func(v visit) bool { return v.found.Err != nil })
}

// identify asks a home what it calls the containers.
func (r *resolving) identify(h int, visits []visit) {
	visits = alive(visits)
	list := make([]*netns.NS, len(visits))
	for i, v := range visits {
		list[i] = v.container
	}
	ids, errs := r.homes[h].IDs(list)
	for i, v := range visits {
		v.found.IDs[h] = ids[i]
		v.fail(errs[i])
	}
}

// match looks for the host ends in what the home's table knows.
func (r *resolving) match(h int, visits []visit) {
	home := r.homes[h]
	for _, v := range visits {
		for p := range v.found.Places {
			place := &v.found.Places[p]
			if !place.open() {
				continue
			}
			if host, isKnown := home.Link(place.Inner.PeerIndex); isKnown && isOtherEnd(host, place.Inner, v.found.IDs[h]) {
				place.Home, place.Host = home, host
			}
		}
	}
}

// open says that the link's other end lies in another namespace, not known yet.
func (p *Place) open() bool {
	return p.Home == nil && p.Inner.isPair() && p.Inner.PeerNSID != NoNSID
}

// askAgain looks for host ends that the table does not know: the message about
// one may still be on its way, or there was none because only the inner end moved.
func (r *resolving) askAgain(h int) {
	var waiting []visit
	var places []*Place
	var indexes []int
	for _, v := range r.visited {
		for p := range v.found.Places {
			if place := &v.found.Places[p]; place.open() {
				waiting, places = append(waiting, v), append(places, place)
				indexes = append(indexes, place.Inner.PeerIndex)
			}
		}
	}
	hosts, errs := r.homes[h].ask(indexes)
	// The answers make the kernel assign ids to the containers' namespaces.
	r.identify(h, waiting)
	for i, v := range waiting {
		switch {
		case errors.Is(errs[i], unix.ENODEV):
		case errs[i] != nil:
			v.fail(errs[i])
		case v.found.Err == nil && isOtherEnd(hosts[i], places[i].Inner, v.found.IDs[h]):
			places[i].Home, places[i].Host = r.homes[h], hosts[i]
		}
	}
}

// isOtherEnd checks the host end's reference to inner, which lies in the
// namespace with the id nsid. It names one link of one namespace, and so only
// one link can be the other end.
func isOtherEnd(host, inner Link, nsid int) bool {
	return nsid != NoNSID && host.Kind == inner.Kind &&
		host.PeerIndex == inner.Index && host.PeerNSID == nsid
}
