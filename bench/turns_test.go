// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
)

// turnsPerSetup is how often all sides are measured before they are made anew:
// where the JIT happens to put a program moves a figure by a nanosecond.
const turnsPerSetup = 50

// disturbed is by how much the first side of a setup may exceed the best one: more,
// and something else kept the machine busy all the time. The better half of all
// setups counts in any case.
const disturbed = 1.03

// side is one of the things that are compared. It measures itself once and
// returns nanoseconds.
type side func() float64

// cost is what a side takes, and what that is more than the first side, in
// nanoseconds.
type cost struct{ whole, added float64 }

// turns measures the sides that setUp makes, one after the other, again and
// again. Of each setup the fastest turns count, which are those that nothing
// disturbed, and of all setups that were not disturbed as a whole the median.
// setUp is told how many there were before; free takes its sides away.
func turns(b *testing.B, setups int, setUp func(n int) (sides []side, free func())) []cost {
	b.Helper()
	if testing.Short() {
		setups = (setups + 3) / 4
	}
	var results [][]float64
	for n := range setups {
		sides, free := setUp(n)
		fastest := slices.Repeat([]float64{math.Inf(1)}, len(sides))
		for range turnsPerSetup {
			for i, measure := range sides {
				fastest[i] = min(fastest[i], measure())
			}
		}
		free()
		results = append(results, fastest)
	}
	quiet := undisturbed(results)
	costs := make([]cost, len(results[0]))
	for i := range costs {
		costs[i].whole = median(quiet, func(r []float64) float64 { return r[i] })
		costs[i].added = median(quiet, func(r []float64) float64 { return r[i] - r[0] })
	}
	return costs
}

func undisturbed(results [][]float64) [][]float64 {
	slices.SortFunc(results, func(a, b []float64) int { return cmp.Compare(a[0], b[0]) })
	half := (len(results) + 1) / 2
	for half < len(results) && results[half][0] <= disturbed*results[0][0] {
		half++
	}
	return results[:half]
}

func median[T any](of []T, value func(T) float64) float64 {
	values := make([]float64, len(of))
	for i, v := range of {
		values[i] = value(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// middle is the median of durations or other numbers.
func middle[T ~int64 | ~float64](values []T) float64 {
	return median(values, func(v T) float64 { return float64(v) })
}
