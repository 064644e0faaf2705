// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"errors"

	"github.com/boathook/boathook/internal/netns"
)

// Homes are the tables of namespaces among which host ends are looked for once, that
// of the process first.
type Homes []*Table

// OpenHomes opens the table of the process's own namespace. The caller must Close
// the homes.
func OpenHomes() (Homes, error) {
	self, err := netns.Self()
	if err != nil {
		return nil, err
	}
	var h Homes
	if err := h.Add(self); err != nil {
		return nil, err
	}
	return h, nil
}

// Add opens the table of one more namespace unless there is one. It takes over ns.
func (h *Homes) Add(ns *netns.NS) error {
	for _, home := range *h {
		if home.ns.Same(ns) {
			return ns.Close()
		}
	}
	table, err := Open(ns, func(Change) {})
	if err != nil {
		return errors.Join(err, ns.Close())
	}
	*h = append(*h, table)
	return nil
}

// Close closes all tables and their namespaces.
func (h *Homes) Close() error {
	var errs []error
	for _, home := range *h {
		errs = append(errs, home.Close(), home.ns.Close())
	}
	return errors.Join(errs...)
}
