// SPDX-License-Identifier: Apache-2.0

package linktable

// Peers returns the ends of pairs whose other end lies in the namespace with
// that id, by interface index. NoNSID: in the table's own namespace.
func (t *Table) Peers(nsid int) []Link {
	t.mu.RLock()
	defer t.mu.RUnlock()
	links := make([]Link, 0, len(t.index.peers[nsid]))
	for ifindex := range t.index.peers[nsid] {
		links = append(links, t.index.links[ifindex].link)
	}
	return sorted(links)
}
