// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestLineSaysWhetherAnAimIsMet(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		figure figure
		want   []string
	}{
		{figure{"a", 1e6, 400e6, duration, times(300)}, []string{"1.00 ms", "400.0 ms", "400 times", "300 times", "ok"}},
		{figure{"a", 1e6, 200e6, duration, times(300)}, []string{"200 times", "MISSED"}},
		{figure{"a", 2e6, 1e6, rate, times(2)}, []string{"2.00 M/s", "1.00 M/s", "2 times", "ok"}},
		{figure{"a", 60, 100, perPacket, ofBaseline(0.6)}, []string{"60.0 ns", "0.60 of it", "ok"}},
		{figure{"a", 61, 100, perPacket, ofBaseline(0.6)}, []string{"0.61 of it", "MISSED"}},
		{figure{"a", 5, none, perPacket, atMost(4, perPacket)}, []string{"5.0 ns", "-", "at most 4.0 ns", "MISSED"}},
		{figure{"a", none, 2048, size, aim{}}, []string{"-", "2.00 KB"}},
		{figure{"a", 0, 0, number, atMost(0, number)}, []string{"0", "the same", "ok"}},
	} {
		line := test.figure.line()
		for _, part := range test.want {
			qt.Check(t, qt.StringContains(line, part))
		}
		qt.Check(t, qt.Equals(strings.Contains(line, "NaN"), false), qt.Commentf("%s", line))
	}
}

func TestTurnsLeaveOutDisturbedSetups(t *testing.T) {
	t.Parallel()
	quiet := undisturbed([][]float64{{11, 30}, {10.2, 14.4}, {10, 14}})
	qt.Assert(t, qt.DeepEquals(quiet, [][]float64{{10, 14}, {10.2, 14.4}}))
	half := undisturbed([][]float64{{11, 30}, {10, 14}, {12, 30}, {11.1, 30}})
	qt.Assert(t, qt.DeepEquals(half, [][]float64{{10, 14}, {11, 30}}))
	qt.Assert(t, qt.Equals(middle([]float64{3, 1, 2}), 2))
}

func TestProcessIsInANetnsOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHost(t, 2)
	rt := bursts.runtime(t)
	add(t, rt, h.targets...)
	list, err := rt.Attachments()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(list, 4))
	for _, attachment := range list {
		// The hooks are on the host's ends: this is their namespace.
		qt.Check(t, qt.Not(qt.Equals(attachment.Host.Ifindex, 0)))
	}
}
