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

// warnLocked tells of programs that fresh attachments may cut off.
func (r *Runtime) warnLocked(fresh []*attachment) {
	if r.opts.Verdict != Enforce {
		return
	}
	for _, a := range fresh {
		if a.hook == nil {
			continue
		}
		behind, err := r.behindLocked(a)
		if err == nil && len(behind) > 0 {
			err = fmt.Errorf("%s of %s: %w: %s", a.point, a.linkName(), ErrCutsOff, strings.Join(behind, ", "))
		}
		if err != nil {
			r.notify(Notice{Err: err})
		}
	}
}

// behindLocked names what stands behind an attachment on its hook.
func (r *Runtime) behindLocked(a *attachment) ([]string, error) {
	ns := a.tenant.ns
	if s := r.spaces[a.space]; s.own != nil {
		ns = s.own
	}
	entries, err := hook.List(ns, a.index)
	if err != nil {
		return nil, err
	}
	var behind []string
	passed := false
	for _, e := range entries {
		switch {
		case e.Point != a.point:
		case e.ProgramID == a.hook.Program():
			passed = true
		case passed:
			name := e.ProgramName
			if name == "" {
				name = e.Kind
			}
			behind = append(behind, fmt.Sprintf("%s (%s)", name, e.Backend))
		}
	}
	return behind, nil
}
