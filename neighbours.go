// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"fmt"
	"strings"

	"github.com/boathook/boathook/internal/hook"
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
	for _, a := range fresh {
		if a.hook == nil {
			continue
		}
		ahead, behind, err := r.neighboursLocked(a)
		if err != nil {
			r.notify(Notice{Err: err})
		}
		if cutsOff && len(behind) > 0 {
			r.notify(Notice{Err: fmt.Errorf("%s of %s: %w: %s", a.point, a.linkName(), ErrCutsOff, strings.Join(behind, ", "))})
		}
		if blind && len(ahead) > 0 {
			r.notify(Notice{Err: fmt.Errorf("%s of %s: %w: %s", a.point, a.linkName(), ErrNotFirst, strings.Join(ahead, ", "))})
		}
	}
}

// neighboursLocked names what stands ahead of and behind an attachment on its hook.
func (r *Runtime) neighboursLocked(a *attachment) (ahead, behind []string, err error) {
	ns := a.tenant.ns
	if s := r.spaces[a.space]; s.own != nil {
		ns = s.own
	}
	entries, err := hook.List(ns, a.index)
	if err != nil {
		return nil, nil, err
	}
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
			behind = append(behind, name)
		} else {
			ahead = append(ahead, name)
		}
	}
	return ahead, behind, nil
}
