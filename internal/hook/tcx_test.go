// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

func TestTCXRunsOnItsPointUntilDetached(t *testing.T) {
	t.Parallel()
	for _, point := range []hook.Point{hook.Ingress, hook.Egress} {
		t.Run(point.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			set := mustOpen(t, p.near, hook.TCX, hook.Options{})
			qt.Assert(t, qt.IsTrue(p.pings()))

			drop := mustProgram(t, "drop", shot)
			hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Point: point, Program: drop})
			qt.Check(t, qt.Equals(hooks[0].Program(), mustID(t, drop)))
			qt.Assert(t, qt.IsFalse(hooks[0].Gone()))
			qt.Assert(t, qt.IsFalse(p.pings()))

			qt.Assert(t, qt.IsNil(set.Detach(hooks)))
			qt.Assert(t, qt.IsTrue(hooks[0].Gone()))
			qt.Assert(t, qt.IsTrue(p.pings()))
		})
	}
}

func TestTCXPointsOfALinkAreApart(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	in, out := mustProgram(t, "in", unspec), mustProgram(t, "out", unspec)

	mustAttach(t, set,
		hook.Request{Index: p.nearIndex, Point: hook.Ingress, Program: in},
		hook.Request{Index: p.nearIndex, Point: hook.Egress, Program: out})

	qt.Check(t, qt.DeepEquals(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXIngress), []ebpf.ProgramID{mustID(t, in)}))
	qt.Check(t, qt.DeepEquals(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXEgress), []ebpf.ProgramID{mustID(t, out)}))
}

func TestTCXOrder(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	var progs [5]*ebpf.Program
	var ids [5]ebpf.ProgramID
	for i := range progs {
		progs[i] = mustProgram(t, "order", unspec)
		ids[i] = mustID(t, progs[i])
	}
	for i, order := range []hook.Order{
		{},
		{Position: hook.First},
		{Position: hook.Last},
		{Position: hook.Before, Program: ids[0]},
		{Position: hook.After, Program: ids[0]},
	} {
		mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: progs[i], Order: order})
	}
	qt.Assert(t, qt.DeepEquals(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXIngress),
		[]ebpf.ProgramID{ids[1], ids[3], ids[0], ids[4], ids[2]}))
}

func TestTCXOrderRelativeToAnAbsentProgram(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	elsewhere, prog := mustProgram(t, "elsewhere", unspec), mustProgram(t, "ours", unspec)

	_, errs := set.Attach(t.Context(), []hook.Request{{
		Index: p.nearIndex, Program: prog,
		Order: hook.Order{Position: hook.Before, Program: mustID(t, elsewhere)},
	}})

	qt.Assert(t, qt.ErrorIs(errs[0], hook.ErrOrder))
	qt.Assert(t, qt.HasLen(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXIngress), 0))
}

func TestTCXSameProgramTwiceOnAPoint(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	req := hook.Request{Index: p.nearIndex, Program: mustProgram(t, "twice", unspec)}
	mustAttach(t, set, req)

	_, errs := set.Attach(t.Context(), []hook.Request{req})

	qt.Assert(t, qt.ErrorIs(errs[0], unix.EEXIST))
}

func TestTCXLeavesForeignProgramsAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	foreign, ours := mustProgram(t, "foreign", unspec), mustProgram(t, "ours", unspec)
	theirSet := mustOpen(t, p.near, hook.TCX, hook.Options{})
	mustAttach(t, theirSet, hook.Request{Index: p.nearIndex, Program: foreign})
	set, err := hook.Open(p.near, hook.TCX, hook.Options{})
	qt.Assert(t, qt.IsNil(err))
	mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: ours})

	qt.Assert(t, qt.IsNil(set.Close()))

	qt.Assert(t, qt.DeepEquals(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXIngress), []ebpf.ProgramID{mustID(t, foreign)}))
}

func TestTCXOfAVanishedLinkIsGoneAndDetaches(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "gone", unspec)})

	testutil.Exec(t, p.near, "ip", "link", "del", "near0")

	qt.Assert(t, qt.IsTrue(hooks[0].Gone()))
	qt.Assert(t, qt.IsNil(set.Detach(hooks)))
}

func TestAttachFailsForBadRequestsAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	prog := mustProgram(t, "mixed", unspec)
	filter := mustSocketFilter(t)

	hooks, errs := set.Attach(t.Context(), []hook.Request{
		{Index: 4242, Program: prog},
		{Index: p.nearIndex, Program: prog},
		{Index: p.nearIndex},
		{Index: -1, Program: prog},
		{Index: p.nearIndex, Point: 7, Program: prog},
		{Index: p.nearIndex, Program: filter},
		{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: 9}},
	})

	qt.Check(t, qt.ErrorIs(errs[0], unix.ENODEV))
	qt.Check(t, qt.ErrorMatches(errs[0], "attach to ingress of ifindex 4242: .*"))
	qt.Check(t, qt.IsNil(errs[1]))
	qt.Check(t, qt.IsNotNil(hooks[1]))
	qt.Check(t, qt.ErrorIs(errs[2], unix.EINVAL))
	qt.Check(t, qt.ErrorIs(errs[3], unix.ENODEV))
	qt.Check(t, qt.ErrorIs(errs[4], unix.EINVAL))
	qt.Check(t, qt.ErrorMatches(errs[5], ".*program type SocketFilter.*"))
	qt.Check(t, qt.ErrorIs(errs[6], hook.ErrOrder))
	for i, h := range hooks {
		qt.Check(t, qt.Equals(h == nil, i != 1))
	}
}

func TestDetachIsIdempotent(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "again", unspec)})

	qt.Assert(t, qt.IsNil(set.Detach([]*hook.Hook{hooks[0], nil, hooks[0]})))
	qt.Assert(t, qt.IsNil(set.Detach(hooks)))
	qt.Assert(t, qt.IsNil(set.Close()))
	qt.Assert(t, qt.IsNil(set.Close()))
}

func TestCloseDetachesAndEndsAttaching(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	req := hook.Request{Index: p.nearIndex, Program: mustProgram(t, "closed", unspec)}
	hooks := mustAttach(t, set, req)

	qt.Assert(t, qt.IsNil(set.Close()))

	qt.Check(t, qt.HasLen(tcxPrograms(t, p.near, p.nearIndex, ebpf.AttachTCXIngress), 0))
	qt.Check(t, qt.IsTrue(hooks[0].Gone()))
	_, errs := set.Attach(t.Context(), []hook.Request{req})
	qt.Check(t, qt.ErrorIs(errs[0], os.ErrClosed))
}

func TestTCXProgramMayBeClosedOnceAttached(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	prog := mustProgram(t, "closing", shot)
	mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: prog})

	qt.Assert(t, qt.IsNil(prog.Close()))

	qt.Assert(t, qt.IsFalse(p.pings()))
}

func TestOpenInAClosedNamespace(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	qt.Assert(t, qt.IsNil(ns.Close()))
	_, err := hook.Open(ns, hook.TCX, hook.Options{})
	qt.Assert(t, qt.ErrorIs(err, os.ErrClosed))
}
