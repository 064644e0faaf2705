// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

func TestParamsAreListedWithTheirTypes(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.DeepEquals(mustOpen(t, "params").Params(), []string{
		"big (__u64)", "delta (__s64)", "enabled (bool)", "level (__u8)", "limits (limits)", "mode (sampling)",
		"name (char[16])", "offset (__s16)", "port (__u16)", "ratio (__u32)", "target_addr (__be32)", "verdict (int)",
	}))
}

// The values are those of a little-endian machine, as the committed objects are.
func TestSetWritesTheBytesOfTheType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]byte{
		"enabled=false":            {0},
		"enabled=1":                {1},
		"level=0xff":               {255},
		"offset=-32768":            {0, 0x80},
		"offset=0x7fff":            {0xff, 0x7f},
		"port=65535":               {0xff, 0xff},
		"ratio=0b101":              {5, 0, 0, 0},
		"verdict=-1":               {0xff, 0xff, 0xff, 0xff},
		"big=18446744073709551615": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"delta=-2":                 {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"name=wlan0":               append([]byte("wlan0"), make([]byte, 11)...),
		"name=a=b":                 append([]byte("a=b"), make([]byte, 13)...),
		"name=":                    make([]byte, 16),
		"target_addr=192.0.2.1":    {192, 0, 2, 1},
		"target_addr=0xc0000201":   {192, 0, 2, 1},
		"mode=SAMPLING_RANDOM":     {1, 0, 0, 0},
		"mode=7":                   {7, 0, 0, 0},
		"limits=0x0100000002000000": {
			1, 0, 0, 0, 2, 0, 0, 0,
		},
	} {
		o := mustOpen(t, "params")
		qt.Assert(t, qt.IsNil(o.Set(text)), qt.Commentf("%s", text))
		name, _, _ := strings.Cut(text, "=")
		v := o.Spec.Variables[name]
		qt.Check(t, qt.DeepEquals(v.Value, want), qt.Commentf("%s", text))
	}
}

func TestSetRefusesValuesThatDoNotFit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"enabled=maybe":         `--set enabled=maybe: "maybe" is neither true nor false`,
		"level=256":             `--set level=256: 256 is out of range`,
		"level=-1":              `--set level=-1: "-1" is not a number`,
		"offset=-32769":         `--set offset=-32769: -32769 is out of range`,
		"offset=32768":          `--set .*: 32768 is out of range`,
		"port=http":             `--set port=http: "http" is not a number`,
		"port=":                 `--set port=: "" is not a number`,
		"name=sixteen letters!": `--set .*: text of 16 bytes does not fit into 16 with its end`,
		"target_addr=::1":       `--set .*: "::1" is not a number`,
		"mode=SAMPLING":         `--set .*: "SAMPLING" is none of SAMPLING_OFF, SAMPLING_RANDOM, SAMPLING_ALL`,
		"limits=1":              `--set limits=1: "1" is not bytes in hexadecimal \(0x\.\.\.\)`,
		"limits=0x01":           `--set limits=0x01: 8 bytes are wanted, 1 given`,
		"level":                 `--set level has no value`,
		"results=1":             `no parameter "results" in .*params.o`,
		"=1":                    `no parameter "" in .*`,
	} {
		checkUsage(t, mustOpen(t, "params").Set(text), want, `(--set NAME=VALUE; )?parameters: big \(__u64\), .*, verdict \(int\)`)
	}
}

func TestVariablesThatCanChangeAreNoParameters(t *testing.T) {
	t.Parallel()
	o := mustOpen(t, "bss")
	checkUsage(t, o.Set("long_from=1"), `no parameter "long_from" in .*`, `the object has no parameters \(const volatile globals\)`)
}

// readOnly is a variable of type typ in .rodata.
func readOnly(name string, typ btf.Type) *ebpf.VariableSpec {
	return &ebpf.VariableSpec{
		Name: name, SectionName: ".rodata", Value: make([]byte, 4), Type: &btf.Var{Name: name, Type: typ},
	}
}

func TestOnlyConstVolatileIsAParameter(t *testing.T) {
	t.Parallel()
	u32 := &btf.Int{Name: "__u32", Size: 4}
	o := withPrograms(nil)
	o.Spec.Variables = map[string]*ebpf.VariableSpec{}
	for _, v := range []*ebpf.VariableSpec{
		readOnly("plain", &btf.Const{Type: u32}),
		readOnly("limit", &btf.Const{Type: &btf.Volatile{Type: u32}}),
		readOnly("port", &btf.Const{Type: &btf.Volatile{Type: &btf.Typedef{Name: "__be32", Type: u32}}}),
		readOnly("gadget_tracer_dns", &btf.Const{Type: &btf.Volatile{Type: u32}}),
		readOnly("bh_event_events___event", &btf.Const{Type: &btf.Volatile{Type: u32}}),
		{Name: "untyped", SectionName: ".rodata", Value: make([]byte, 4)},
	} {
		o.Spec.Variables[v.Name] = v
	}
	qt.Check(t, qt.DeepEquals(o.Params(), []string{"limit (__u32)", "port (__be32)", "untyped (4 bytes)"}))
	for _, name := range []string{"plain", "gadget_tracer_dns", "bh_event_events___event"} {
		checkUsage(t, o.Set(name+"=1"), `no parameter "`+name+`" in made.o`, "parameters: limit .*")
	}
	qt.Assert(t, qt.IsNil(o.Set("port=1")))
	qt.Check(t, qt.DeepEquals(o.Spec.Variables["port"].Value, []byte{0, 0, 0, 1}))
	qt.Assert(t, qt.IsNil(o.Set("untyped=1")))
	qt.Assert(t, qt.IsNil(o.Set("untyped=0x00000002")))
}
