// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
)

var errAttacher = errors.New("attacher")

// fakeAttacher calls back instead of changing anything.
type fakeAttacher struct {
	during func()
	fail   bool
}

func (f *fakeAttacher) attach(_ context.Context, reqs []Request) ([]*Hook, []error) {
	f.during()
	hooks := make([]*Hook, len(reqs))
	for i, req := range reqs {
		hooks[i] = &Hook{index: req.Index, point: req.Point}
	}
	return hooks, make([]error, len(reqs))
}

func (f *fakeAttacher) detach(hooks []*Hook) []error {
	f.during()
	errs := make([]error, len(hooks))
	if f.fail {
		fill(errs, errAttacher)
	}
	return errs
}

func (*fakeAttacher) gone(hooks []*Hook) []bool { return make([]bool, len(hooks)) }

func TestWindowIsForAnyNumberOfHooks(t *testing.T) {
	t.Parallel()
	prog := mustProgram(t)
	for n, want := range map[int]string{1: openValue, 2: openValue, 100: openValue} {
		h := newFakeHost(t)
		var values []string
		set := &Set{
			via:   &fakeAttacher{during: func() { values = append(values, h.value(t)) }},
			opts:  Options{Expedite: h.w},
			hooks: make(map[*Hook]struct{}),
		}
		reqs := make([]Request, n)
		for i := range reqs {
			reqs[i] = Request{Index: i + 1, Program: prog}
		}
		hooks, _ := set.Attach(t.Context(), reqs)
		qt.Check(t, qt.IsNil(set.Detach(hooks)))
		qt.Check(t, qt.DeepEquals(values, []string{want, want}), qt.Commentf("%d hooks", n))
		qt.Check(t, qt.Equals(h.value(t), "0"))
	}
}

func TestFailedDetachMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	fake := &fakeAttacher{during: func() {}, fail: true}
	set := &Set{via: fake, hooks: make(map[*Hook]struct{})}
	hooks, _ := set.Attach(t.Context(), []Request{{Index: 5, Point: Egress, Program: mustProgram(t)}})

	err := set.Close()
	qt.Check(t, qt.ErrorIs(err, errAttacher))
	qt.Check(t, qt.ErrorMatches(err, "detach from egress of ifindex 5: attacher"))
	qt.Check(t, qt.IsFalse(hooks[0].Gone()))

	fake.fail = false
	qt.Check(t, qt.IsNil(set.Close()))
	qt.Check(t, qt.IsTrue(hooks[0].Gone()))
}

func TestCloseTellsThatTheWindowStayedOpen(t *testing.T) {
	t.Parallel()
	h := newFakeHost(t)
	prog := mustProgram(t)
	// The value becomes unreadable while the window is open.
	spoil := func() {
		qt.Check(t, qt.IsNil(os.Truncate(h.w.files.expedited, 0)))
	}
	set := &Set{
		via:   &fakeAttacher{during: func() { spoil(); spoil = func() {} }},
		opts:  Options{Expedite: h.w},
		hooks: make(map[*Hook]struct{}),
	}
	hooks, errs := set.Attach(t.Context(), []Request{{Index: 1, Program: prog}, {Index: 2, Program: prog}})
	for i := range hooks {
		qt.Check(t, qt.IsNil(errs[i]))
		qt.Check(t, qt.IsNotNil(hooks[i]))
	}
	qt.Check(t, qt.IsNil(set.Detach(hooks[:1])))
	qt.Check(t, qt.ErrorMatches(set.Close(), "restore .*/expedited: .*"))
	qt.Check(t, qt.IsNil(set.Close()))
}

func TestGoneOfManyKnowsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	set := &Set{via: &fakeAttacher{during: func() {}}, hooks: make(map[*Hook]struct{})}
	prog := mustProgram(t)
	hooks, _ := set.Attach(t.Context(), []Request{{Index: 1, Program: prog}, {Index: 2, Program: prog}, {Index: 3, Program: prog}})
	qt.Assert(t, qt.IsNil(set.Detach(hooks[1:2])))
	got := set.Gone([]*Hook{hooks[0], hooks[1], {}, hooks[2]})
	qt.Check(t, qt.DeepEquals(got, []bool{false, true, true, false}))
	qt.Check(t, qt.HasLen(set.Gone(nil), 0))
}
