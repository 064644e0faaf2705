// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

// typeSource makes BTF types out of the bytes of a fuzzer, valid or not.
type typeSource struct {
	in    []byte
	known []btf.Type // so that types contain each other and themselves
}

func (s *typeSource) next() byte {
	if len(s.in) == 0 {
		return 0
	}
	b := s.in[0]
	s.in = s.in[1:]
	return b
}

func (s *typeSource) name() string {
	names := []string{
		"", "saddr", "addr6", "family", "version", "timestamp", "rtt_ns", "smac", "proto", "eth_type", "netns",
		"_pad", "comm", "v4", "v6", "data", "sport_be", "x_raw",
	}
	return names[int(s.next())%len(names)]
}

func (s *typeSource) typ(depth int) btf.Type { //nolint:ireturn // any type is the point
	if depth == 0 {
		return &btf.Int{Size: 4}
	}
	switch s.next() % 10 {
	case 0:
		return &btf.Int{Name: "char", Size: 1, Encoding: btf.Signed}
	case 1:
		return &btf.Int{Size: uint32(s.next() % 20), Encoding: btf.IntEncoding(s.next() % 3)}
	case 2:
		return &btf.Array{Index: &btf.Int{Size: 4}, Type: s.typ(depth - 1), Nelems: uint32(s.next())}
	case 3, 4:
		t := &btf.Struct{Name: "gadget_x", Size: uint32(s.next())}
		s.known = append(s.known, t)
		t.Members = s.members(depth - 1)
		return t
	case 5:
		t := &btf.Union{Size: uint32(s.next() % 33)}
		t.Members = s.members(depth - 1)
		return t
	case 6:
		return &btf.Enum{Size: uint32(s.next() % 9), Signed: s.next()%2 == 0, Values: []btf.EnumValue{{Name: "A\x1b", Value: 1}}}
	case 7:
		names := []string{"__be32", "gadget_timestamp", "gadget_netns_id", "gadget_errno", "__be16", "gadget_duration"}
		return &btf.Typedef{Name: names[int(s.next())%len(names)], Type: s.typ(depth - 1)}
	case 8:
		if len(s.known) > 0 {
			return s.known[int(s.next())%len(s.known)]
		}
		return &btf.Pointer{Target: &btf.Void{}}
	default:
		return &btf.Float{Size: uint32(s.next() % 17)}
	}
}

func (s *typeSource) members(depth int) []btf.Member {
	var members []btf.Member
	for range s.next() % 6 {
		members = append(members, btf.Member{
			Name: s.name(), Type: s.typ(depth), Offset: btf.Bits(s.next()) * 4, BitfieldSize: btf.Bits(s.next() % 70 / 3 * 3 % 67),
		})
	}
	return members
}

// FuzzDecode feeds types and bytes that fit and do not fit: nothing may crash,
// and all output must be JSON and safe for terminals.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{3, 16, 2, 1, 1, 4, 0, 0, 0, 6, 1, 4, 0, 8, 0}, make([]byte, 64))
	f.Add([]byte{2, 2, 0, 7, 9}, []byte("\x1b[31m\xff\u009b"))
	f.Add([]byte{3, 40, 5, 1, 5, 16, 1, 4, 13, 0, 14, 2, 1, 1, 0, 16, 0, 0}, bytes.Repeat([]byte{0xff}, 80))
	f.Fuzz(func(t *testing.T, types, raw []byte) {
		source := &typeSource{in: types}
		s, err := event.NewSchema(source.typ(5))
		if err != nil {
			qt.Assert(t, qt.IsTrue(errors.Is(err, event.ErrType)), qt.Commentf("%v", err))
			return
		}
		if s.Size() > 1<<12 {
			return // slow, and nothing that small ones do not have
		}
		if len(raw) < s.Size() {
			raw = append(raw, make([]byte, s.Size()-len(raw))...)
		}
		for _, raw := range [][]byte{raw, raw[:max(0, s.Size()-1)], raw[:s.Size()]} {
			check(t, s, raw)
		}
		s.Add(bytes.Clone(raw), raw)
	})
}

func check(t *testing.T, s *event.Schema, raw []byte) {
	t.Helper()
	out := (&event.Record{Schema: s, Raw: raw}).AppendJSON(nil)
	if !json.Valid(out) {
		t.Fatalf("not JSON: %s", out)
	}
	s.Value(raw)
	s.Netns(raw)
	s.Time(raw)
	for i := range s.Columns() {
		out = s.AppendText(out, raw, i)
	}
	if i := bytes.IndexFunc(out, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }); i >= 0 {
		t.Fatalf("control character at byte %d of %q", i, out)
	}
}
