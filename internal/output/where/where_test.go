// SPDX-License-Identifier: Apache-2.0

package where_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/output/where"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	web := &event.Record{
		Gadget: "flow", Netns: 4026532281, Direction: "egress", Schema: schema, Raw: flow(-1, 1<<40),
		Link: &event.Link{Name: "eth0", Ifindex: 2, Host: "veth98", HostIfindex: 12},
		Containers: []*container.Container{{
			Runtime: "docker", ID: "abc", Name: "web", Image: "nginx:1",
			Labels: map[string]string{"tier": "front", "app.kubernetes.io/name": "shop"},
			Pod:    &container.Pod{Namespace: "default", Name: "web-0", UID: "u"},
		}},
	}
	for text, want := range map[string]bool{
		`container.name == "web"`:                                 true,
		`container.name == "db"`:                                  false,
		`container.name in ["db", "web"] && event.number == 53`:   true,
		`event.number == 53 or event.number == 80`:                true,
		`event.number > 53`:                                       false,
		`event.number >= 53 and event.number < 54`:                true,
		`event.number in [53, 853]`:                               true,
		`event.signed == -1`:                                      true,
		`event.signed < 0`:                                        true,
		`event.total > 1e9`:                                       true,
		`event.total == 1099511627776`:                            true,
		`event.comm startsWith "cu"`:                              true,
		`event.comm matches "^c.r.$"`:                             true,
		`lower(container.image) contains "NGINX"`:                 false,
		`container.labels.tier == "front"`:                        true,
		`container.labels["app.kubernetes.io/name"] == "shop"`:    true,
		`container.labels.none == "x"`:                            false,
		`"tier" in container.labels`:                              true,
		`pod.namespace == "default"`:                              true,
		`netns == 4026532281`:                                     true,
		`link.host == "veth98" && link.ifindex == 2`:              true,
		`direction == "ingress"`:                                  false,
		`not (direction == "ingress")`:                            true,
		`lost > 0`:                                                false,
		`let n = event.number; n * 2 == 106`:                      true,
		`any([1, 53], # == event.number)`:                         true,
		`len(containers) == 0`:                                    true,
		`event.comm == "curl" ? event.number == 53 : lost == 100`: true,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			qt.Check(t, qt.Equals(match(t, text, web, schema), want))
		})
	}
}

func TestWhatIsNotKnownIsEmpty(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	bare := &event.Record{Schema: schema, Raw: flow(0, 0)}
	for text, want := range map[string]bool{
		`container.name == ""`:           true,
		`container.name == "web"`:        false,
		`container.labels.tier == "x"`:   false,
		`pod.name == "" && gadget == ""`: true,
		`link.ifindex == 0`:              true,
		`netns > 0`:                      false,
		`event.number == 53`:             true,
	} {
		qt.Check(t, qt.Equals(match(t, text, bare, schema), want), qt.Commentf("%s", text))
	}
}

func TestOneOfTheContainersThatShareANetnsIsEnough(t *testing.T) {
	t.Parallel()
	r := &event.Record{Containers: []*container.Container{{Name: "web"}, {Name: "sidecar", Image: "envoy"}}}
	for text, want := range map[string]bool{
		`container.name == "web"`:                                true,
		`container.name == "sidecar"`:                            true,
		`container.name == "web" && container.image == "envoy"`:  false,
		`container.name == "db"`:                                 false,
		`len(containers) == 2 && containers[0].name == "web"`:    true,
		`all(containers, .name in ["web", "sidecar"])`:           true,
		`container.image == "envoy" && container.labels.x == ""`: false,
	} {
		qt.Check(t, qt.Equals(match(t, text, r), want), qt.Commentf("%s", text))
	}
}

func TestComparingAFieldOfAnotherTypeOfEventIsFalse(t *testing.T) {
	t.Parallel()
	flows, raw := flowSchema(t), &event.Record{Raw: []byte{1}}
	short := &event.Record{Schema: flows, Raw: []byte{1, 2}}
	for _, text := range []string{
		`event.number > 3`, `event.number < 3`, `event.number == 3`, `event.comm startsWith "c"`,
		`event.comm contains ""`, `event.signed + 1 > 0`,
	} {
		qt.Check(t, qt.IsFalse(match(t, text, raw, flows)), qt.Commentf("%s", text))
		qt.Check(t, qt.IsFalse(match(t, text, short, flows)), qt.Commentf("%s", text))
	}
}

