// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"cmp"
	"errors"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// filters returns those of one point of a link in the order in which they run.
// There are none on a link that does not exist. What the kernel says about a
// priority as a whole is left out.
func (c *conn) filters(index int, parent uint32) ([]filter, error) {
	msgs, err := c.dumpFilters(index, parent)
	if err != nil {
		return nil, err
	}
	var filters []filter
	for _, m := range msgs {
		f, err := parseFilter(m.Data)
		if err != nil {
			return nil, err
		}
		if f.handle != 0 {
			filters = append(filters, f)
		}
	}
	// The kernel gives chains in the order in which they were made.
	slices.SortStableFunc(filters, func(a, b filter) int { return cmp.Compare(a.chain, b.chain) })
	return filters, nil
}

func (c *conn) dumpFilters(index int, parent uint32) ([]netlink.Message, error) {
	msgs, err := c.dump(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETTFILTER},
		Data:   tcmsg{index: index, parent: parent}.encode(),
	})
	return msgs, ignoreErrno(err, unix.ENODEV)
}

// has reports for each filter whether exactly that one is there. It asks for
// it by place, many at a time, which costs a tenth of listing what is on a point.
func (c *conn) has(filters []filter) ([]bool, []error) {
	there, errs := make([]bool, len(filters)), make([]error, len(filters))
	var msgs []netlink.Message
	var places []int
	for i, f := range filters {
		m, err := f.message(unix.RTM_GETTFILTER, nil)
		if err != nil {
			errs[i] = err
			continue
		}
		msgs, places = append(msgs, m), append(places, i)
	}
	for n, r := range c.batch(msgs) {
		i := places[n]
		switch {
		case errors.Is(r.err, unix.ENODEV), errors.Is(r.err, unix.ENOENT):
		case r.err != nil:
			// EINVAL has many reasons, not all of which mean that it is not there.
			there[i], errs[i] = c.lists(filters[i])
		default:
			there[i], errs[i] = filters[i].isIn(r.messages)
		}
	}
	return there, errs
}

// isIn reports whether one of the messages is about exactly this filter.
func (f filter) isIn(msgs []netlink.Message) (bool, error) {
	for _, m := range msgs {
		got, err := parseFilter(m.Data)
		if err != nil || got == f {
			return err == nil, err
		}
	}
	return false, nil
}

// lists reports whether exactly this filter is on its point.
func (c *conn) lists(want filter) (bool, error) {
	filters, err := c.filters(want.index, want.parent)
	return slices.Contains(filters, want), err
}

// unlessGone returns nil instead of err if the filter is not there: the link
// or the qdisc went in between, which the kernel reports in several ways.
func (c *conn) unlessGone(f filter, err error) error {
	if err == nil {
		return nil
	}
	if there, listErr := c.lists(f); listErr == nil && !there {
		return nil
	}
	return err
}

// inUse reports whether anything is on the clsact qdisc of a link, be it only a
// priority without a filter yet.
func (c *conn) inUse(index int) (bool, error) {
	for _, point := range []Point{Ingress, Egress} {
		msgs, err := c.dumpFilters(index, point.parent())
		if err != nil || len(msgs) > 0 {
			return true, err
		}
	}
	return false, nil
}

// qdiscKinds returns the kinds of the qdiscs in the ingress slots of links, ""
// for none.
func (c *conn) qdiscKinds(indexes []int) ([]string, []error) {
	kinds, errs := make([]string, len(indexes)), make([]error, len(indexes))
	msgs := make([]netlink.Message, len(indexes))
	for i, index := range indexes {
		m, err := qdiscMessage(unix.RTM_GETQDISC, index, "")
		if err != nil {
			errs[i] = err
			return kinds, errs
		}
		// Without it the kernel answers to the listeners of the group only.
		m.Header.Flags = netlink.Echo
		msgs[i] = m
	}
	for i, r := range c.batch(msgs) {
		errs[i] = ignoreErrno(r.err, unix.ENOENT)
		for _, m := range r.messages {
			kinds[i], errs[i] = parseQdiscKind(m.Data)
		}
	}
	return kinds, errs
}

func ignoreErrno(err error, errnos ...unix.Errno) error {
	for _, errno := range errnos {
		if errors.Is(err, errno) {
			return nil
		}
	}
	return err
}
