// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Limits that real programs stay far below and hostile BTF does not: structs
// that contain themselves, or each other twice for many levels.
const (
	maxSize   = 1 << 22 // bytes in a record
	maxDepth  = 24      // structs and arrays inside each other
	maxNodes  = 1 << 14 // fields of one record
	maxValues = 1 << 18 // values printed for one record, array elements and all
)

// compiler turns one BTF type into nodes.
type compiler struct {
	nodes int
}

// field is what is known about a field before its type is looked at.
type field struct {
	name   string
	off    int    // bytes from the start of the containing struct
	bits   int    // size of a bitfield, else 0
	bit    int    // its first bit, from off
	parent string // the C type that contains it
	own    string // its own C type
	depth  int
}

// compile returns the layout of t and the name of the flexible member at its
// end, "" if it has none.
func compile(t btf.Type) (root *node, flexible string, err error) {
	var c compiler
	size, err := sizeof(t)
	if err != nil {
		return nil, "", err
	}
	root, err = c.field(t, field{})
	if err != nil {
		return nil, "", err
	}
	if n := root.values(); n > maxValues {
		return nil, "", fmt.Errorf("more than %d values: %w", maxValues, ErrType)
	}
	if root == nil { // one big piece of padding: still bytes that may be shown
		root = &node{kind: Bytes, size: size}
	}
	return root, flexibleMember(t), nil
}

// sizeof is the size of t in bytes, checked to be one that a record can have.
func sizeof(t btf.Type) (int, error) {
	if t == nil {
		return 0, fmt.Errorf("no type: %w", ErrType)
	}
	if ds, ok := t.(*btf.Datasec); ok {
		return checkSize(int(ds.Size))
	}
	size, err := btf.Sizeof(t)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrType, err)
	}
	return checkSize(size)
}

func checkSize(size int) (int, error) {
	if size < 0 || size > maxSize {
		return 0, fmt.Errorf("%d bytes, more than the limit of %d: %w", size, maxSize, ErrType)
	}
	return size, nil
}

// field compiles one field. It returns nil for what nobody wants to read:
// padding, the kernel's locks and timers, members without a size.
func (c *compiler) field(t btf.Type, f field) (*node, error) {
	if c.nodes++; c.nodes > maxNodes || f.depth > maxDepth {
		return nil, fmt.Errorf("too many fields, or too deep: %w", ErrType)
	}
	under := resolve(t)
	size, err := sizeof(under.Type)
	if err == nil && f.bits > 0 {
		err = checkBitfield(under.Type, f.bits)
	}
	if err != nil {
		return nil, err
	}
	if size == 0 || isOpaque(under.Type) {
		return nil, nil //nolint:nilnil // no node is the result: nothing to show
	}
	f.own = under.TypeName()
	n := newNode(f, size, under.typedefs)
	switch t := under.Type.(type) {
	case *btf.Struct:
		err = c.structure(n, t.Members, f)
		if isNetAddr(t) {
			n.kind, n.fields = Addr, nil
		}
	case *btf.Union:
		if isAddrUnion(t) {
			addrUnion(n, t)
			return n, nil
		}
		err = c.structure(n, t.Members, f)
	case *btf.Datasec:
		err = c.section(n, t, f)
	case *btf.Array:
		err = c.array(n, t, f)
	default:
		scalar(n, t, under.typedefs)
	}
	return n, err
}

// checkBitfield refuses bitfields that C cannot have.
func checkBitfield(t btf.Type, bits int) error {
	switch t.(type) {
	case *btf.Int, *btf.Enum:
		if bits <= 64 {
			return nil
		}
	}
	return fmt.Errorf("bitfield of %d bits: %w", bits, ErrType)
}

func newNode(f field, size int, typedefs []string) *node {
	n := &node{name: f.name, key: jsonKey(f.name), off: f.off, size: size}
	if f.bits > 0 {
		n.bits, n.bit = f.bits, f.bit
		n.size = (f.bit + f.bits + 7) / 8
	}
	n.raw = slices.ContainsFunc(append(typedefs, f.own, f.parent), isGadgetType)
	return n
}

