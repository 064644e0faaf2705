// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"math"
)

// node is one field of a record, compiled from BTF. It never changes after
// compile returned it. Offsets are relative to the struct that contains the
// field, so that one node serves every element of an array.
type node struct {
	name string
	key  []byte // the name as a JSON key with its colon
	kind Kind

	off, size int  // bytes
	bit, bits int  // a bitfield: bits from the start of off, and how many; bits is 0 for whole integers
	big       bool // in network byte order whatever the machine's
	signed    bool

	names  func(int64) string // Enum: the name of a value, "" if it has none
	number bool               // Addr of 4 bytes: a number in the machine's byte order
	family *family            // Addr of 16 bytes: what says whether 4 or 16 of them count
	source clockSource        // Timestamp
	netns  bool               // a network namespace's inode
	raw    bool               // the suffix _raw of the name means nothing to the reader

	fields []*node // structure
	elem   *node   // Array
	count  int     // Array
}

// bytes returns the bytes of n inside base, the struct that contains it.
func (n *node) bytes(base []byte) []byte {
	return base[n.off : n.off+n.size]
}

// uint reads an integer, not sign-extended.
func (n *node) uint(base []byte) uint64 {
	if n.bits > 0 {
		return n.bitfield(base)
	}
	b := n.bytes(base)
	switch n.size {
	case 1:
		return uint64(b[0])
	case 2:
		if n.big {
			return uint64(binary.BigEndian.Uint16(b))
		}
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		if n.big {
			return uint64(binary.BigEndian.Uint32(b))
		}
		return uint64(binary.NativeEndian.Uint32(b))
	case 8:
		if n.big {
			return binary.BigEndian.Uint64(b)
		}
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// int reads an integer and extends its sign if it has one.
func (n *node) int(base []byte) int64 {
	v := n.uint(base)
	width := n.width()
	if !n.signed || width >= 64 {
		return int64(v)
	}
	shift := 64 - width
	return int64(v<<shift) >> shift
}

// width is the number of bits of an integer.
func (n *node) width() int {
	if n.bits > 0 {
		return n.bits
	}
	return 8 * n.size
}

// bitfield reads n.bits bits that begin n.bit bits after the start of n. BTF
// counts them from the least significant bit of the first byte on
// little-endian machines and from the most significant one on big-endian ones
// (Documentation/bpf/btf.rst, BTF_KIND_STRUCT).
func (n *node) bitfield(base []byte) uint64 {
	b := n.bytes(base)
	var v uint64
	for i := range n.bits {
		pos := n.bit + i
		if bigEndianMachine() {
			v = v<<1 | uint64(b[pos/8]>>(7-pos%8)&1)
		} else {
			v |= uint64(b[pos/8]>>(pos%8)&1) << i
		}
	}
	return v
}

// float reads a floating point number of 4 or 8 bytes.
func (n *node) float(base []byte) float64 {
	if n.size == 4 {
		return float64(math.Float32frombits(uint32(n.uint(base))))
	}
	return math.Float64frombits(n.uint(base))
}

// values is how many values are printed for n. It stops counting above
// maxValues: unions in unions can have far more values than bytes.
func (n *node) values() int {
	switch {
	case n == nil:
		return 0
	case n.kind == Array:
		return min(n.count*n.elem.values(), maxValues+1)
	case n.kind != structure:
		return 1
	}
	total := 0
	for _, f := range n.fields {
		total = min(total+f.values(), maxValues+1)
	}
	return total
}

func bigEndianMachine() bool {
	return binary.NativeEndian.Uint16([]byte{0, 1}) == 1
}
