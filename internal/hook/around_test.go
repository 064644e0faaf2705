// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

// What is said of hooks just made is what the kernel lists, whether the link was
// bare or somebody was there already.
func TestAroundIsWhatListSays(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(tb testing.TB, p pair){
		"bare":          func(testing.TB, pair) {},
		"a tcx program": attachForeign,
		"a qdisc":       addQdisc,
		"a qdisc and filter": func(tb testing.TB, p pair) {
			tb.Helper()
			addQdisc(tb, p)
			addForeign(tb, p.near, hook.Ingress)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			before(t, p)
			set := mustOpen(t, p.near, hook.Clsact, hook.Options{})
			hooks := mustAttach(t, set,
				hook.Request{Index: p.nearIndex, Program: mustProgram(t, "in2", unspec)},
				hook.Request{Index: p.nearIndex, Program: mustProgram(t, "in1", unspec)},
				hook.Request{Index: p.nearIndex, Point: hook.Egress, Program: mustProgram(t, "out", unspec)})
			want, _ := mustList(t, p.near, p.nearIndex)

			got, errs := hook.Around(p.near, hooks)
			for i := range hooks {
				qt.Check(t, qt.IsNil(errs[i]))
				qt.Check(t, qt.DeepEquals(got[i], want))
			}
		})
	}
}

// attachForeign puts a TCX program on the near end.
func attachForeign(tb testing.TB, p pair) {
	tb.Helper()
	mustAttach(tb, mustOpen(tb, p.near, hook.TCX, hook.Options{}),
		hook.Request{Index: p.nearIndex, Program: mustProgram(tb, "foreign", unspec)})
}

func addQdisc(tb testing.TB, p pair) {
	tb.Helper()
	testutil.Exec(tb, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
}
