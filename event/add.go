// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"math"
)

// Add adds other to sum, both values of a per-CPU map, field by field: numbers
// and durations are added, of timestamps the later one stays, and of names,
// addresses and text, which have no sum, the first that is not zero. Of a
// union the first member counts. Values that are too short are left alone.
func (s *Schema) Add(sum, other []byte) {
	if s.Fits(sum) && s.Fits(other) {
		add(sum, other, s.root)
	}
}

func add(sum, other []byte, n *node) {
	switch n.kind {
	case Int, Uint, Duration:
		n.put(sum, n.uint(sum)+n.uint(other))
	case Float:
		addFloat(sum, other, n)
	case Timestamp:
		n.put(sum, max(n.uint(sum), n.uint(other)))
	case Bool, Enum, Text, Bytes, Addr, MAC, Pointer:
		keepFirst(sum, other, n)
	case Array:
		for i := range n.count {
			at := i * n.elem.size
			add(n.bytes(sum)[at:], n.bytes(other)[at:], n.elem)
		}
	case structure:
		end := 0 // fields that begin before it overlap with one that was added
		for _, f := range n.fields {
			if start := 8*f.off + f.bit; start >= end {
				add(sum[n.off:], other[n.off:], f)
				end = start + f.width()
			}
		}
	}
}

// keepFirst takes the bytes of other if those of sum say nothing.
func keepFirst(sum, other []byte, n *node) {
	switch {
	case n.bits > 0:
		if n.uint(sum) == 0 {
			n.put(sum, n.uint(other))
		}
	case isZero(n.bytes(sum)):
		copy(n.bytes(sum), n.bytes(other))
	}
}

func addFloat(sum, other []byte, n *node) {
	total := n.float(sum) + n.float(other)
	if n.size == 4 {
		n.put(sum, uint64(math.Float32bits(float32(total))))
		return
	}
	n.put(sum, math.Float64bits(total))
}

// put writes an integer, cut to its size.
func (n *node) put(base []byte, v uint64) {
	b := n.bytes(base)
	if n.bits > 0 {
		n.putBitfield(b, v)
		return
	}
	order := binary.ByteOrder(binary.NativeEndian)
	if n.big {
		order = binary.BigEndian
	}
	switch n.size {
	case 1:
		b[0] = byte(v)
	case 2:
		order.PutUint16(b, uint16(v))
	case 4:
		order.PutUint32(b, uint32(v))
	case 8:
		order.PutUint64(b, v)
	}
}

func (n *node) putBitfield(b []byte, v uint64) {
	for i := range n.bits {
		pos, bit := n.bit+i, v>>i&1
		shift := pos % 8
		if bigEndianMachine() {
			bit, shift = v>>(n.bits-1-i)&1, 7-pos%8
		}
		b[pos/8] = b[pos/8]&^(1<<shift) | byte(bit)<<shift
	}
}
