// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/florianl/go-tc"
)

// Filters is what a tool does that has no dispatcher: the program itself on every
// link, as a filter. Not safe for concurrent use; for links of the network
// namespace of the thread that called NewFilters.
type Filters struct {
	hooks   hooks
	filters []tc.Object
}

// NewFilters opens a netlink socket. The caller must Close the filters.
func NewFilters(direction Direction) (*Filters, error) {
	conn, err := tc.Open(&tc.Config{})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return &Filters{hooks: hooks{conn, direction}}, nil
}

// Attach puts prog on the host end of a container's link.
func (f *Filters) Attach(index int, prog *ebpf.Program) error {
	if err := f.hooks.addQdisc(index); err != nil {
		return err
	}
	filter, err := f.hooks.addFilter(index, prog)
	if err != nil {
		return err
	}
	f.filters = append(f.filters, filter)
	return nil
}

// Replace puts prog in the place of the program before, one link after the other.
func (f *Filters) Replace(prog *ebpf.Program) error {
	fd := uint32(prog.FD())
	for i := range f.filters {
		f.filters[i].BPF.FD = &fd
		if err := f.hooks.conn.Filter().Replace(&f.filters[i]); err != nil {
			return fmt.Errorf("replace filter of ifindex %d: %w", f.filters[i].Ifindex, err)
		}
	}
	return nil
}

// Close removes all filters; the qdiscs stay.
func (f *Filters) Close() error {
	var errs []error
	for i := range f.filters {
		errs = append(errs, f.hooks.conn.Filter().Delete(&f.filters[i]))
	}
	f.filters = nil
	return errors.Join(append(errs, f.hooks.conn.Close())...)
}
