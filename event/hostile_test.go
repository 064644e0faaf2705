// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"math"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

var u32 = &btf.Int{Name: "unsigned int", Size: 4}

// mustSchema compiles a struct of the members, of size bytes.
func mustSchema(tb testing.TB, size uint32, members ...btf.Member) *event.Schema {
	tb.Helper()
	s, err := event.NewSchema(&btf.Struct{Name: "made", Size: size, Members: members})
	qt.Assert(tb, qt.IsNil(err))
	return s
}

func TestTypesThatNoCompilerMakesAreErrors(t *testing.T) {
	t.Parallel()
	itself := &btf.Struct{Name: "itself", Size: 8}
	itself.Members = []btf.Member{{Name: "a", Type: itself}, {Name: "b", Type: itself}}
	chain := &btf.Struct{Name: "chain", Size: 8}
	chain.Members = []btf.Member{{Name: "a", Type: chain}}
	huge := &btf.Array{Index: u32, Type: u32, Nelems: math.MaxUint32}
	many := &btf.Array{Index: u32, Type: u32, Nelems: 1 << 19}
	circle := &btf.Typedef{Name: "circle"}
	circle.Type = circle
	wide := &btf.Struct{Size: 4}
	for range 20000 {
		wide.Members = append(wide.Members, btf.Member{Name: "x", Type: u32})
	}
	deep := btf.Type(u32)
	for range 100 {
		deep = &btf.Struct{Size: 4, Members: []btf.Member{{Name: "x", Type: deep}}}
	}
	for _, c := range []struct {
		name string
		typ  btf.Type
		want string
	}{
		{"nothing", nil, ".*no type.*"},
		{"a struct inside itself, twice", itself, ".*too many fields, or too deep.*"},
		{"a struct inside itself", chain, ".*too many fields, or too deep.*"},
		{"a huge array", huge, ".*more than the limit of.*"},
		{"many values", many, ".*more than 262144 values.*"},
		{"a typedef of itself", circle, ".*"},
		{"too many levels", deep, ".*too deep.*"},
		{"too many fields", wide, ".*too many fields.*"},
		{"a field outside", &btf.Struct{Size: 4, Members: []btf.Member{{Name: "x", Type: u32, Offset: 8}}}, `.*field "x" ends at byte 5 of 4.*`},
		{"a bitfield of a struct", &btf.Struct{Size: 4, Members: []btf.Member{{Name: "x", Type: &btf.Struct{Size: 4}, BitfieldSize: 3}}}, ".*bitfield of 3 bits.*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := event.NewSchema(c.typ)
			qt.Check(t, qt.ErrorIs(err, event.ErrType))
			qt.Check(t, qt.ErrorMatches(err, c.want))
		})
	}
}

func TestIntegersBeyondFloatsAreStrings(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 16,
		btf.Member{Name: "u", Type: &btf.Int{Size: 8}},
		btf.Member{Name: "s", Type: &btf.Int{Size: 8, Encoding: btf.Signed}, Offset: 64})
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, pack(t, uint64(1<<53), int64(-1<<53)))),
		`{"u":9007199254740992,"s":-9007199254740992}`))
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, pack(t, uint64(1<<53+1), int64(-1<<53-1)))),
		`{"u":"9007199254740993","s":"-9007199254740993"}`))
}

func TestJSONOfTextCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 24, btf.Member{Name: "name", Type: &btf.Array{Index: u32, Type: &btf.Int{Name: "char", Size: 1}, Nelems: 24}})
	raw := make([]byte, 24)
	copy(raw, "é\u202e\u009b\U000e0041\x7f")
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, raw)), `{"name":"é\u202e\u009b\udb40\udc41\u007f"}`))
}

func TestFloatsThatJSONCannotSayAreNull(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 12,
		btf.Member{Name: "a", Type: &btf.Float{Size: 8}},
		btf.Member{Name: "b", Type: &btf.Float{Size: 4}, Offset: 64})
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, pack(t, math.NaN(), float32(1.5)))), `{"a":null,"b":1.5}`))
}

func TestDataAfterAnEmptyStruct(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 4, btf.Member{Name: "_pad", Type: u32})
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, []byte{0, 0, 0, 0, 0xab})), `{"data":"ab"}`))
}

func TestDataAfterAFieldCalledData(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 4, btf.Member{Name: "data", Type: u32})
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, pack(t, uint32(1), uint8(2)))), `{"data":1,"more_data":"02"}`))
}

func TestPlainTypesAreBareValues(t *testing.T) {
	t.Parallel()
	s, err := event.NewSchema(u32)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, pack(t, uint32(7)))), "7"))
	qt.Check(t, qt.DeepEquals(s.Value(pack(t, uint32(7))), map[string]any{"value": uint64(7)}))
	qt.Check(t, qt.DeepEquals(columnNames(s), []string{"value"}))
}

func TestLocksAndTimersOfTheKernelAreLeftOut(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 8,
		btf.Member{Name: "lock", Type: &btf.Struct{Name: "bpf_spin_lock", Size: 4, Members: []btf.Member{{Name: "val", Type: u32}}}},
		btf.Member{Name: "n", Type: u32, Offset: 32})
	qt.Assert(t, qt.DeepEquals(columnNames(s), []string{"n"}))
}
