// SPDX-License-Identifier: Apache-2.0

// Package inventory says of containers where their links are and which programs
// their packets meet, whoever put them there. It changes nothing.
package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/output"
)

// Rows describes the containers, in their order. What goes wrong with one is in
// its Why. Links whose host end isHost does not want are left out, with those that
// have none, and containers without any left too; nil wants all.
//
// It needs CAP_NET_ADMIN and CAP_SYS_ADMIN; other users' containers need
// CAP_SYS_PTRACE.
func Rows(containers []container.Container, isHost func(link string) bool) (_ []output.PSRow, err error) {
	h, err := openHomes(containers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.tables.Close()) }()
	var rows []output.PSRow
	for some := range slices.Chunk(containers, chunk) {
		rows = append(rows, h.rows(some)...)
	}
	if isHost == nil {
		return rows, nil
	}
	for i := range rows {
		rows[i].Links = slices.DeleteFunc(rows[i].Links, func(l output.PSLink) bool { return l.Host == "" || !isHost(l.Host) })
	}
	return slices.DeleteFunc(rows, func(row output.PSRow) bool { return len(row.Links) == 0 }), nil
}

// homes are the network namespaces in which containers' host ends may be.
type homes struct{ tables linktable.Homes }

func openHomes(containers []container.Container) (*homes, error) {
	tables, err := linktable.OpenHomes()
	if err != nil {
		return nil, err
	}
	known := map[int]bool{0: true}
	for _, c := range containers {
		if known[c.RuntimePID] {
			continue
		}
		known[c.RuntimePID] = true
		ns, err := netns.OpenPID(c.RuntimePID)
		if err != nil {
			continue // the runtime has just ended; its containers show inside only
		}
		if err := tables.Add(ns); err != nil {
			return nil, errors.Join(err, tables.Close())
		}
	}
	return &homes{tables}, nil
}

func open(c container.Container) (*netns.NS, error) {
	switch {
	case c.PID != 0:
		return netns.OpenPID(c.PID)
	case c.NetnsPath != "":
		return netns.OpenPath(c.NetnsPath)
	}
	return nil, errors.New("the runtime does not say where its network namespace is")
}

// describe lists what the packets of one link meet: those into the container
// leave the host end before they enter the inner end, the others the other way
// round.
func describe(place linktable.Place, inner, host listed) output.PSLink {
	link := output.PSLink{Name: place.Inner.Name, Ifindex: place.Inner.Index, Kind: place.Inner.Kind}
	if place.Home != nil {
		link.Host, link.HostIfindex = place.Host.Name, place.Host.Index
	}
	link.Ingress = slices.Concat(programs(host.entries, hook.Egress), programs(inner.entries, hook.Ingress))
	link.Egress = slices.Concat(programs(inner.entries, hook.Egress), programs(host.entries, hook.Ingress))
	if err := errors.Join(inner.err, host.err); err != nil {
		link.Why = oneLine(err)
	}
	return link
}

func programs(entries []hook.Entry, point hook.Point) []output.PSProgram {
	var list []output.PSProgram
	for _, e := range entries {
		if e.Point != point {
			continue
		}
		p := output.PSProgram{ID: uint32(e.ProgramID), Name: title(e), Backend: e.Backend, Ours: e.Ours()}
		if e.Owner != nil {
			p.Owner = e.Owner.Instance
		}
		list = append(list, p)
	}
	return list
}

// title is what to call an entry: by its program, what its maker called it, or
// what kind of filter it is.
func title(e hook.Entry) string {
	for _, name := range []string{e.ProgramName, e.Name, e.Kind} {
		if name != "" {
			return name
		}
	}
	return fmt.Sprintf("%s %d", e.Backend, e.Position)
}

// oneLine puts a chain of errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
