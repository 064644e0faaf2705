// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// The types that parameters and map entries have in C.
var (
	typeU8   = &btf.Int{Name: "unsigned char", Size: 1}
	typeChar = &btf.Int{Name: "char", Size: 1, Encoding: btf.Signed}
	typeU16  = &btf.Int{Name: "unsigned short", Size: 2}
	typeU32  = &btf.Int{Name: "unsigned int", Size: 4}
	typeU128 = &btf.Int{Name: "unsigned __int128", Size: 16}
	typeBe16 = &btf.Typedef{Name: "__be16", Type: &btf.Typedef{Name: "__u16", Type: typeU16}}
	typeMode = &btf.Enum{Name: "mode", Size: 4, Signed: true, Values: []btf.EnumValue{{Name: "NONE", Value: 0}, {Name: "BAD", Value: ^uint64(0)}}}
)

// constVolatile is a type as a parameter has it.
func constVolatile(typ btf.Type) btf.Type { return &btf.Const{Type: &btf.Volatile{Type: typ}} } //nolint:ireturn // the library's types are interfaces

func arrayOf(typ btf.Type, n uint32) *btf.Array {
	return &btf.Array{Index: typeU32, Type: constVolatile(typ), Nelems: n}
}

func TestEncodeByType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		typ  btf.Type
		size uint32
		text string
		want []byte
	}{
		{"port in network order", constVolatile(typeBe16), 2, "443", []byte{0x01, 0xbb}},
		{"negative enumerator", typeMode, 4, "BAD", []byte{0xff, 0xff, 0xff, 0xff}},
		{"negative number of an enum", typeMode, 4, "-2", []byte{0xfe, 0xff, 0xff, 0xff}},
		{"IPv4 address", arrayOf(typeU8, 4), 4, "192.0.2.1", []byte{192, 0, 2, 1}},
		{"IPv6 address", arrayOf(typeU8, 16), 16, "2001:db8::1", []byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
		{"MAC address", arrayOf(typeU8, 6), 6, "02:00:5e:10:00:01", []byte{2, 0, 0x5e, 0x10, 0, 1}},
		{"bytes", arrayOf(typeU8, 3), 3, "0x0a0b0c", []byte{10, 11, 12}},
		{"array of numbers", arrayOf(typeU16, 2), 4, "0x01000200", []byte{1, 0, 2, 0}},
		{"text", arrayOf(typeChar, 4), 4, "a=1", []byte("a=1\x00")},
		{"number without BTF", nil, 2, "258", []byte{2, 1}},
		{"bytes without BTF", nil, 3, "0x010203", []byte{1, 2, 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := encode(test.typ, test.size, test.text)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.DeepEquals(got, test.want))
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ  btf.Type
		size uint32
		text string
		want string
	}{
		{typeBe16, 2, "65536", "65536 is out of range"},
		{typeU128, 16, "1", "16 bytes are no number"},
		{typeMode, 4, "GOOD", `"GOOD" is none of NONE, BAD`},
		{arrayOf(typeU8, 4), 4, "2001:db8::1", `"2001:db8::1" is not bytes in hexadecimal .*`},
		{arrayOf(typeU8, 16), 16, "fe80::1%eth0", `.* is not bytes in hexadecimal .*`},
		{arrayOf(typeU8, 6), 6, "0x0102", "6 bytes are wanted, 2 given"},
		{arrayOf(typeU8, 2), 2, "0x012", `"0x012" is not bytes .*`},
		{arrayOf(typeChar, 4), 4, "abcd", "text of 4 bytes does not fit into 4 with its end"},
		{arrayOf(typeChar, 0), 0, "", "text of 0 bytes does not fit into 0 with its end"},
		{nil, 0, "1", `"1" is not bytes in hexadecimal .*`},
	} {
		_, err := encode(test.typ, test.size, test.text)
		qt.Check(t, qt.ErrorMatches(err, test.want))
	}
}

// Whatever the text, the bytes have the size of the type or there is an error.
func FuzzEncode(f *testing.F) {
	types := []btf.Type{
		nil, typeU8, typeU32, typeU128, typeBe16, typeMode, &btf.Int{Name: "bool", Size: 1, Encoding: btf.Bool},
		&btf.Int{Name: "long", Size: 8, Encoding: btf.Signed}, arrayOf(typeU8, 4), arrayOf(typeU8, 6), arrayOf(typeU8, 16),
		arrayOf(typeChar, 16), arrayOf(typeU32, 2), &btf.Struct{Name: "limits", Size: 8},
	}
	sizes := []uint32{4, 1, 4, 16, 2, 4, 1, 8, 4, 6, 16, 16, 8, 8}
	for i, text := range []string{"1", "-1", "0xffffffff", "true", "BAD", "443", "192.0.2.1", "2001:db8::1", "02:00:00:00:00:01", "text", "0x0102030405060708", ""} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		i := int(which) % len(types)
		raw, err := encode(types[i], sizes[i], text)
		if err != nil {
			qt.Assert(t, qt.HasLen(raw, 0))
			return
		}
		qt.Assert(t, qt.HasLen(raw, int(sizes[i])))
		again, err := encode(types[i], sizes[i], text)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsTrue(slices.Equal(raw, again)))
	})
}
