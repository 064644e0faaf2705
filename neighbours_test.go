// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
)

func TestEnforceTellsWhomItMayCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// Filters of somebody else, which run behind everything on TCX.
	others := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec), Backend: boathook.Clsact})
	add(t, others, s.hosted(t, "web"))
	notices := make(chan boathook.Notice, 8)
	opts := boathook.Options{
		Program: bothWays(verdictUnspec), Verdict: boathook.Enforce, Backend: boathook.TCX,
		Notify: func(n boathook.Notice) { notices <- n },
	}
	rt := newRuntime(t, opts)
	add(t, rt, s.hosted(t, "web"))
	qt.Assert(t, qt.HasLen(notices, 2))
	close(notices)
	for n := range notices {
		qt.Check(t, qt.ErrorIs(n.Err, boathook.ErrCutsOff))
		qt.Check(t, qt.ErrorMatches(n.Err, `(in|e)gress of vethweb .*: boathook \(clsact\)`))
	}
	qt.Assert(t, qt.IsNil(rt.Close()))
	qt.Check(t, qt.HasLen(attachments(t, others), 2))
}

func TestAFilterBehindAnotherProgramTellsThatItMayBeBlind(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec), Backend: boathook.TCX})
	add(t, first, s.hosted(t, "web"))
	notices := make(chan boathook.Notice, 8)
	rt := newRuntime(t, boathook.Options{
		Program: bothWays(verdictUnspec), Backend: boathook.Clsact,
		Notify: func(n boathook.Notice) { notices <- n },
	})
	add(t, rt, s.hosted(t, "web"))
	qt.Assert(t, qt.HasLen(notices, 2))
	close(notices)
	for n := range notices {
		qt.Check(t, qt.ErrorIs(n.Err, boathook.ErrNotFirst))
		qt.Check(t, qt.ErrorMatches(n.Err, `(in|e)gress of vethweb .*: boathook \(tcx\)`))
	}
}
