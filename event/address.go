// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// family finds out whether an address of 16 bytes holds IPv4 or IPv6.
type family struct {
	by    *node // a field of the same struct that says it, nil if none does
	union bool  // the first 4 bytes have a name of their own: IPv4 if the others are 0
}

// is4 decides for the address in b.
func (f *family) is4(b, base []byte) bool {
	rest := slices.ContainsFunc(b[4:], func(c byte) bool { return c != 0 })
	if f.by != nil {
		switch f.by.uint(base) {
		case 4, unix.AF_INET, unix.ETH_P_IP:
			return f.union || !rest
		case 6, unix.AF_INET6, unix.ETH_P_IPV6, 0xdd86: // the last one: stored in network byte order
			return false
		case 8: // ETH_P_IP stored in network byte order
			return f.union || !rest
		}
	}
	return f.union && !rest
}

// addr reads an address of 4 or 16 bytes. IPv4 that is mapped into IPv6 is
// shown as IPv4: no packet carries it otherwise.
func (n *node) addr(base []byte) netip.Addr {
	b := n.bytes(base)
	if n.number {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.uint(base)))
		return netip.AddrFrom4(b)
	}
	if n.size == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	if n.family != nil && n.family.is4(b, base) {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap()
}

// appendAddr appends what netip.Addr.AppendTo does, which takes twice as long for
// IPv6: RFC 5952, the longest run of zeros left out.
func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.Is6() || a.Is4In6() {
		return a.AppendTo(dst)
	}
	b := a.As16()
	from, until := zeroWords(b)
	for i := 0; i < 16; i += 2 {
		if i == from {
			dst = append(dst, ':', ':')
			if i = until; i == 16 {
				break
			}
		} else if i > 0 {
			dst = append(dst, ':')
		}
		dst = appendWord(dst, b[i], b[i+1])
	}
	return dst
}

// zeroWords finds the longest run of two or more words of an IPv6 address that are
// 0, the first of the longest; 16 if there is none.
func zeroWords(b [16]byte) (from, until int) {
	from, until = 16, 16
	longest := 2
	for i := 0; i < 16; i += 2 {
		end := i
		for end < 16 && b[end]|b[end+1] == 0 {
			end += 2
		}
		if end-i > longest {
			from, until, longest = i, end, end-i
		}
		i = max(i, end-2)
	}
	return from, until
}

// appendWord appends two bytes in hex without zeros before it.
func appendWord(dst []byte, high, low byte) []byte {
	if high >= 0x10 {
		dst = append(dst, hexDigits[high>>4])
	}
	if high > 0 {
		dst = append(dst, hexDigits[high&15])
	}
	if high > 0 || low >= 0x10 {
		dst = append(dst, hexDigits[low>>4])
	}
	return append(dst, hexDigits[low&15])
}

// tellFamilies connects the addresses of a struct with the field beside them
// that says whether they are IPv4 or IPv6.
func tellFamilies(fields []*node) {
	i := slices.IndexFunc(fields, func(f *node) bool {
		return (f.kind == Int || f.kind == Uint || f.kind == Enum) && namesFamily(f.name)
	})
	if i < 0 {
		return
	}
	for _, f := range fields {
		if f.kind == Addr && f.size == 16 {
			f.family = &family{by: fields[i], union: f.family != nil && f.family.union}
		}
	}
}

func namesFamily(name string) bool {
	return oneOf(strings.Join(words(name), ""), "version", "ipversion", "ipver", "ipv", "family", "addrfamily", "addressfamily",
		"af", "safamily", "l3proto", "ethproto", "ethertype", "ethtype", "hproto")
}

// isAddrUnion recognises a union of one IPv4 and one IPv6 address, as Inspektor
// Gadget's gadget_ip_addr_t (include/gadget/types.h) is and many programs have
// in their own words.
func isAddrUnion(u *btf.Union) bool {
	if u.Size != 16 {
		return false
	}
	four, sixteen := false, false
	for _, m := range u.Members {
		size, err := btf.Sizeof(m.Type)
		if err != nil || m.Offset != 0 || m.BitfieldSize != 0 || !namesAddrMember(m.Name) {
			return false
		}
		four = four || size == 4
		sixteen = sixteen || size == 16
		if size != 4 && size != 16 {
			return false
		}
	}
	return four && sixteen
}

func namesAddrMember(name string) bool {
	if namesAddr(name) {
		return true
	}
	return slices.ContainsFunc(words(name), func(w string) bool {
		return oneOf(w, "v4", "v6", "ip4", "ip6", "ipv4", "ipv6", "in4", "in6", "inet", "inet6", "addr32", "addr8")
	})
}

// addrUnionName names an anonymous union by what its members' names share:
// saddr for saddr_v4 and saddr_v6.
func addrUnionName(u *btf.Union) string {
	name := u.Members[0].Name
	for _, m := range u.Members[1:] {
		n := 0
		for n < len(name) && n < len(m.Name) && name[n] == m.Name[n] {
			n++
		}
		name = name[:n]
	}
	name = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(name, "_"), "_v"), "_")
	if name == "" || name == "v" {
		return "addr"
	}
	return name
}
