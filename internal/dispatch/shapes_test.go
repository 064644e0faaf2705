// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/testutil"
)

// shape is an object of testdata/objects with the programs that it offers.
type shape struct {
	object   string
	programs []string
}

// shapes are all objects but those that are there to be refused.
func shapes(tb testing.TB) []shape {
	tb.Helper()
	// They could do harm, the verifier rejects them, or there is no tc program in them.
	refused := []string{"rejected", "xdp"}
	for _, r := range refusals() {
		refused = append(refused, r.object)
	}
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(testutil.ObjectPath(tb, "dropall")), "*.o"))
	qt.Assert(tb, qt.IsNil(err))
	var list []shape
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".o")
		if slices.Contains(refused, name) {
			continue
		}
		list = append(list, shape{name, chosen(tb, openObject(tb, name))})
	}
	qt.Assert(tb, qt.IsTrue(len(list) >= 20))
	return list
}

func openObject(tb testing.TB, name string) *object.Object {
	tb.Helper()
	o, err := object.Open(testutil.ObjectPath(tb, name))
	qt.Assert(tb, qt.IsNil(err))
	return o
}

// chosen names the programs of o that a user would run.
func chosen(tb testing.TB, o *object.Object) []string {
	tb.Helper()
	want := object.Want{AsSchedCLS: true}
	switch strings.TrimSuffix(filepath.Base(o.Path), ".o") {
	case "undirected":
		want.Programs = []string{"alpha:ingress", "beta:egress"}
	case "tailcalls":
		qt.Assert(tb, qt.IsNil(o.Tail("steps[2]=handle_other")))
	}
	c, err := o.Choose(want)
	qt.Assert(tb, qt.IsNil(err))
	programs := slices.DeleteFunc([]string{c.Ingress, c.Egress}, func(name string) bool { return name == "" })
	return slices.Compact(programs)
}

// udpPacket is a datagram that the parsers of the objects find whole.
func udpPacket() []byte {
	return slices.Concat(
		[]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0},
		[]byte{0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2},
		[]byte{0x30, 0x39, 0, 9, 0, 40, 0, 0},
		make([]byte, 32),
	)
}

func TestEveryShapeRuns(t *testing.T) {
	t.Parallel()
	for _, s := range shapes(t) {
		for _, name := range s.programs {
			t.Run(s.object+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := openObject(t, s.object)
				chosen(t, o)
				testutil.SkipIfNotSupported(t, testutil.Lacking(o.Spec))
				load, err := loadObject(t, o.Spec, name, false)
				testutil.SkipIfNotSupported(t, err)
				qt.Assert(t, qt.IsNil(err))
				qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
				checkPassesUntouched(t, load)
			})
		}
	}
}

// checkPassesUntouched sends a packet through load, which observes.
func checkPassesUntouched(tb testing.TB, load *dispatch.Load) {
	tb.Helper()
	packet := udpPacket()
	opts := ebpf.RunOptions{Data: packet, DataOut: make([]byte, len(packet))}
	verdict, err := load.Program().Run(&opts)
	qt.Assert(tb, qt.IsNil(err))
	qt.Check(tb, qt.Equals(int32(verdict), unspec))
	qt.Check(tb, qt.DeepEquals(opts.DataOut, packet))
	counters := mustCounters(tb, load, loopback)
	qt.Check(tb, qt.Equals(counters.Packets, 1))
	qt.Check(tb, qt.Equals(counters.NotRun, 0), qt.Commentf("the program ran"))
}

// What the objects are there for: that there is one of each shape.
func TestObjectsHaveTheirShapes(t *testing.T) {
	t.Parallel()
	instructions := func(object, name string) asm.Instructions {
		return testutil.Object(t, object).Programs[name].Instructions
	}
	qt.Check(t, qt.IsTrue(len(instructions("inspect", "inspect")) >= 1000))
	qt.Check(t, qt.IsTrue(slices.ContainsFunc(instructions("socket", "trace_dns"), func(ins asm.Instruction) bool {
		return ins.OpCode.Class() == asm.LdClass && ins.OpCode.Mode() == asm.AbsMode
	})))
	calls := 0
	for _, ins := range instructions("frames", "eight_frames") {
		if ins.IsFunctionCall() {
			calls++
		}
	}
	qt.Check(t, qt.Equals(calls, 7))
	qt.Check(t, qt.IsTrue(testutil.Object(t, "nobtf").Types == nil))
	qt.Check(t, qt.IsNotNil(testutil.Object(t, "legacymaps").Maps["acc_map"].Extra))
}

// The programs of the objects count what they see: they did run, not only their dispatcher.
func TestProgramsDoTheirWork(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]struct {
		program, variable string
		value             uint64
	}{
		"bss":     {"globals", "total_packets", 1},
		"frames":  {"eight_frames", "depth_sum", 74},
		"stack":   {"full_stack", "sum", 1953},
		"verdict": {"fixed_verdict", "packets", 1},
	} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			spec := testutil.Object(t, object)
			source, err := dispatch.NewSource(spec, []string{want.program}, dispatch.SourceOptions{})
			qt.Assert(t, qt.IsNil(err))
			t.Cleanup(func() { qt.Check(t, qt.IsNil(source.Close())) })
			load, err := dispatch.NewLoad(source, want.program, dispatch.LoadOptions{})
			qt.Assert(t, qt.IsNil(err))
			t.Cleanup(func() { qt.Check(t, qt.IsNil(load.Close())) })
			qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
			checkPassesUntouched(t, load)

			v := spec.Variables[want.variable]
			var section []byte
			qt.Assert(t, qt.IsNil(source.Maps()[v.SectionName].Lookup(uint32(0), &section)))
			qt.Check(t, qt.Equals(nativeUint64(section[v.Offset:]), want.value))
		})
	}
}
