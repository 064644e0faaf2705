// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// settled is the age from which on a link's qdisc may be removed. Looking for
// filters and removing an empty qdisc are two steps; whoever sets up a fresh
// link may add a filter between them.
const settled = 10 * time.Second

// makeQdiscs sees to a clsact qdisc on every link of the burst. Where there was
// something already it looks at what.
func (b *clsactBurst) makeQdiscs() {
	var order []int
	var msgs []netlink.Message
	for _, req := range b.reqs {
		if b.links[req.Index] != nil {
			continue
		}
		b.links[req.Index] = &clsactLink{}
		m, err := qdiscMessage(unix.RTM_NEWQDISC, req.Index, kindClsact)
		if err != nil {
			b.links[req.Index].err = err
			continue
		}
		m.Header.Flags = netlink.Create | netlink.Excl
		order, msgs = append(order, req.Index), append(msgs, m)
	}
	var occupied []int
	for i, r := range b.conn.batch(msgs) {
		l := b.links[order[i]]
		switch {
		case r.err == nil:
			l.made, l.alone = true, true
		case errors.Is(r.err, unix.EEXIST):
			occupied = append(occupied, order[i])
		default:
			l.err = fmt.Errorf("make clsact qdisc: %w", r.err)
		}
	}
	b.look(occupied)
}

// look reads kind of qdisc and filters of links that have some qdisc in the
// ingress slot. The qdisc is ours if a filter of ours says so.
func (b *clsactBurst) look(indexes []int) {
	kinds, errs := b.conn.qdiscKinds(indexes)
	for i, index := range indexes {
		l := b.links[index]
		switch {
		case errs[i] != nil:
			l.err = fmt.Errorf("ask for the qdisc: %w", errs[i])
		case kinds[i] == kindIngress:
			l.err = ErrIngressQdisc
		case kinds[i] != kindClsact:
			l.err = fmt.Errorf("qdisc %q is in the way: %w", kinds[i], unix.EEXIST)
		default:
			l.err = b.readFilters(index, l)
		}
	}
}

func (b *clsactBurst) readFilters(index int, l *clsactLink) error {
	for _, point := range []Point{Ingress, Egress} {
		filters, err := b.conn.filters(index, point.parent())
		if err != nil {
			return fmt.Errorf("list filters: %w", err)
		}
		l.filters[point] = filters
		for _, f := range filters {
			if f.name == b.owner.qdiscTag() {
				l.made = true
			}
		}
	}
	return nil
}

// dropQdiscs removes the clsact qdiscs of links, all of them made by us, that
// nobody uses, each right after looking. A younger link keeps its qdisc, which
// goes with the link.
func (c *clsact) dropQdiscs(conn *conn, indexes map[int]bool) error {
	var errs []error
	for index := range indexes {
		if c.age == nil || c.age(index) < settled {
			continue
		}
		if err := conn.dropQdisc(index); err != nil {
			errs = append(errs, fmt.Errorf("remove clsact qdisc of ifindex %d: %w", index, err))
		}
	}
	return errors.Join(errs...)
}

func (c *conn) dropQdisc(index int) error {
	used, err := c.inUse(index)
	if err != nil || used {
		return err
	}
	m, err := qdiscMessage(unix.RTM_DELQDISC, index, kindClsact)
	if err != nil {
		return err
	}
	// ENOENT and EINVAL: somebody else removed or replaced it.
	return ignoreErrno(c.batch([]netlink.Message{m})[0].err, unix.ENODEV, unix.ENOENT, unix.EINVAL)
}
