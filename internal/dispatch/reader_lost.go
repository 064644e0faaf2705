// SPDX-License-Identifier: Apache-2.0

package dispatch

import "github.com/cilium/ebpf"

// lostCounter is a map in which a program counts the events it could not send.
type lostCounter struct {
	counter *ebpf.Map
	seen    uint64
}

// more returns what was counted since the last time.
func (l *lostCounter) more() uint64 {
	total, err := sumCounter(l.counter)
	if err != nil || total <= l.seen {
		return 0
	}
	n := total - l.seen
	l.seen = total
	return n
}

// sumCounter adds up the first 8 bytes of each CPU's first value.
func sumCounter(m *ebpf.Map) (uint64, error) {
	if m.Type() == ebpf.PerCPUArray {
		var perCPU []uint64
		if err := m.Lookup(uint32(0), &perCPU); err != nil {
			return 0, err
		}
		var total uint64
		for _, v := range perCPU {
			total += v
		}
		return total, nil
	}
	var total uint64
	err := m.Lookup(uint32(0), &total)
	return total, err
}
