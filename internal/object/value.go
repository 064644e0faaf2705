// SPDX-License-Identifier: Apache-2.0

package object

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// encode turns text into size bytes of a type: numbers, booleans, enumerators
// by name, text for char arrays, addresses for byte arrays and __be32, and bytes
// in hexadecimal ("0x...") for everything else. typ may be nil.
func encode(typ btf.Type, size uint32, text string) ([]byte, error) {
	switch t := underlying(typ).(type) {
	case *btf.Int:
		if bigEndian(typ) {
			return encodeNetwork(t, text)
		}
		return encodeInt(t, text)
	case *btf.Enum:
		return encodeEnum(t, text)
	case *btf.Array:
		return encodeArray(t, size, text)
	case nil:
		if raw, err := encodeUnsigned(size, text); err == nil {
			return raw, nil
		}
	}
	return encodeHex(size, text)
}

// underlying is typ without qualifiers and names.
func underlying(typ btf.Type) btf.Type { //nolint:ireturn // the library's types are interfaces
	if typ == nil {
		return nil
	}
	return btf.UnderlyingType(typ)
}

// bigEndian says whether one of the type's names is a type in network order.
func bigEndian(typ btf.Type) bool {
	for {
		if strings.HasPrefix(typ.TypeName(), "__be") {
			return true
		}
		switch t := typ.(type) {
		case *btf.Typedef:
			typ = t.Type
		case *btf.Const:
			typ = t.Type
		case *btf.Volatile:
			typ = t.Type
		default:
			return false
		}
	}
}

func encodeInt(t *btf.Int, text string) ([]byte, error) {
	switch t.Encoding {
	case btf.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		if b {
			return []byte{1}, nil
		}
		return []byte{0}, nil
	case btf.Signed:
		return encodeSigned(t.Size, text)
	default:
		return encodeUnsigned(t.Size, text)
	}
}

// encodeNetwork is encodeInt in network order, for addresses also.
func encodeNetwork(t *btf.Int, text string) ([]byte, error) {
	if addr, ok := parseAddr(text); ok && t.Size == 4 && addr.Is4() {
		return addr.AsSlice(), nil
	}
	raw, err := encodeInt(t, text)
	if err == nil && binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		slices.Reverse(raw)
	}
	return raw, err
}

func encodeSigned(size uint32, text string) ([]byte, error) {
	n, err := strconv.ParseInt(text, 0, int(size)*8)
	return encodeNumber(size, uint64(n), text, err)
}

func encodeUnsigned(size uint32, text string) ([]byte, error) {
	n, err := strconv.ParseUint(text, 0, int(size)*8)
	return encodeNumber(size, n, text, err)
}

// encodeNumber writes a number in the host's order; err is from reading it.
func encodeNumber(size uint32, n uint64, text string, err error) ([]byte, error) {
	switch {
	case size == 0 || size > 8 || size&(size-1) != 0:
		return nil, fmt.Errorf("%d bytes are no number", size)
	case errors.Is(err, strconv.ErrRange):
		return nil, fmt.Errorf("%s is out of range", text)
	case err != nil:
		return nil, fmt.Errorf("%q is not a number", text)
	}
	raw := binary.NativeEndian.AppendUint64(nil, n)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return raw[8-size:], nil
	}
	return raw[:size], nil
}

func encodeEnum(t *btf.Enum, text string) ([]byte, error) {
	var names []string
	for _, v := range t.Values {
		if v.Name == text {
			return encodeNumber(t.Size, v.Value, text, nil)
		}
		names = append(names, v.Name)
	}
	encodeValue := encodeUnsigned
	if t.Signed {
		encodeValue = encodeSigned
	}
	raw, err := encodeValue(t.Size, text)
	if err != nil {
		return nil, fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
	}
	return raw, nil
}

func encodeArray(t *btf.Array, size uint32, text string) ([]byte, error) {
	element, isInt := underlying(t.Type).(*btf.Int)
	if !isInt || element.Size != 1 {
		return encodeHex(size, text)
	}
	if element.Encoding == btf.Char || (element.Encoding == btf.Signed && element.Name == "char") {
		if uint32(len(text)) >= size {
			return nil, fmt.Errorf("text of %d bytes does not fit into %d with its end", len(text), size)
		}
		return append([]byte(text), make([]byte, int(size)-len(text))...), nil
	}
	if addr, ok := parseAddr(text); ok && uint32(addr.BitLen()/8) == size {
		return addr.AsSlice(), nil
	}
	if mac, err := net.ParseMAC(text); err == nil && uint32(len(mac)) == size {
		return mac, nil
	}
	return encodeHex(size, text)
}

func encodeHex(size uint32, text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return nil, fmt.Errorf("%q is not bytes in hexadecimal (0x...)", text)
	}
	if uint32(len(raw)) != size {
		return nil, fmt.Errorf("%d bytes are wanted, %d given", size, len(raw))
	}
	return raw, nil
}

// parseAddr reads an address that bytes can hold: without a zone.
func parseAddr(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	return addr, err == nil && addr.Zone() == ""
}

// parsePrefix reads a prefix; an address stands for all its bits.
func parsePrefix(text string) (netip.Prefix, bool) {
	if addr, ok := parseAddr(text); ok {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix, err == nil
}

func typeName(typ btf.Type, size uint32) string {
	if typ == nil {
		return fmt.Sprintf("%d bytes", size)
	}
	for {
		switch t := typ.(type) {
		case *btf.Const:
			typ = t.Type
			continue
		case *btf.Volatile:
			typ = t.Type
			continue
		case *btf.Array:
			return fmt.Sprintf("%s[%d]", typeName(t.Type, 0), t.Nelems)
		case *btf.Int:
			if t.Encoding == btf.Bool {
				return "bool" // BTF has the compiler's word for it, _Bool
			}
		}
		break
	}
	if typ.TypeName() == "" {
		return fmt.Sprintf("%d bytes", size)
	}
	return typ.TypeName()
}
