// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/bench/baseline"
)

const (
	// many containers are what aims are for. With few, the baseline has fewer links to
	// look through.
	many, few = 1000, 100
	// parts is in how many parts the baseline attaches, ours being measured in between.
	parts = 4
	// singles is how often one container is attached and detached.
	singles = 15
)

// BenchmarkContainers is what a host full of containers takes.
func BenchmarkContainers(b *testing.B) {
	n := many
	if testing.Short() {
		n = few
	}
	h := newHost(b, n)
	b.Run("attach", h.benchmarkAttach)
	b.Run("one", h.benchmarkOne)
	b.Run("killed", h.benchmarkKilled)
	b.Run("swap", h.benchmarkSwap)
	b.Run("others", h.benchmarkOthers)
}

// aim is one that holds for many containers.
func (h *host) aim(a aim) aim {
	if len(h.containers) < many {
		return aim{}
	}
	return a
}

// attached is what it took to attach to all containers, both directions, and to
// detach, in nanoseconds, and what was held in between for each attachment.
type attached struct {
	start, attach, detach []float64
	held                  []memory
}

// benchmarkAttach attaches to all containers in each of our ways and, by parts in
// between, in the predecessor's.
func (h *host) benchmarkAttach(b *testing.B) {
	ways := []way{bursts, clsact, plain}
	ours := make([]attached, len(ways))
	var theirs attached
	var steps baseline.Times
	prog := mustProgram(b, empty())
	defer func() { qt.Check(b, qt.IsNil(prog.Close())) }()
	for part := range parts {
		for i, w := range ways {
			if w.opts.NeverExpedite && part > 0 { // a grace period for every hook: half a minute
				continue
			}
			h.measure(b, w, &ours[i])
		}
		containers := h.containers[part*len(h.containers)/parts : (part+1)*len(h.containers)/parts]
		before := holding(b)
		var p *predecessor
		theirs.start = append(theirs.start, took(func() { p = newPredecessor(b, prog) }))
		theirs.attach = append(theirs.attach, took(func() { p.attach(b, containers...) }))
		theirs.held = append(theirs.held, holding(b).less(before).each(2*len(containers)))
		for _, handler := range p.handlers {
			steps = steps.Plus(handler.Times())
		}
		theirs.detach = append(theirs.detach, took(func() { p.detach(b, containers...) }))
		p.close(b)
		h.removeQdiscs(b)
	}
	h.reportAttach(b, ways, ours, theirs)
	h.reportMemory(b, ways, ours, theirs)
	for _, step := range steps.Steps() {
		report(b, figure{
			name: "one of the baseline's attachments: " + step.Name, unit: duration,
			ours: none, baseline: float64(step.Took) / float64(2*len(h.containers)),
		})
	}
}

func (h *host) measure(b *testing.B, w way, into *attached) {
	b.Helper()
	before := holding(b)
	var rt *boathook.Runtime
	into.start = append(into.start, took(func() { rt = w.runtime(b) }))
	into.attach = append(into.attach, took(func() { add(b, rt, h.targets...) }))
	list, err := rt.Attachments()
	qt.Assert(b, qt.IsNil(err))
	qt.Assert(b, qt.HasLen(list, 2*len(h.containers)))
	into.held = append(into.held, holding(b).less(before).each(2*len(h.containers)))
	into.detach = append(into.detach, took(func() { remove(b, rt, h.targets...) }))
	qt.Check(b, qt.IsNil(rt.Close()))
	h.removeQdiscs(b)
}

func (h *host) reportAttach(b *testing.B, ways []way, ours []attached, theirs attached) {
	b.Helper()
	n := len(h.containers)
	aims := map[string]aim{bursts.name: times(300), clsact.name: times(150)}
	for i, w := range ways {
		report(b, figure{
			name: fmt.Sprintf("attach-%d, both directions, %s", n, w.name), unit: duration,
			ours: middle(ours[i].attach), baseline: total(theirs.attach), aim: h.aim(aims[w.name]),
		})
	}
	report(b, figure{
		name: "what comes before: New, NewHandler and AttachProg", unit: duration,
		ours: middle(ours[0].start), baseline: middle(theirs.start),
	})
	for i, w := range ways {
		report(b, figure{
			name: fmt.Sprintf("detach-%d, both directions, %s", n, w.name), unit: duration,
			ours: middle(ours[i].detach), baseline: total(theirs.detach),
		})
	}
}

func (h *host) reportMemory(b *testing.B, ways []way, ours []attached, theirs attached) {
	b.Helper()
	for i, w := range ways {
		if w.opts.NeverExpedite {
			continue
		}
		for _, part := range []struct {
			name string
			of   func(memory) float64
			unit unit
			aim  aim
		}{
			{"kernel memory", func(m memory) float64 { return m.kernel }, size, ofBaseline(0.3)},
			{"resident memory", func(m memory) float64 { return m.resident }, size, aim{}},
			{"file descriptors", func(m memory) float64 { return m.files }, number, aim{}},
		} {
			report(b, figure{
				name: part.name + " per attachment, " + w.name, unit: part.unit, aim: part.aim,
				ours: median(ours[i].held, part.of), baseline: median(theirs.held, part.of),
			})
		}
	}
}

// benchmarkOne attaches to one container while all others are attached.
func (h *host) benchmarkOne(b *testing.B) {
	prog := mustProgram(b, empty())
	defer func() { qt.Check(b, qt.IsNil(prog.Close())) }()
	last := len(h.targets) - 1
	p := newPredecessor(b, prog)
	defer p.close(b)
	for _, w := range []way{bursts, clsact} {
		rt := w.runtime(b)
		add(b, rt, h.targets[:last]...)
		var ours, theirs []float64
		for range singles {
			ours = append(ours, took(func() { add(b, rt, h.targets[last]) }))
			remove(b, rt, h.targets[last])
			theirs = append(theirs, took(func() { p.attach(b, h.containers[last]) }))
			p.detach(b, h.containers[last])
		}
		qt.Check(b, qt.IsNil(rt.Close()))
		h.removeQdiscs(b)
		report(b, figure{
			name: fmt.Sprintf("attach-one among %d, both directions, %s", len(h.containers), w.name), unit: duration,
			ours: middle(ours), baseline: middle(theirs), aim: h.aim(times(100)),
		})
	}
}

func total(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum
}
