// SPDX-License-Identifier: Apache-2.0

package boathook

import "github.com/boathook/boathook/internal/netns"

// tenant is a network namespace with the targets that live in it. All of them
// share its attachments.
type tenant struct {
	ns          *netns.NS // nil for the tenant of the interface targets
	targets     map[string]Target
	attachments map[placement]*attachment
	// exact are the links of interface targets that go by ifindex, by target id.
	exact map[string]*exactLink
	// nsids is what the homes call ns, for telling which of their links concern it.
	nsids map[netns.Key]int
	// watched says that ns is watched by itself, since no home heard of its links.
	watched bool
	err     error // of the last attempt
	// linkErrs are the parts of err that concern single interfaces, by ifindex.
	linkErrs map[int]error
	// doubted are the interfaces whose hooks the next look is about; nil is all.
	doubted map[int]bool
	retry   backoff
}

func newTenant(ns *netns.NS) *tenant {
	return &tenant{ns: ns, targets: map[string]Target{}, attachments: map[placement]*attachment{}, exact: map[string]*exactLink{}, nsids: map[netns.Key]int{}}
}

func (t *tenant) list() []*attachment {
	list := make([]*attachment, 0, len(t.attachments))
	for _, a := range t.attachments {
		list = append(list, a)
	}
	return list
}

func (t *tenant) close() error {
	if t.ns == nil {
		return nil
	}
	return t.ns.Close()
}

// inode is what programs find in cb[0].
func (t *tenant) inode(r *Runtime) uint32 {
	if t.ns == nil {
		return r.self.Inode()
	}
	return t.ns.Inode()
}

// anyTarget is one of the targets, for a notice.
func (t *tenant) anyTarget() string {
	for id := range t.targets {
		return id
	}
	return ""
}
