// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
)

func TestALoadedProgramStaysTheCallers(t *testing.T) {
	t.Parallel()
	coll, err := ebpf.NewCollection(returning(verdictShot))
	qt.Assert(t, qt.IsNil(err))
	defer coll.Close()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: boathook.Program{Loaded: coll.Programs, Egress: "prog"}})
	add(t, rt, s.hosted(t, "web"))
	host, inner := listen(t, s.host, hostAddr), listen(t, s.inside, innerAddr)
	qt.Check(t, qt.Equals(send(t, inner, host, 3), 3))
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 3))
	qt.Assert(t, qt.IsNil(rt.Close()))
	// Its program and maps are still there for others.
	_, err = coll.Programs["prog"].Info()
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(counter(t, coll.Maps["seen"]), 3))
}

func TestLoadedProgramsThatCannotRunAreRefusedByName(t *testing.T) {
	t.Parallel()
	spec := returning(verdictShot).Programs["prog"]
	spec.Type = ebpf.SocketFilter
	spec.Instructions = spec.Instructions[8:] // without the map
	spec.Instructions[0] = spec.Instructions[0].WithSymbol("prog")
	prog, err := ebpf.NewProgram(spec)
	qt.Assert(t, qt.IsNil(err))
	defer prog.Close()
	load := func(p *ebpf.Program) error {
		_, err := boathook.New(boathook.Options{Program: boathook.Program{
			Loaded: map[string]*ebpf.Program{"mine": p}, Ingress: "mine",
		}})
		return err
	}
	qt.Check(t, qt.ErrorMatches(load(prog), "program mine was loaded as SocketFilter, .*"))
	qt.Check(t, qt.ErrorIs(load(nil), boathook.ErrNoProgram))

	tcx := returning(verdictShot).Programs["prog"].Copy()
	tcx.Instructions = spec.Instructions
	tcx.AttachType = ebpf.AttachTCXIngress
	other, err := ebpf.NewProgram(tcx)
	qt.Assert(t, qt.IsNil(err))
	defer other.Close()
	err = load(other)
	if err != nil { // kernels before commit 4540aed51b12 take it
		qt.Check(t, qt.ErrorMatches(err, "program mine cannot run behind the dispatcher: .*"))
	}
	qt.Assert(t, qt.IsNil(prog.Close()))
	qt.Check(t, qt.ErrorMatches(load(prog), "program mine is nil or closed"))
}
