// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"

	"github.com/boathook/boathook/internal/netns"
)

// Peers returns the ends of pairs whose other end lies in the namespace with
// that id, by interface index. NoNSID: in the table's own namespace.
func (t *Table) Peers(nsid int) []Link {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var links []Link
	for _, e := range t.index.links {
		if e.link.isPair() && e.link.PeerNSID == nsid {
			links = append(links, e.link)
		}
	}
	return sorted(links)
}

// NSID returns the id that the namespace of has in the namespace in, NoNSID if
// it has none. It never assigns one.
func NSID(in, of *netns.NS) (int, error) {
	c, err := dial(in)
	if err != nil {
		return NoNSID, err
	}
	id, err := c.nsid(of)
	return id, errors.Join(err, c.close())
}
