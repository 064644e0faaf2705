// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"fmt"
	"math"
)

// The priorities of filters on an empty point. Others like 1, so that First
// stays clear of it and leaves room for later ones. The kernel's own choice for
// filters without a priority is 0xc000 and below, so that Last is above it.
const (
	firstPriority = 8
	lastPriority  = 0xf000
	maxPriority   = math.MaxUint16
)

// choosePriority returns a priority that no filter of a point has. A shared one
// would let somebody who deletes by priority take ours along, and the order
// within one priority is that of attaching. filters are those of the point, in
// the order in which they run.
func choosePriority(filters []filter, order Order) (uint16, error) {
	used := make(map[int]bool, len(filters))
	lowest, highest := maxPriority+1, 0
	for _, f := range filters {
		if f.chain != 0 { // run only when a filter of chain 0 says so
			continue
		}
		p := int(f.priority)
		used[p] = true
		lowest, highest = min(lowest, p), max(highest, p)
	}
	switch order.Position {
	case First:
		if p := unusedBelow(used, min(lowest, firstPriority+1)); p > 0 {
			return uint16(p), nil
		}
		return unusedAbove(used, 0)
	case Last:
		return unusedAbove(used, max(highest, lastPriority-1))
	case Before, After:
	}
	ahead, behind := 0, 0
	for _, f := range filters {
		if f.chain == 0 && f.program != 0 && f.program == order.Program {
			if ahead == 0 {
				ahead = int(f.priority)
			}
			behind = int(f.priority)
		}
	}
	if ahead == 0 {
		return 0, fmt.Errorf("program %d is not there: %w", order.Program, ErrOrder)
	}
	if order.Position == After {
		return unusedAbove(used, behind)
	}
	if p := unusedBelow(used, ahead); p > 0 {
		return uint16(p), nil
	}
	return 0, fmt.Errorf("no priority below %d is free: %w", ahead, ErrOrder)
}

// unusedBelow returns the highest unused priority below limit, 0 for none.
func unusedBelow(used map[int]bool, limit int) int {
	p := limit - 1
	for used[p] {
		p--
	}
	return max(p, 0)
}

// unusedAbove returns the lowest unused priority above limit.
func unusedAbove(used map[int]bool, limit int) (uint16, error) {
	p := limit + 1
	for used[p] {
		p++
	}
	if p > maxPriority {
		return 0, fmt.Errorf("no priority above %d is free: %w", limit, ErrOrder)
	}
	return uint16(p), nil
}
