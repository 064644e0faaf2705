// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"
	"strings"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
)

// ErrCutsOff says, in a [Notice], that programs of others stand behind ours on a
// hook: under [Enforce] a verdict other than TC_ACT_UNSPEC or TC_ACT_PIPE keeps
// packets from them.
var ErrCutsOff = errors.New("a final verdict keeps packets from the programs behind")

// ErrNotFirst says, in a [Notice], that programs of others stand ahead of ours on a
// hook where it was to be first, which a filter cannot be beside TCX programs or
// a filter of priority 1: what they do not pass on is not seen.
var ErrNotFirst = errors.New("packets that the programs ahead do not pass on are not seen")

// warnLocked tells of programs that fresh attachments may cut off, and of those
// that may blind them.
func (r *Runtime) warnLocked(fresh []*attachment) {
	cutsOff := r.opts.Verdict == Enforce
	blind := r.backend == hook.Clsact && r.opts.Order.on(r.opts.Verdict).Position == hook.First
	if !cutsOff && !blind {
		return
	}
	bySpace := map[netns.Key][]*attachment{}
	for _, a := range fresh {
		if a.hook != nil {
			bySpace[a.space] = append(bySpace[a.space], a)
		}
	}
	for key, list := range bySpace {
		for i, n := range r.neighboursLocked(key, list) {
			a := list[i]
			if n.err != nil {
				r.notify(Notice{Err: n.err})
			}
			if cutsOff && len(n.behind) > 0 {
				r.notify(Notice{Err: fmt.Errorf("%s of %s: %w: %s", a.point, a.linkName(), ErrCutsOff, strings.Join(n.behind, ", "))})
			}
			if blind && len(n.ahead) > 0 {
				r.notify(Notice{Err: fmt.Errorf("%s of %s: %w: %s", a.point, a.linkName(), ErrNotFirst, strings.Join(n.ahead, ", "))})
			}
		}
	}
}

// neighbours are the names of what stands ahead of and behind an attachment on
// its hook.
type neighbours struct {
	ahead, behind []string
	err           error
}

// neighboursLocked looks at all attachments of one space at once.
func (r *Runtime) neighboursLocked(key netns.Key, list []*attachment) []neighbours {
	ns := list[0].tenant.ns
	if s := r.spaces[key]; s.own != nil {
		ns = s.own
	}
	hooks := make([]*hook.Hook, len(list))
	for i, a := range list {
		hooks[i] = a.hook
	}
	entries, errs := hook.Around(ns, hooks)
	found := make([]neighbours, len(list))
	for i, a := range list {
		found[i] = a.among(entries[i])
		found[i].err = errs[i]
	}
	return found
}

// among tells the attachment's neighbours from all that is on its link.
func (a *attachment) among(entries []hook.Entry) neighbours {
	var n neighbours
	passed := false
	for _, e := range entries {
		if e.Point != a.point {
			continue
		}
		if e.ProgramID == a.hook.Program() {
			passed = true
			continue
		}
		name := e.ProgramName
		if name == "" {
			name = e.Kind
		}
		if name = fmt.Sprintf("%s (%s)", name, e.Backend); passed {
			n.behind = append(n.behind, name)
		} else {
			n.ahead = append(n.ahead, name)
		}
	}
	return n
}
