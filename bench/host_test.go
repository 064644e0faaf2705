// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/bench/baseline"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// host is the network namespace of this process with containers.
type host struct {
	ns         *netns.NS
	containers []*netns.NS
	targets    []boathook.Target
}

func newHost(tb testing.TB, containers int) *host {
	tb.Helper()
	self, err := netns.Self()
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(self.Close())) })
	h := &host{ns: self, containers: testutil.Containers(tb, self, containers)}
	for _, c := range h.containers {
		h.targets = append(h.targets, boathook.Target{ID: c.String(), NetnsPath: testutil.Path(c)})
	}
	return h
}

// removeQdiscs takes away what clsact leaves, by design or because the link is
// too young, so that whoever comes next begins with nothing.
func (h *host) removeQdiscs(tb testing.TB) {
	tb.Helper()
	var batch strings.Builder
	for _, c := range h.containers {
		fmt.Fprintf(&batch, "qdisc del dev %s clsact\n", testutil.HostLink(c))
	}
	// Fails for links that have none.
	_, _ = testutil.ExecInput(h.ns, batch.String(), "tc", "-force", "-batch", "-")
}

// way is one of ours to attach.
type way struct {
	name string
	opts boathook.Options
}

var (
	bursts = way{"TCX in bursts", boathook.Options{Backend: boathook.TCX}}
	plain  = way{"TCX plain", boathook.Options{Backend: boathook.TCX, NeverExpedite: true}}
	clsact = way{"clsact", boathook.Options{Backend: boathook.Clsact}}
)

// bothWays is an empty program for both directions.
func bothWays() boathook.Program {
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": programSpec(empty())}}
	return boathook.Program{Spec: spec, Ingress: "prog", Egress: "prog"}
}

// runtime makes a Runtime with an empty program for both directions. The caller
// closes it, which may be done twice.
func (w way) runtime(tb testing.TB) *boathook.Runtime {
	tb.Helper()
	opts := w.opts
	opts.Program = bothWays()
	rt, err := boathook.New(opts)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(rt.Close())) })
	return rt
}

func add(tb testing.TB, rt *boathook.Runtime, targets ...boathook.Target) {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(rt.Add(context.Background(), targets...)))
}

func remove(tb testing.TB, rt *boathook.Runtime, targets ...boathook.Target) {
	tb.Helper()
	ids := make([]string, len(targets))
	for i, t := range targets {
		ids[i] = t.ID
	}
	qt.Assert(tb, qt.IsNil(rt.Remove(ids...)))
}

// predecessor is the baseline's way: a handler for each direction.
type predecessor struct{ handlers [2]*baseline.Handler }

// newPredecessor makes handlers with prog behind them. The caller closes it.
func newPredecessor(tb testing.TB, prog *ebpf.Program) *predecessor {
	tb.Helper()
	p := &predecessor{}
	for i, d := range []baseline.Direction{baseline.Ingress, baseline.Egress} {
		var err error
		p.handlers[i], err = baseline.NewHandler(d)
		qt.Assert(tb, qt.IsNil(err))
		qt.Assert(tb, qt.IsNil(p.handlers[i].AttachProg(prog)))
	}
	return p
}

func (p *predecessor) attach(tb testing.TB, containers ...*netns.NS) {
	tb.Helper()
	for _, c := range containers {
		for _, h := range p.handlers {
			qt.Assert(tb, qt.IsNil(h.AttachContainer(testutil.Path(c))))
		}
	}
}

func (p *predecessor) detach(tb testing.TB, containers ...*netns.NS) {
	tb.Helper()
	for _, c := range containers {
		for _, h := range p.handlers {
			qt.Assert(tb, qt.IsNil(h.DetachContainer(testutil.Path(c))))
		}
	}
}

func (p *predecessor) close(tb testing.TB) {
	tb.Helper()
	for _, h := range p.handlers {
		qt.Check(tb, qt.IsNil(h.Close()))
	}
}

// took is how long fn takes, in nanoseconds.
func took(fn func()) float64 {
	before := time.Now()
	fn()
	return float64(time.Since(before))
}
