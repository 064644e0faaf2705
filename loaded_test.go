// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

// loadedByCaller loads returning(verdict) without any of our help.
func loadedByCaller(tb testing.TB, verdict int32) *ebpf.Collection {
	tb.Helper()
	coll, err := ebpf.NewCollection(returning(verdict))
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(coll.Close)
	return coll
}

// loadedAs loads a program that does nothing.
func loadedAs(tb testing.TB, kind ebpf.ProgramType, at ebpf.AttachType) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: kind, AttachType: at, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}

// bothWaysLoaded runs one loaded program in both directions.
func bothWaysLoaded(prog *ebpf.Program) boathook.Program {
	return boathook.Program{Loaded: map[string]*ebpf.Program{"mine": prog}, Ingress: "mine", Egress: "mine"}
}

func TestALoadedProgramStaysTheCallers(t *testing.T) {
	t.Parallel()
	coll := loadedByCaller(t, verdictShot)
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: boathook.Program{Loaded: coll.Programs, Egress: "prog"}})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	qt.Check(t, qt.Equals(send(t, inner, host, 3), 3))
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 3))
	qt.Check(t, qt.HasLen(rt.Maps(), 0), qt.Commentf("its maps are not the Runtime's to give"))
	qt.Assert(t, qt.IsNil(rt.Close()))
	// Its program and maps are still there for others.
	_, err := coll.Programs["prog"].Info()
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 3))
}

func TestTheCallerMayCloseALoadedProgramAfterNew(t *testing.T) {
	t.Parallel()
	coll := loadedByCaller(t, verdictShot)
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWaysLoaded(coll.Programs["prog"]), Verdict: boathook.Drop})
	qt.Assert(t, qt.IsNil(coll.Programs["prog"].Close()))
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	qt.Check(t, qt.Equals(send(t, inner, host, 2), 0))
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 2))
}

func TestTwoLoadedProgramsServeADirectionEach(t *testing.T) {
	t.Parallel()
	in, out := loadedByCaller(t, verdictUnspec), loadedByCaller(t, verdictUnspec)
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: boathook.Program{
		Loaded:  map[string]*ebpf.Program{"in": in.Programs["prog"], "out": out.Programs["prog"]},
		Ingress: "in", Egress: "out",
	}})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 3)
	send(t, host, inner, 2)
	qt.Check(t, qt.Equals(counter(t, out.Maps["seen"]), 3))
	qt.Check(t, qt.Equals(counter(t, in.Maps["seen"]), 2))
}

func TestALoadedProgramMayRunElsewhereToo(t *testing.T) {
	t.Parallel()
	coll := loadedByCaller(t, verdictUnspec)
	s := newSite(t)
	var elsewhere link.Link
	err := s.inside.Do(func() error {
		var err error
		elsewhere, err = link.AttachTCX(link.TCXOptions{Interface: s.innerIndex, Program: coll.Programs["prog"], Attach: ebpf.AttachTCXEgress})
		return err
	})
	testutil.SkipIfNotSupported(t, err)
	qt.Assert(t, qt.IsNil(err))
	defer elsewhere.Close()
	rt := newRuntime(t, boathook.Options{Program: bothWaysLoaded(coll.Programs["prog"])})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 3)
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 6), qt.Commentf("by both"))
	qt.Assert(t, qt.IsNil(rt.Close()))
	send(t, inner, host, 1)
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 7), qt.Commentf("by the caller's own link"))
}

// Only what runs is looked at: a collection holds other programs too.
func TestLoadedProgramsThatAreNotNamedMayBeAnything(t *testing.T) {
	t.Parallel()
	coll := loadedByCaller(t, verdictUnspec)
	coll.Programs["other"] = loadedAs(t, ebpf.XDP, ebpf.AttachNone)
	newRuntime(t, boathook.Options{Program: boathook.Program{Loaded: coll.Programs, Ingress: "prog"}})
}

func TestReplaceGoesFromAnObjectToALoadedProgramAndBack(t *testing.T) {
	t.Parallel()
	coll := loadedByCaller(t, verdictShot)
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	add(t, rt, s.hosted(t, "web"))
	host, inner := testutil.Listen(t, s.host, hostAddr), testutil.Listen(t, s.inside, innerAddr)
	send(t, inner, host, 1)
	for range 2 {
		qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), bothWaysLoaded(coll.Programs["prog"]))))
		send(t, inner, host, 2)
	}
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 4))
	qt.Assert(t, qt.IsNil(rt.Replace(context.Background(), bothWays(verdictUnspec))))
	send(t, inner, host, 3)
	qt.Check(t, qt.Equals(counter(t, rt.Maps()["seen"]), 3), qt.Commentf("the object's maps are made anew"))
	qt.Check(t, qt.DeepEquals(attachments(t, rt)[1].Counters.Verdicts, map[string]uint64{"unspec": 4, "shot": 4}))
}
