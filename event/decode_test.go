// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"math"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// kindsRecord is a struct kinds_event with a value in every field.
func kindsRecord(tb testing.TB) []byte {
	tb.Helper()
	return pack(tb,
		uint8(200), int8(-3), uint16(65000), int32(-70000),
		uint64(math.MaxUint64), int64(math.MinInt64),
		true, uint8(5|17<<3), uint16(0xffff), int32(-1),
		uint64(1)<<32, 0.5,
		[]byte("curl\x00old"), []byte("eth0"), []byte("lo\x00\x00"),
		[]byte{0xde, 0xad, 0xbe}, uint8(9),
		int16(-1), int16(2), int16(3), int16(4), int16(5), int16(6),
		[]byte{1, 0, 2, 0}, uint32(7), []byte{8, 0},
		[]byte{0x1f, 0x90}, uint32(0), uint64(0xffff888012345678),
	)
}

func TestEveryKindOfFieldIsDecoded(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	qt.Assert(t, qt.Equals(len(raw), s.Size()))
	want := `{"a_u8":200,"a_s8":-3,"a_u16":65000,"a_s32":-70000,` +
		`"a_u64":"18446744073709551615","a_s64":"-9223372036854775808","flag":true,"low":5,"high":17,` +
		`"verdict":"MINUS","wide":"BIG","ratio":0.5,"comm":"curl","names":["eth0","lo"],"blob":"deadbe","more":9,` +
		`"at":{"x":-1,"y":2},"path":[{"x":3,"y":4},{"x":5,"y":6}],"whole":131073,"halves":[1,2],"inner":7,` +
		`"u":{"icmp":8,"bytes":"0800"},"sport":8080,"ptr":"0xffff888012345678"}`
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, raw)), want))
}

func TestTextShowsWhatJSONShows(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	cells := texts(s, raw)
	for column, want := range map[string]string{
		"a_u64": "18446744073709551615", "a_s8": "-3", "flag": "true", "high": "17", "verdict": "MINUS",
		"ratio": "0.5", "comm": "curl", "names": `["eth0","lo"]`, "blob": "deadbe", "at.x": "-1",
		"path": `[{"x":3,"y":4},{"x":5,"y":6}]`, "u.bytes": "0800", "sport": "8080", "ptr": "0xffff888012345678",
	} {
		qt.Check(t, qt.Equals(cells[column], want), qt.Commentf("column %s", column))
	}
}

func TestValuesForExpressionsKeepTheirTypes(t *testing.T) {
	t.Parallel()
	v := mustFind(t, "kinds_event").Value(kindsRecord(t))
	qt.Check(t, qt.Equals(v["a_u64"], any(uint64(math.MaxUint64))))
	qt.Check(t, qt.Equals(v["a_s32"], any(int64(-70000))))
	qt.Check(t, qt.Equals(v["low"], any(uint64(5))))
	qt.Check(t, qt.Equals(v["flag"], any(true)))
	qt.Check(t, qt.Equals(v["ratio"], any(0.5)))
	qt.Check(t, qt.Equals(v["verdict"], any("MINUS")))
	qt.Check(t, qt.DeepEquals(v["at"], any(map[string]any{"x": int64(-1), "y": int64(2)})))
	qt.Check(t, qt.DeepEquals(v["names"], any([]any{"eth0", "lo"})))
}

func TestEnumValueWithoutNameIsItsNumber(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	copy(raw[28:], []byte{7, 0, 0, 0})
	qt.Check(t, qt.Equals(s.Value(raw)["verdict"], any(int64(7))))
	qt.Check(t, qt.Equals(texts(s, raw)["verdict"], "7"))
	qt.Check(t, qt.StringContains(string(s.AppendJSON(nil, raw)), `"verdict":7,`))
}

func TestFirstNameOfAnEnumValueWins(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	copy(raw[28:], []byte{2, 0, 0, 0})
	qt.Assert(t, qt.Equals(s.Value(raw)["verdict"], any("DROP")))
}

func TestSignedBitfieldsAcrossBytes(t *testing.T) {
	t.Parallel()
	second := int64(-123456789) & (1<<40 - 1)
	raw := pack(t, uint64(21)|uint64(second)<<5|uint64(0x7ffff)<<45)
	got := string(mustFind(t, "bits").AppendJSON(nil, raw))
	qt.Assert(t, qt.Equals(got, `{"first":21,"second":-123456789,"third":524287}`))
}

func TestTextThatIsNotUTF8StaysValidJSON(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	copy(raw[48:], "\xff\x1b[\xc2\x9b\"\\\x00")
	qt.Check(t, qt.Equals(mustTree(t, s.AppendJSON(nil, raw))["comm"], any("\ufffd\x1b[\u009b\"\\")))
	qt.Check(t, qt.Equals(texts(s, raw)["comm"], `\xff\x1b[\u009b"\`))
}

func TestShortRecordIsHexAndDoesNotFit(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "kinds_event")
	raw := []byte{1, 2, 0xff}
	qt.Check(t, qt.IsFalse(s.Fits(raw)))
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, raw)), `{"raw":"0102ff"}`))
	qt.Check(t, qt.DeepEquals(s.Value(raw), map[string]any{"raw": "0102ff"}))
	qt.Check(t, qt.Equals(string(s.AppendText(nil, raw, 0)), "0102ff"))
	qt.Check(t, qt.Equals(string(s.AppendText(nil, raw, 1)), ""))
}

func TestFlexibleMemberIsHexUnderItsName(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "flexible")
	raw := append(pack(t, uint32(12)), "0123456789ab"...)
	qt.Check(t, qt.DeepEquals(columnNames(s), []string{"length", "payload"}))
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, raw)), `{"length":12,"payload":"303132333435363738396162"}`))
	qt.Check(t, qt.Equals(texts(s, raw)["payload"], "303132333435363738396162"))
	qt.Check(t, qt.Equals(s.Value(raw)["payload"], any("303132333435363738396162")))
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, raw[:4])), `{"length":12}`))
}

func TestBytesAfterTheStructAreData(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	long := append(raw, strings.Repeat("x", 9)...)
	qt.Assert(t, qt.Equals(mustTree(t, s.AppendJSON(nil, long))["data"], any(strings.Repeat("78", 9))))
}

func TestShortFlexibleDataIsKeptInPerfRecords(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "flexible_of_eight")
	raw := pack(t, uint64(1), uint8(7))
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, raw)), `{"id":1,"payload":"07"}`))
}

// The kernel pads perf records to a multiple of 8 bytes, their length of 4 included.
func TestPaddingOfPerfRecordsIsNotData(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "kinds_event"), kindsRecord(t)
	padded := append(raw, 1, 2, 3, 4)
	qt.Assert(t, qt.Equals((len(padded)+4)%8, 0))
	_, found := mustTree(t, s.AppendJSON(nil, padded))["data"]
	qt.Assert(t, qt.IsFalse(found))
}
