// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

func TestAddKeepsBitfieldsApart(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "bits")
	sum := pack(t, uint64(3)|uint64(100)<<5|uint64(9)<<45)
	s.Add(sum, pack(t, uint64(4)|uint64(200)<<5|uint64(8)<<45))
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, sum)), `{"first":7,"second":300,"third":17}`))
}

func TestAddCountsOverlappingMembersOnce(t *testing.T) {
	t.Parallel()
	u16 := &btf.Int{Size: 2}
	s := mustSchema(t, 4, btf.Member{Name: "", Type: &btf.Union{Size: 4, Members: []btf.Member{
		{Name: "whole", Type: u32},
		{Name: "half", Type: u16},
	}}})
	sum := pack(t, uint32(5))
	s.Add(sum, pack(t, uint32(6)))
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, sum)), `{"whole":11,"half":11}`))
}

func TestAddSumsFloatsArraysAndNetworkOrder(t *testing.T) {
	t.Parallel()
	s := mustSchema(t, 28,
		btf.Member{Name: "f", Type: &btf.Float{Size: 8}},
		btf.Member{Name: "g", Type: &btf.Float{Size: 4}, Offset: 64},
		btf.Member{Name: "list", Type: &btf.Array{Index: u32, Type: u32, Nelems: 2}, Offset: 96},
		btf.Member{Name: "seq", Type: &btf.Typedef{Name: "__be32", Type: u32}, Offset: 160},
		btf.Member{Name: "saddr", Type: u32, Offset: 192})
	sum := pack(t, 0.5, float32(1), uint32(1), uint32(2), []byte{0, 0, 0, 200}, []byte{0, 0, 0, 0})
	s.Add(sum, pack(t, 0.25, float32(2), uint32(3), uint32(4), []byte{0, 0, 0, 100}, []byte{10, 0, 0, 1}))
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, sum)), `{"f":0.75,"g":3,"list":[4,6],"seq":300,"saddr":"10.0.0.1"}`))
}

func TestAddLeavesShortValuesAlone(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "bits")
	sum := []byte{1, 2, 3}
	s.Add(sum, sum)
	qt.Assert(t, qt.DeepEquals(sum, []byte{1, 2, 3}))
}
