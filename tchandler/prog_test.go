// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/tchandler"
)

// returning is a program of one instruction and an end, as the caller loads it.
func returning(tb testing.TB, kind ebpf.ProgramType, at ebpf.AttachType, verdict int32) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "foreign", Type: kind, AttachType: at, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()},
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}

// attachTCX puts a program of another tool behind those on a link.
func attachTCX(tb testing.TB, ns *netns.NS, index int, at ebpf.AttachType, verdict int32) {
	tb.Helper()
	prog := returning(tb, ebpf.SchedCLS, at, verdict)
	var l link.Link
	err := ns.Do(func() error {
		var err error
		l, err = link.AttachTCX(link.TCXOptions{Interface: index, Program: prog, Attach: at, Anchor: link.Tail()})
		return err
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(l.Close())) })
}

func TestRow07ProgramsOfOthersHideNoPackets(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	// There first, and dropping all.
	attachTCX(t, p.host, p.links[0].Index, ebpf.AttachTCXEgress, verdictShot)
	h, g := newHandler(t, ingress, boathook.Options{Backend: boathook.TCX})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	for range 3 {
		_, _ = p.links[0].outer.WriteTo([]byte("x"), p.links[0].inner.LocalAddr()) // is told of the drop
	}
	qt.Check(t, qt.Equals(g.took(t, p.inside), 3))
}

func TestRow12ProgramThatCannotRunIsRefusedByName(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, g := newHandler(t, ingress, boathook.Options{})
	refuse := func() {
		t.Helper()
		err := h.AttachProg(returning(t, ebpf.SocketFilter, ebpf.AttachNone, 0))
		qt.Check(t, qt.ErrorIs(err, boathook.ErrRefused))
		qt.Check(t, qt.ErrorMatches(err, `program foreign was loaded as SocketFilter, .*`))
		// Kernels before Linux commit 4540aed51b12 run it.
		if err := h.AttachProg(returning(t, ebpf.SchedCLS, ebpf.AttachTCXIngress, 0)); err != nil {
			qt.Check(t, qt.ErrorIs(err, boathook.ErrRefused))
			qt.Check(t, qt.ErrorMatches(err, `program foreign was loaded with attach type TCXIngress, .*`))
		}
	}
	refuse()
	qt.Assert(t, qt.IsNil(h.AttachProg(g.Program)))
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	refuse()
	qt.Check(t, qt.Equals(p.links[0].receive(t, 3), 3))
	qt.Check(t, qt.Equals(g.took(t, p.inside), 3), qt.Commentf("the program before runs on"))
}

func TestRow16VerdictsDecideNothing(t *testing.T) {
	t.Parallel()
	for _, verdict := range []int32{verdictOK, verdictShot} {
		t.Run(strconv.Itoa(int(verdict)), func(t *testing.T) {
			t.Parallel()
			backends(t, func(t *testing.T, opts boathook.Options) {
				t.Helper()
				p := newPod(t, 1)
				l := p.links[0]
				h, _ := newHandler(t, ingress, opts)
				qt.Assert(t, qt.IsNil(h.AttachProg(newGadget(t, verdict).Program)))
				qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
				qt.Check(t, qt.Equals(l.receive(t, 4), 4), qt.Commentf("nothing is dropped"))
				// A policy behind ours: TC_ACT_OK must not keep it from its say.
				addPolicy(t, p, opts.Backend)
				for range 4 {
					_, _ = l.outer.WriteTo([]byte("x"), l.inner.LocalAddr()) // is told of the drop
				}
				qt.Check(t, qt.Equals(drain(t, l.inner), 0), qt.Commentf("all dropped by the policy"))
			})
		})
	}
}

// addPolicy drops what the pod receives, behind what others attached.
func addPolicy(tb testing.TB, p *pod, backend boathook.Backend) {
	tb.Helper()
	drop := map[string]*ebpf.Program{"drop": returning(tb, ebpf.SchedCLS, ebpf.AttachNone, verdictShot)}
	policy, err := boathook.New(boathook.Options{
		Program: boathook.Program{Loaded: drop, Ingress: "drop"}, Verdict: boathook.Drop,
		Backend: backend, Order: boathook.Order{Position: boathook.Last},
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(policy.Close())) })
	qt.Assert(tb, qt.IsNil(policy.Add(tb.Context(), boathook.Target{ID: "all", PID: p.pid})))
}

func TestRow33PacketsBeforeTheProgramAreCounted(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 1)
		l := p.links[0]
		h, err := tchandler.NewHandlerWith(ingress, opts)
		testutil.SkipIfNotSupported(t, err)
		qt.Assert(t, qt.IsNil(err))
		defer func() { qt.Check(t, qt.IsNil(h.Close())) }()
		qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
		qt.Assert(t, qt.IsNil(h.AttachIface(&l.Interface)))
		qt.Check(t, qt.Equals(l.receive(t, 5)+l.send(t, 2), 7))
		g := newGadget(t, verdictShot)
		qt.Assert(t, qt.IsNil(h.AttachProg(g.Program)))
		qt.Check(t, qt.Equals(l.receive(t, 3), 3))
		qt.Check(t, qt.Equals(g.took(t, p.inside), 3))
		early, err := h.PacketsBeforeProg()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(early, 7))
	})
}

func TestProgramStaysTheCallersAndMayBeReplaced(t *testing.T) {
	t.Parallel()
	p := newPod(t, 1)
	h, first := newHandler(t, ingress, boathook.Options{})
	qt.Assert(t, qt.IsNil(h.AttachContainer(p.container("a"))))
	qt.Check(t, qt.Equals(p.links[0].receive(t, 3), 3))
	second := newGadget(t, verdictUnspec)
	theirs, err := second.Clone()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(h.AttachProg(theirs)))
	qt.Assert(t, qt.IsNil(theirs.Close()))
	qt.Check(t, qt.Equals(p.links[0].receive(t, 2), 2))
	qt.Check(t, qt.Equals(first.took(t, p.inside), 3))
	qt.Check(t, qt.Equals(second.took(t, p.inside), 2))
	qt.Assert(t, qt.IsNil(h.Close()))
	_, err = second.Info()
	qt.Check(t, qt.IsNil(err))
}
