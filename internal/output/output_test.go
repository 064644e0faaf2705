// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
)

// flowSchema reads struct flow { char comm[16]; __u32 port; __u32 size; }.
func flowSchema(tb testing.TB) *event.Schema {
	tb.Helper()
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}
	u32 := &btf.Int{Name: "unsigned int", Size: 4}
	return schemaOf(tb, &btf.Struct{Name: "flow", Size: 24, Members: []btf.Member{
		{Name: "comm", Type: &btf.Array{Type: char, Index: u32, Nelems: 16}},
		{Name: "number", Type: u32, Offset: btf.Bits(16 * 8)},
		{Name: "length", Type: u32, Offset: btf.Bits(20 * 8)},
	}})
}

// countSchema reads struct count { __u64 total; }.
func countSchema(tb testing.TB) *event.Schema {
	tb.Helper()
	u64 := &btf.Int{Name: "unsigned long", Size: 8}
	return schemaOf(tb, &btf.Struct{Name: "count", Size: 8, Members: []btf.Member{{Name: "total", Type: u64}}})
}

func schemaOf(tb testing.TB, t btf.Type) *event.Schema {
	tb.Helper()
	schema, err := event.NewSchema(t)
	qt.Assert(tb, qt.IsNil(err))
	return schema
}

func flow(comm string, number, length uint32) []byte {
	raw := make([]byte, 16, 24)
	copy(raw, comm)
	raw = binary.NativeEndian.AppendUint32(raw, number)
	return binary.NativeEndian.AppendUint32(raw, length)
}

// web is a record of everything that can be known.
func web(schema *event.Schema, raw []byte) *event.Record {
	return &event.Record{
		Time:   time.Date(2026, 1, 2, 3, 4, 5, 6000, time.Local),
		Gadget: "flow",
		Containers: []*container.Container{{
			Runtime: "docker", Name: "web", Image: "nginx:1",
			ID:     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			Labels: map[string]string{"app.kubernetes.io/name": "shop", "tier": "front"},
			Pod:    &container.Pod{Namespace: "default", Name: "web-0", UID: "u-1"},
		}},
		Netns:     4026532281,
		Link:      &event.Link{Name: "eth0", Ifindex: 2, Host: "veth98", HostIfindex: 12},
		Direction: "egress",
		Schema:    schema,
		Raw:       raw,
	}
}

// shared is a record whose netns two containers share.
func shared(schema *event.Schema, raw []byte) *event.Record {
	r := web(schema, raw)
	r.Containers = append(r.Containers, &container.Container{Runtime: "docker", Name: "sidecar"})
	return r
}
