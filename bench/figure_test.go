// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"math"
	"slices"
	"testing"
)

// turnsPerSetup is how often both sides are measured before they are made
// anew: where the JIT happens to put a program moves a figure by a nanosecond.
const turnsPerSetup = 50

// side is one of the two things that a figure compares. It measures itself once
// and returns nanoseconds.
type side func() float64

// setup makes both sides of a figure. free takes them away.
type setup func() (ours, baseline side, free func())

// disturbed is by how much the baseline of a setup may exceed the best one: more,
// and something else kept the machine busy all the time.
const disturbed = 1.03

// compare measures both sides by turns, b.N of them, and reports what they cost
// and what ours adds. Of each setup the fastest turns count, which are those that
// nothing disturbed, and of all setups that were not disturbed as a whole the
// median.
func compare(b *testing.B, unit string, setUp setup) {
	b.Helper()
	var results []result
	for left := b.N; left > 0; left -= turnsPerSetup {
		ours, baseline, free := setUp()
		r := result{math.Inf(1), math.Inf(1)}
		for range min(left, turnsPerSetup) {
			r.baseline = min(r.baseline, baseline())
			r.ours = min(r.ours, ours())
		}
		free()
		results = append(results, r)
	}
	quiet := undisturbed(results)
	b.ReportMetric(0, "ns/op") // leaves it out: a turn is not an operation
	b.ReportMetric(median(quiet, func(r result) float64 { return r.ours }), "ours-"+unit)
	b.ReportMetric(median(quiet, func(r result) float64 { return r.baseline }), "baseline-"+unit)
	b.ReportMetric(median(quiet, func(r result) float64 { return r.ours - r.baseline }), "added-"+unit)
}

// result is the fastest turns of one setup, in nanoseconds.
type result struct{ ours, baseline float64 }

func undisturbed(results []result) []result {
	best := math.Inf(1)
	for _, r := range results {
		best = min(best, r.baseline)
	}
	return slices.DeleteFunc(results, func(r result) bool { return r.baseline > disturbed*best })
}

func median(results []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range results {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
