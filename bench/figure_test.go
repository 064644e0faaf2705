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

// compare measures both sides by turns, b.N of them, and reports what they cost
// and what ours adds. Of each setup the fastest turns count, which are those that
// nothing disturbed, and of all setups the median.
func compare(b *testing.B, unit string, setUp setup) {
	b.Helper()
	var allOurs, allBaselines, allAdded []float64
	for left := b.N; left > 0; left -= turnsPerSetup {
		ours, baseline, free := setUp()
		fastest, fastestBaseline := math.Inf(1), math.Inf(1)
		for range min(left, turnsPerSetup) {
			fastestBaseline = min(fastestBaseline, baseline())
			fastest = min(fastest, ours())
		}
		free()
		allOurs = append(allOurs, fastest)
		allBaselines = append(allBaselines, fastestBaseline)
		allAdded = append(allAdded, fastest-fastestBaseline)
	}
	b.ReportMetric(0, "ns/op") // leaves it out: a turn is not an operation
	b.ReportMetric(median(allOurs), "ours-"+unit)
	b.ReportMetric(median(allBaselines), "baseline-"+unit)
	b.ReportMetric(median(allAdded), "added-"+unit)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
