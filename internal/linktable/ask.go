// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/netns"
)

// Asked is how often a table needed the kernel so far.
type Asked struct {
	// Dumps are the lists of its own links.
	Dumps int64
	// Questions are those about one link or one id.
	Questions int64
	// Visits are the lists of the links in other namespaces whose host ends were
	// looked for in the table.
	Visits int64
}

// Asked says how often the kernel was needed so far.
func (t *Table) Asked() Asked {
	t.socket.mu.Lock()
	defer t.socket.mu.Unlock()
	return Asked{
		Dumps: t.client.dumps.Load(), Visits: t.visits.Load(),
		Questions: t.client.questions.Load() + int64(t.socket.asked),
	}
}

// IDs returns what the table's namespace calls others, NoNSID for those it has no
// id for, with an error for each that could not be asked for. It never assigns one.
func (t *Table) IDs(of []*netns.NS) ([]int, []error) {
	ids, errs := make([]int, len(of)), make([]error, len(of))
	err := t.socket.ask(len(of), func(i int) (netlink.Message, error) { return nsidRequest(of[i]) }, func(i int, a answer) {
		ids[i], errs[i] = NoNSID, a.err
		if a.err == nil && a.kind == unix.RTM_NEWNSID {
			ids[i], errs[i] = parseNSID(a.data)
		}
	})
	for i, ns := range of {
		if err != nil {
			errs[i] = err
		}
		if errs[i] != nil {
			ids[i], errs[i] = NoNSID, fmt.Errorf("ask %s for the id of %s: %w", t.ns, ns, errs[i])
		}
	}
	return ids, errs
}

// Ask asks the kernel for a link, which may be so young that the table does not
// know it yet. Returns an error that wraps unix.ENODEV if there is none with that
// interface index.
func (t *Table) Ask(ifindex int) (Link, error) {
	links, errs := t.ask([]int{ifindex})
	return links[0], errs[0]
}

// ask asks for links by their interface indexes. The error of one that does not
// exist wraps unix.ENODEV.
func (t *Table) ask(indexes []int) ([]Link, []error) {
	links, errs := make([]Link, len(indexes)), make([]error, len(indexes))
	request := func(i int) (netlink.Message, error) {
		data, err := linkRequest(indexes[i])
		return netlink.Message{Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request}, Data: data}, err
	}
	err := t.socket.ask(len(indexes), request, func(i int, a answer) {
		if errs[i] = a.err; a.err != nil {
			return
		}
		var m message
		m, _, errs[i] = parse(a.data)
		links[i] = m.link
	})
	for i, index := range indexes {
		if err != nil {
			errs[i] = err
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("ask for link %d of %s: %w", index, t.ns, errs[i])
		}
	}
	return links, errs
}
