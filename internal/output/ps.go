// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// PSRow is one container of ps, or one network namespace without any.
type PSRow struct {
	Runtime string `json:"runtime,omitempty"`
	Name    string `json:"name,omitempty"`
	ID      string `json:"id,omitempty"`
	Image   string `json:"image,omitempty"`
	// Netns is the inode of its network namespace, 0 if it is not known.
	Netns uint32 `json:"netns,omitempty"`
	// HostNetwork: it shares the network namespace of the host.
	HostNetwork bool     `json:"host_network,omitempty"`
	Links       []PSLink `json:"links"`
	// Why says why there are no links, or not all, "" if nothing is amiss.
	Why string `json:"why,omitempty"`
}

// PSLink is one link of a container, and what is on its hooks.
type PSLink struct {
	// Name and Ifindex are those inside the container.
	Name    string `json:"name,omitempty"`
	Ifindex int    `json:"ifindex,omitempty"`
	// Host and HostIfindex are those of the host end, if there is one.
	Host        string `json:"host,omitempty"`
	HostIfindex int    `json:"host_ifindex,omitempty"`
	// Kind is the kernel's name for the kind of link: "veth", "macvlan".
	Kind string `json:"kind,omitempty"`
	// Ingress and Egress, in the container's view, list the programs on the
	// link in the order in which packets meet them.
	Ingress []PSProgram `json:"ingress"`
	Egress  []PSProgram `json:"egress"`
	// Why says why nothing could be read, "" if nothing is amiss.
	Why string `json:"why,omitempty"`
}

// PSProgram is one program on a hook, whoever put it there.
type PSProgram struct {
	// ID is the kernel's program id, 0 if it is hidden.
	ID   uint32 `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Backend is "tcx", "clsact", "netkit" or "ingress", a qdisc of that kind or a
	// filter on it.
	Backend string `json:"backend"`
	// Ours says that some boathook put it there.
	Ours bool `json:"ours,omitempty"`
	// Owner is the boathook instance that it belongs to, "" if it is not ours or
	// cannot be known, as on TCX.
	Owner string `json:"owner,omitempty"`
}

// WritePSJSON writes each row as one JSON object on a line of its own.
func WritePSJSON(out io.Writer, rows []PSRow) error {
	for _, row := range rows {
		line, err := json.Marshal(row.withLists())
		if err != nil {
			return fmt.Errorf("encode container: %w", err)
		}
		if err := write(out, append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// withLists returns a copy in which no list is nil, so that JSON has [] for
// each.
func (r PSRow) withLists() PSRow {
	links := make([]PSLink, len(r.Links))
	for i, link := range r.Links {
		link.Ingress = append([]PSProgram{}, link.Ingress...)
		link.Egress = append([]PSProgram{}, link.Egress...)
		links[i] = link
	}
	r.Links = links
	return r
}

// WritePS writes a table with one line per link, or one for a container
// without links. Of opts, Terminal and Width count.
func WritePS(out io.Writer, opts Options, rows []PSRow) error {
	table := NewTable(opts, "container", "runtime", "id", "image", "netns", "link", "host", "ingress", "egress", "note")
	// What is on the hooks is what ps is for: ids of programs are not to be cut.
	table.Spare("image", "id", "runtime", "netns", "host")
	for _, row := range rows {
		links := row.Links
		if len(links) == 0 {
			links = []PSLink{{}}
		}
		for _, link := range links {
			table.Add(row.Name, row.Runtime, abbreviate(row.ID), row.Image, positive(row.Netns),
				link.Name, link.Host, programs(link.Ingress), programs(link.Egress), note(row, link))
		}
	}
	return table.Write(out)
}

func note(row PSRow, link PSLink) string {
	switch {
	case row.Why != "":
		return row.Why
	case link.Why != "":
		return link.Why
	case row.HostNetwork:
		return "shares the host's links"
	}
	return ""
}

// programs lists programs in the order in which packets meet them, as in
// "tcx:cil_from_container(123)"; ours are marked with an asterisk.
func programs(list []PSProgram) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.Backend + ":" + p.Name
		if p.ID != 0 {
			texts[i] += "(" + positive(p.ID) + ")"
		}
		if p.Ours {
			texts[i] += "*"
		}
	}
	return strings.Join(texts, " ")
}

func positive(n uint32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}
