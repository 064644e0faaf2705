// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/bench/baseline"
	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// swaps is how often each side puts another program in.
const swaps = 20

// benchmarkSwap puts another program on all containers, one direction, while
// numbered packets flow: by Runtime.Replace; by the predecessor's AttachProg, which
// changes one map, whereupon the kernel patches the jump in each of its
// dispatchers; and by a filter replaced on each link, which is what there is
// without a dispatcher.
func (h *host) benchmarkSwap(b *testing.B) {
	program := func() boathook.Program { return boathook.Program{Spec: marking(), Egress: "prog"} }
	rt, err := boathook.New(boathook.Options{Program: program(), Backend: boathook.TCX})
	testutil.SkipIfNotSupported(b, err)
	qt.Assert(b, qt.IsNil(err))
	defer func() { qt.Check(b, qt.IsNil(rt.Close())) }()
	add(b, rt, h.targets...)
	bare := h.newBare(b)
	defer func() {
		bare.close(b)
		h.removeQdiscs(b)
	}()
	slot := h.newSlot(b)
	defer slot.close(b)

	var whole, filters, loads, commits, slots []float64
	traffic := h.newTraffic(b)
	for range swaps {
		whole = append(whole, took(func() { qt.Assert(b, qt.IsNil(rt.Replace(context.Background(), program()))) }))
		commits = append(commits, slot.swap(b))
		load, replace := bare.swap(b)
		loads, filters = append(loads, load+replace), append(filters, replace)
		slots = append(slots, slot.predecessor(b))
	}
	sent := traffic.end(b)

	missed, twice := account(b, rt.Maps()["seen"], sent)
	missedBare, twiceBare := account(b, bare.seen, sent)
	name := fmt.Sprintf("swap-%d under traffic", len(h.containers))
	for _, f := range []figure{
		{name: name + ", the switch", ours: middle(commits), baseline: middle(slots), unit: duration, aim: h.aim(times(200))},
		{name: name + ", the switch, against filters replaced", ours: middle(commits), baseline: middle(filters), unit: duration},
		{name: name + ", all of Replace, against load and filters", ours: middle(whole), baseline: middle(loads), unit: duration},
		{name: fmt.Sprintf("%s, packets seen by neither, of %.2g million", name, float64(sent)/1e6), ours: missed, baseline: missedBare, unit: number, aim: atMost(0, number)},
		{name: name + ", packets seen by both", ours: twice, baseline: twiceBare, unit: number, aim: atMost(0, number)},
	} {
		report(b, f)
	}
	qt.Check(b, qt.Equals(missed+twice, 0))
}

// bare is the program as a filter on every link.
type bare struct {
	filters *baseline.Filters
	seen    *ebpf.Map
	running *ebpf.Program
}

func (h *host) newBare(tb testing.TB) *bare {
	tb.Helper()
	filters, err := baseline.NewFilters(baseline.Egress)
	qt.Assert(tb, qt.IsNil(err))
	seen, err := ebpf.NewMap(marking().Maps["seen"])
	qt.Assert(tb, qt.IsNil(err))
	r := &bare{filters: filters, seen: seen}
	r.running = r.load(tb)
	for _, c := range h.containers {
		qt.Assert(tb, qt.IsNil(filters.Attach(testutil.Index(tb, h.ns, testutil.HostLink(c)), r.running)))
	}
	return r
}

func (r *bare) load(tb testing.TB) *ebpf.Program {
	tb.Helper()
	var objs struct {
		Prog *ebpf.Program `ebpf:"prog"`
	}
	err := marking().LoadAndAssign(&objs, &ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{"seen": r.seen}})
	qt.Assert(tb, qt.IsNil(err))
	return objs.Prog
}

// swap returns how long it takes to load another program and to replace it on all
// links.
func (r *bare) swap(tb testing.TB) (load, replace float64) {
	tb.Helper()
	old := r.running
	load = took(func() { r.running = r.load(tb) })
	replace = took(func() { qt.Assert(tb, qt.IsNil(r.filters.Replace(r.running))) })
	qt.Check(tb, qt.IsNil(old.Close()))
	return load, replace
}

func (r *bare) close(tb testing.TB) {
	tb.Helper()
	qt.Check(tb, qt.IsNil(r.filters.Close()))
	qt.Check(tb, qt.IsNil(r.running.Close()))
	qt.Check(tb, qt.IsNil(r.seen.Close()))
}

// slot is a load of ours that serves as many links as there are containers, and a
// handler of the predecessor with as many dispatchers.
type slot struct {
	load        *dispatch.Load
	source      *dispatch.Source
	handler     *baseline.Handler
	dispatchers []*ebpf.Program
	progs       [2]*ebpf.Program
}

func (h *host) newSlot(tb testing.TB) *slot {
	tb.Helper()
	s := &slot{}
	var err error
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": programSpec(empty())}}
	s.source, err = dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
	qt.Assert(tb, qt.IsNil(err))
	s.load, err = dispatch.NewLoad(s.source, "prog", dispatch.LoadOptions{})
	qt.Assert(tb, qt.IsNil(err))
	for _, c := range h.containers {
		qt.Assert(tb, qt.IsNil(s.load.SetLink(testutil.Index(tb, h.ns, testutil.HostLink(c)), c.Inode())))
	}
	s.handler, err = baseline.NewHandler(baseline.Ingress)
	qt.Assert(tb, qt.IsNil(err))
	for i := range s.progs {
		s.progs[i] = mustProgram(tb, empty())
	}
	for range h.containers {
		dispatcher, err := s.handler.Dispatcher()
		qt.Assert(tb, qt.IsNil(err))
		s.dispatchers = append(s.dispatchers, dispatcher)
	}
	return s
}

func (s *slot) close(tb testing.TB) {
	tb.Helper()
	for _, prog := range append(s.dispatchers, s.progs[:]...) {
		qt.Check(tb, qt.IsNil(prog.Close()))
	}
	qt.Check(tb, qt.IsNil(s.handler.Close()))
	qt.Check(tb, qt.IsNil(s.load.Close()))
	qt.Check(tb, qt.IsNil(s.source.Close()))
}

// swap returns how long the switch itself takes that Runtime.Replace ends with.
func (s *slot) swap(tb testing.TB) float64 {
	tb.Helper()
	next, err := s.load.Prepare(s.source, "prog")
	qt.Assert(tb, qt.IsNil(err))
	commit := took(func() { qt.Assert(tb, qt.IsNil(dispatch.Commit(next))) })
	qt.Assert(tb, qt.IsNil(dispatch.Retire([]*dispatch.Swap{next})))
	return commit
}

// predecessor returns how long its own switch takes.
func (s *slot) predecessor(tb testing.TB) float64 {
	tb.Helper()
	s.progs[0], s.progs[1] = s.progs[1], s.progs[0]
	return took(func() { qt.Assert(tb, qt.IsNil(s.handler.AttachProg(s.progs[0]))) })
}
