// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
)

func TestChoosePriority(t *testing.T) {
	t.Parallel()
	at := func(priority uint16, program ebpf.ProgramID) filter {
		return filter{priority: priority, program: program}
	}
	around := []filter{at(1, 10), at(3, 20), at(3, 30), at(4, 20), at(0xffff, 40)}
	elsewhere := []filter{{chain: 1, priority: 1, program: 10}}
	tests := map[string]struct {
		filters []filter
		order   Order
		want    uint16 // 0: ErrOrder
	}{
		"first alone":                    {nil, Order{}, 8},
		"first ahead of a high one":      {[]filter{at(100, 0)}, Order{}, 8},
		"first ahead of ours":            {[]filter{at(8, 0)}, Order{}, 7},
		"first with none below":          {[]filter{at(1, 0), at(2, 0), at(4, 0)}, Order{}, 3},
		"other chains do not count":      {elsewhere, Order{}, 8},
		"last alone":                     {nil, Order{Position: Last}, 0xf000},
		"last behind a high one":         {[]filter{at(0xf000, 0), at(0xf001, 0)}, Order{Position: Last}, 0xf002},
		"last with none above":           {around, Order{Position: Last}, 0},
		"before with none below":         {around, Order{Before, 10}, 0},
		"before takes the nearest":       {around, Order{Before, 20}, 2},
		"before within a priority":       {around, Order{Before, 30}, 2},
		"before passes used ones":        {[]filter{at(2, 0), at(3, 0), at(4, 60)}, Order{Before, 60}, 1},
		"after takes the nearest":        {around, Order{After, 10}, 2},
		"after all that run it":          {around, Order{After, 20}, 5},
		"after with none above":          {around, Order{After, 40}, 0},
		"before an absent program":       {around, Order{Before, 50}, 0},
		"after an absent program":        {around, Order{After, 50}, 0},
		"before a program elsewhere":     {elsewhere, Order{Before, 10}, 0},
		"program 0 is that of no filter": {[]filter{at(5, 0)}, Order{Before, 0}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := choosePriority(test.filters, test.order)
			if test.want == 0 {
				qt.Assert(t, qt.ErrorIs(err, ErrOrder))
				return
			}
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.Equals(got, test.want))
		})
	}
}