// structure compiles the members of a struct or union.
func (c *compiler) structure(n *node, members []btf.Member, f field) error {
	n.kind = structure
	for _, m := range members {
		if namesPadding(m.Name) {
			continue
		}
		inner := field{name: m.Name, off: int(m.Offset.Bytes()), parent: f.own, depth: f.depth + 1}
		if m.BitfieldSize > 0 {
			inner.bits, inner.bit = int(m.BitfieldSize), int(m.Offset%8)
		}
		if err := c.member(n, m.Type, inner); err != nil {
			return err
		}
	}
	finish(n)
	return nil
}

// section compiles the variables of .bss, .data or .rodata, which are the
// value of one map. Pointers among them are markers and variables that only
// bring a type into BTF: a program has no use for one that outlives a packet.
func (c *compiler) section(n *node, ds *btf.Datasec, f field) error {
	n.kind = structure
	for _, v := range ds.Vars {
		variable, ok := v.Type.(*btf.Var)
		if _, pointer := resolve(v.Type).Type.(*btf.Pointer); pointer || !ok {
			continue
		}
		inner := field{name: variable.Name, off: int(v.Offset), depth: f.depth + 1}
		if err := c.member(n, variable.Type, inner); err != nil {
			return err
		}
	}
	finish(n)
	return nil
}

// member adds one field to n. The fields of an anonymous struct or union
// become fields of n itself, as they are in C.
func (c *compiler) member(n *node, t btf.Type, f field) error {
	m, err := c.field(t, f)
	if err != nil {
		return fmt.Errorf("field %q: %w", f.name, err)
	}
	if m == nil {
		return nil
	}
	if m.off < 0 || m.off+m.size > n.size {
		return fmt.Errorf("field %q ends at byte %d of %d: %w", f.name, m.off+m.size, n.size, ErrType)
	}
	if m.kind != structure || m.name != "" {
		n.fields = append(n.fields, m)
		return nil
	}
	for _, inner := range m.fields {
		inner.off += m.off
		n.fields = append(n.fields, inner)
	}
	return nil
}

// finish settles what needs all fields of a struct to be known.
func finish(n *node) {
	tellFamilies(n.fields)
	for _, f := range n.fields {
		name, found := strings.CutSuffix(f.name, "_raw")
		taken := slices.ContainsFunc(n.fields, func(o *node) bool { return o.name == name })
		if f.raw && found && name != "" && !taken {
			f.name, f.key = name, jsonKey(name)
		}
	}
}

// array compiles an array: of characters to text, of bytes to hex or an
// address, else to one node that serves all elements.
func (c *compiler) array(n *node, a *btf.Array, f field) error {
	if kind, ok := wholeArray(n, a); ok {
		n.kind = kind
		return nil
	}
	elem, err := c.field(a.Type, field{name: f.name, depth: f.depth + 1})
	if err != nil {
		return err
	}
	if elem == nil {
		n.kind = Bytes
		return nil
	}
	n.kind, n.elem, n.count = Array, elem, int(a.Nelems)
	return nil
}

// wholeArray recognises the arrays that are one value.
func wholeArray(n *node, a *btf.Array) (Kind, bool) {
	i, ok := resolve(a.Type).Type.(*btf.Int)
	if !ok {
		return 0, false
	}
	switch {
	case n.size == 16 && i.Size > 1 && namesAddr(n.name):
		return Addr, true
	case i.Size != 1 || i.Encoding == btf.Bool:
		return 0, false
	case (n.size == 4 || n.size == 16) && i.Name != "char" && namesAddr(n.name):
		return Addr, true
	case n.size == 6 && i.Name != "char" && namesMAC(n.name):
		return MAC, true
	case i.Name == "char" || namesText(n.name):
		return Text, true
	}
	return Bytes, true
}

// flexibleMember is the name of the member without a size at the end of t.
func flexibleMember(t btf.Type) string {
	s, ok := btf.As[*btf.Struct](t)
	if !ok || len(s.Members) == 0 {
		return ""
	}
	last := s.Members[len(s.Members)-1]
	if a, ok := btf.As[*btf.Array](last.Type); ok && a.Nelems == 0 {
		return last.Name
	}
	return ""
}
