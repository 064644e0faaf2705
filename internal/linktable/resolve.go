// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"
	"fmt"

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

// Resolve finds the links of a container, without the loopback link, and their
// host ends among homes. It lists the links inside the container once, never
// those of a home, and never goes by name.
//
// Returns an error that wraps [ErrHostNetwork] if the container's namespace is
// one of the homes: its links are the host's own.
func Resolve(container *netns.NS, homes []*Table) ([]Place, error) {
	for _, home := range homes {
		if container.Same(home.ns) {
			return nil, fmt.Errorf("resolve %s: %w", container, ErrHostNetwork)
		}
	}
	inside, err := dial(container)
	if err != nil {
		return nil, err
	}
	places, err := resolve(inside, homes)
	if err = errors.Join(err, inside.close()); err != nil {
		return nil, fmt.Errorf("resolve %s: %w", container, err)
	}
	return places, nil
}

func resolve(inside *client, homes []*Table) ([]Place, error) {
	links, err := inside.dump()
	if err != nil {
		return nil, err
	}
	// Asked for after the list, which makes the kernel assign the ids of all
	// namespaces that a peer lies in.
	homeAt := make(map[int]*Table, len(homes))
	for _, home := range homes {
		nsid, err := inside.nsid(home.ns)
		if err != nil {
			return nil, err
		}
		if nsid != NoNSID {
			homeAt[nsid] = home
		}
	}
	places := make([]Place, 0, len(links))
	for _, link := range links {
		if link.Loopback {
			continue
		}
		place := Place{Inner: link}
		if home := homeAt[link.PeerNSID]; home != nil && link.isPair() {
			host, isFound, err := home.hostEnd(inside.ns, link)
			if err != nil {
				return nil, err
			}
			if isFound {
				place.Home, place.Host = home, host
			}
		}
		places = append(places, place)
	}
	return places, nil
}

// hostEnd returns the link of t that is the other end of inner, a link of
// container.
func (t *Table) hostEnd(container *netns.NS, inner Link) (Link, bool, error) {
	nsid, err := t.client.nsid(container)
	if err != nil {
		return Link{}, false, err
	}
	if host, isKnown := t.Link(inner.PeerIndex); isKnown && isOtherEnd(host, inner, nsid) {
		return host, true, nil
	}
	// The message about it may still be on its way, or there was none because
	// only the inner end moved.
	host, err := t.client.link(inner.PeerIndex)
	if errors.Is(err, unix.ENODEV) {
		return Link{}, false, nil
	}
	if err != nil {
		return Link{}, false, err
	}
	// The answer makes the kernel assign an id to the container's namespace.
	if nsid, err = t.client.nsid(container); err != nil {
		return Link{}, false, err
	}
	return host, isOtherEnd(host, inner, nsid), nil
}

// isOtherEnd checks the host end's reference to inner, which lies in the
// namespace with the id nsid.
func isOtherEnd(host, inner Link, nsid int) bool {
	return nsid != NoNSID && host.Kind == inner.Kind &&
		host.PeerIndex == inner.Index && host.PeerNSID == nsid
}
