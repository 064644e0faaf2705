// SPDX-License-Identifier: Apache-2.0

package event

import (
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// maxResolve bounds the typedefs and qualifiers of one type, which hostile BTF
// can make a circle.
const maxResolve = 32

// resolved is a type without its typedefs and qualifiers.
type resolved struct {
	btf.Type
	typedefs []string // their names carry the meaning that the integer below has lost
}

func resolve(t btf.Type) resolved {
	var typedefs []string
	for range maxResolve {
		switch v := t.(type) {
		case *btf.Typedef:
			typedefs = append(typedefs, v.Name)
			t = v.Type
		case *btf.Const:
			t = v.Type
		case *btf.Volatile:
			t = v.Type
		case *btf.Restrict:
			t = v.Type
		case *btf.TypeTag:
			t = v.Type
		case *btf.Var:
			t = v.Type
		default:
			return resolved{t, typedefs}
		}
	}
	return resolved{&btf.Void{}, typedefs}
}

// isGadgetType is true for the types that Inspektor Gadget defines for its
// programs (include/gadget/types.h).
func isGadgetType(name string) bool { return strings.HasPrefix(name, "gadget_") }

// isOpaque is true for types that only the kernel may look into
// (include/uapi/linux/bpf.h). It shows them as zeros.
func isOpaque(t btf.Type) bool {
	switch t.TypeName() {
	case "bpf_spin_lock", "bpf_timer", "bpf_wq", "bpf_refcount", "bpf_list_head", "bpf_list_node",
		"bpf_rb_root", "bpf_rb_node", "bpf_res_spin_lock", "bpf_task_work":
		return true
	}
	return false
}

// isNetAddr is true for the address structs of the kernel and of libc.
func isNetAddr(s *btf.Struct) bool {
	return s.Name == "in_addr" && s.Size == 4 || s.Name == "in6_addr" && s.Size == 16
}

// scalar fills in n for a type that has no parts.
func scalar(n *node, t btf.Type, typedefs []string) {
	switch t := t.(type) {
	case *btf.Int:
		n.signed = t.Encoding == btf.Signed
		integer(n, t, typedefs)
	case *btf.Enum:
		n.kind, n.signed = Enum, t.Signed
		n.names = enumNames(t)
	case *btf.Float:
		n.kind = Float
		if t.Size != 4 && t.Size != 8 {
			n.kind = Bytes
		}
	case *btf.Pointer:
		n.kind = Pointer
	default:
		n.kind = Bytes
	}
	if n.kind != Float && n.kind != Bytes && n.bits == 0 && !slices.Contains([]int{1, 2, 4, 8}, n.size) {
		n.kind = Bytes
	}
}

// integer decides what an integer means: by its typedef where that is known,
// else by its name.
func integer(n *node, t *btf.Int, typedefs []string) {
	n.kind = Uint
	if n.signed {
		n.kind = Int
	}
	n.big = slices.ContainsFunc(typedefs, isBigEndianType) || n.size == 2 && strings.HasSuffix(n.name, "_be")
	n.netns = slices.Contains(typedefs, "gadget_netns_id") || n.bits == 0 && n.size >= 4 && namesNetns(n.name)
	switch {
	case t.Encoding == btf.Bool || slices.Contains(typedefs, "bool"):
		n.kind = Bool
	case n.bits > 0 || slices.ContainsFunc(typedefs, func(name string) bool { return byTypedef(n, name) }):
	case !n.signed:
		byName(n)
	}
}

// isBigEndianType is true for the kernel's types for network byte order
// (include/uapi/linux/types.h). A checksum is among them.
func isBigEndianType(name string) bool {
	return oneOf(strings.TrimLeft(name, "_"), "be16", "be32", "be64", "sum16")
}

// byTypedef knows the types of Inspektor Gadget that are not plain numbers.
func byTypedef(n *node, typedef string) bool {
	switch typedef {
	case "gadget_timestamp":
		n.kind, n.source = Timestamp, typedBoot
	case "gadget_duration":
		n.kind = Duration
	case "gadget_errno":
		n.kind, n.names = Enum, errnoName
	case "gadget_signal":
		n.kind, n.names = Enum, signalName
	case "gadget_netns_id", "gadget_mntns_id", "gadget_bytes":
	default:
		return false
	}
	return true
}

// byName recognises what C programs say by the names of fields only.
func byName(n *node) {
	switch {
	case n.size == 4 && namesAddr(n.name):
		n.kind, n.number = Addr, !n.big && namesHostOrder(n.name)
	case n.size == 8 && namesTimestamp(n.name):
		n.kind = Timestamp
		if namesBootClock(n.name) {
			n.source = boot
		}
	case n.size == 8 && namesDuration(n.name):
		n.kind = Duration
	case n.size < 8 && namesEtherType(n.name):
		n.kind, n.names = Enum, etherTypeName
	case n.size < 8 && namesProtocol(n.name):
		n.kind, n.names = Enum, anyProtocolName
	}
}

// enumNames returns a lookup of the names of an enum's values. The first of
// several names for one value wins, as it usually is the plain one.
func enumNames(e *btf.Enum) func(int64) string {
	names := make(map[int64]string, len(e.Values))
	for _, v := range slices.Backward(e.Values) {
		value := int64(v.Value)
		if e.Signed && e.Size < 8 {
			value = int64(int32(v.Value))
		}
		names[value] = v.Name
	}
	return func(v int64) string { return names[v] }
}

// addrUnion makes n the address that the members of u are two views of.
func addrUnion(n *node, u *btf.Union) {
	n.kind, n.family = Addr, &family{union: true}
	if n.name == "" {
		n.name = addrUnionName(u)
		n.key = jsonKey(n.name)
	}
}