func TestIntegersBeyondInt64StayPositive(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	r := &event.Record{Schema: schema, Raw: flow(0, 1<<64-1)}
	qt.Check(t, qt.IsTrue(match(t, `event.total > 5`, r, schema)))
	qt.Check(t, qt.IsFalse(match(t, `event.total == -1`, r, schema)))
}

func TestRawEventsHaveOneField(t *testing.T) {
	t.Parallel()
	r := &event.Record{Raw: []byte{0xab, 0xcd}}
	qt.Check(t, qt.IsTrue(match(t, `event.raw startsWith "ab"`, r)))
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	for text, name := range map[string]string{
		`evnt.number == 1`:                "evnt",
		`event.nmber == 1`:                "event.nmber",
		`number == 1`:                     "number",
		`event.number.x == 1`:             "event.number.x",
		`container.labell.x == "1"`:       "container.labell",
		`event?.nmber == 1`:               "event.nmber",
		`event["nmber"] == 1`:             "event.nmber",
		`any([1], # == event.other)`:      "event.other",
		`let x = 1; x == 1 && y == 1`:     "y",
		`container.labels.a == pod.label`: "pod.label",
	} {
		_, err := where.Compile(text, schema)
		var unknown *output.UnknownFieldError
		qt.Assert(t, qt.IsTrue(errors.As(err, &unknown)), qt.Commentf("%s: %v", text, err))
		qt.Check(t, qt.Equals(unknown.Name, name))
		qt.Check(t, qt.IsTrue(strings.Contains(err.Error(), "event.number")), qt.Commentf("%v", err))
	}
}

func TestWrongExpressionsGiveOneLineWithTheColumn(t *testing.T) {
	t.Parallel()
	schema := flowSchema(t)
	for text, want := range map[string]string{
		`event.number ==`:           `read expression: unexpected token EOF \(column \d+\)`,
		`event.number == "53"`:      `read expression: invalid operation: == \(mismatched types uint64 and string\) \(column 14\)`,
		`event.comm > 3`:            `read expression: invalid operation: > .*`,
		`event.number`:              `read expression: expected bool, but got uint64.*`,
		`event.comm matches "("`:    `read expression: .*`,
		``:                          `read expression: .*`,
		`nofunc(1) == 2`:            `read expression: .*`,
		"event.number == 1\n&& $ 3": `read expression: .*`,
	} {
		_, err := where.Compile(text, schema)
		qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%s", text))
	}
}

func BenchmarkMatch(b *testing.B) {
	schema := flowSchema(b)
	w, err := where.Compile(`event.number == 53 && container.name == "web"`, schema)
	if err != nil {
		b.Fatal(err)
	}
	r := &event.Record{
		Schema: schema, Raw: flow(0, 0), Containers: []*container.Container{{Name: "web"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := w.Match(r); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func match(t *testing.T, text string, r *event.Record, schemas ...*event.Schema) bool {
	t.Helper()
	w, err := where.Compile(text, schemas...)
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
	ok, err := w.Match(r)
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", text))
	return ok
}

// flowSchema reads struct flow { char comm[16]; __u32 number; __s32 signed; __u64 total; }.
func flowSchema(tb testing.TB) *event.Schema {
	tb.Helper()
	u32 := &btf.Int{Name: "unsigned int", Size: 4}
	text := &btf.Array{Type: &btf.Int{Name: "char", Size: 1, Encoding: btf.Char}, Index: u32, Nelems: 16}
	schema, err := event.NewSchema(&btf.Struct{Name: "flow", Size: 32, Members: []btf.Member{
		{Name: "comm", Type: text},
		{Name: "number", Type: u32, Offset: btf.Bits(16 * 8)},
		{Name: "signed", Type: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}, Offset: btf.Bits(20 * 8)},
		{Name: "total", Type: &btf.Int{Name: "unsigned long", Size: 8}, Offset: btf.Bits(24 * 8)},
	}})
	qt.Assert(tb, qt.IsNil(err))
	return schema
}

func flow(signed int32, total uint64) []byte {
	raw := make([]byte, 16, 32)
	copy(raw, "curl")
	raw = binary.NativeEndian.AppendUint32(raw, 53)
	raw = binary.NativeEndian.AppendUint32(raw, uint32(signed))
	return binary.NativeEndian.AppendUint64(raw, total)
}
