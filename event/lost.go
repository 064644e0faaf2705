// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// lostSuffix names the map in which a program counts the records that found
// the ring of the map before the suffix full. Inspektor Gadget's
// GADGET_TRACER_MAP (include/gadget/buffer.h) defines one beside every ring.
const lostSuffix = "_lost_samples"

// LostMap returns the name of the map in which the program counts the records
// that it could not send through mapName. It is false if there is none.
func LostMap(spec *ebpf.CollectionSpec, mapName string) (string, bool) {
	m, ok := spec.Maps[mapName+lostSuffix]
	if !ok || m.ValueSize != 8 || m.Type != ebpf.PerCPUArray && m.Type != ebpf.Array {
		return "", false
	}
	return mapName + lostSuffix, true
}

// Lost reads the counter that [LostMap] named: the records lost since the map
// was made, summed over its elements and CPUs.
func Lost(m *ebpf.Map) (uint64, error) {
	counter, err := NewMapReader(&ebpf.MapSpec{Name: "lost samples", Type: m.Type(), KeySize: m.KeySize(), ValueSize: m.ValueSize()})
	if err != nil {
		return 0, err
	}
	if m.ValueSize() != 8 {
		return 0, fmt.Errorf("read lost samples: values of %d bytes: %w", m.ValueSize(), errors.ErrUnsupported)
	}
	var lost uint64
	err = counter.Each(m, func(_, value []byte) error {
		lost += counter.value.root.uint(value)
		return nil
	})
	return lost, err
}
