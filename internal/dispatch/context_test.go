// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// skbField is a field of struct __sk_buff that a program may store to.
// Offsets are those of include/uapi/linux/bpf.h.
type skbField struct {
	name   string
	offset int16
	before int32 // what it holds when the dispatcher is called
	after  int32 // what ctxwrite.o puts there, as far as the kernel keeps it
}

func skbFields() []skbField {
	return []skbField{
		{"mark", 8, 0x1111, 0xdead},
		{"queue_mapping", 12, 1, 3},
		{"priority", 32, 0x2222, 0x10007},
		{"tc_index", 44, 0x33, 5},
		{"cb[0]", 48, 0x40, 0xbad0},
		{"cb[1]", 52, 0x41, 0xbad1},
		{"cb[2]", 56, 0x42, 0xbad2},
		{"cb[3]", 60, 0x43, 0xbad3},
		{"cb[4]", 64, 0x44, 0xbad4},
		{"tc_classid", 72, 0x55, 0x10},
	}
}

// around makes a program that does what the rest of the stack does around a
// load: it fills the fields, calls the load, and keeps what the fields hold then
// in an array. BPF_PROG_TEST_RUN itself takes and gives only some of them.
func around(tb testing.TB, load *dispatch.Load) (*ebpf.Program, *ebpf.Map) {
	tb.Helper()
	fields := skbFields()
	values := mustMap(tb, &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: uint32(len(fields))})
	slot := mustMap(tb, &ebpf.MapSpec{Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	qt.Assert(tb, qt.IsNil(slot.Put(uint32(0), uint32(load.Program().FD()))))

	insns := asm.Instructions{function("around", asm.Mov.Reg(asm.R6, asm.R1))}
	for _, f := range fields {
		insns = append(insns, asm.Mov.Imm(asm.R2, f.before), asm.StoreMem(asm.R6, f.offset, asm.R2, asm.Word))
	}
	insns = append(insns, asm.Mov.Reg(asm.R1, asm.R6), asm.Call.Label("call"), asm.Mov.Reg(asm.R7, asm.R0))
	for i, f := range fields {
		insns = append(insns,
			asm.LoadMem(asm.R2, asm.R6, f.offset, asm.Word),
			asm.StoreMem(asm.R10, -8, asm.R2, asm.Word),
			asm.StoreImm(asm.R10, -4, int64(i), asm.Word),
			asm.LoadMapPtr(asm.R1, values.FD()),
			asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -4),
			asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -8),
			asm.Mov.Imm(asm.R4, 0),
			asm.FnMapUpdateElem.Call(),
		)
	}
	insns = append(
		insns, asm.Mov.Reg(asm.R0, asm.R7), asm.Return(),
		function("call", asm.LoadMapPtr(asm.R2, slot.FD())), asm.Mov.Imm(asm.R3, 0),
		asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, 99), asm.Return(),
	)
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "around", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog, values
}

// function makes ins the first of a function, int name(void *ctx): the kernel
// takes tail calls in subprograms only if it knows the types.
func function(name string, ins asm.Instruction) asm.Instruction {
	fn := &btf.Func{
		Name:    name,
		Linkage: btf.StaticFunc,
		Type: &btf.FuncProto{
			Return: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
			Params: []btf.FuncParam{{Name: "ctx", Type: &btf.Pointer{Target: &btf.Void{}}}},
		},
	}
	return btf.WithFuncMetadata(ins.WithSymbol(name), fn)
}

func mustMap(tb testing.TB, spec *ebpf.MapSpec) *ebpf.Map {
	tb.Helper()
	m, err := ebpf.NewMap(spec)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(m.Close())) })
	return m
}

// fieldsAfter runs a packet through the load with all fields set.
func fieldsAfter(tb testing.TB, load *dispatch.Load) map[string]int32 {
	tb.Helper()
	prog, values := around(tb, load)
	packet := bytes.Repeat([]byte{0xa5}, 64)
	out := make([]byte, len(packet))
	opts := ebpf.RunOptions{Data: packet, DataOut: out}
	_, err := prog.Run(&opts)
	qt.Assert(tb, qt.IsNil(err))
	qt.Check(tb, qt.DeepEquals(opts.DataOut, packet))
	got := map[string]int32{}
	for i, f := range skbFields() {
		var value uint32
		qt.Assert(tb, qt.IsNil(values.Lookup(uint32(i), &value)))
		got[f.name] = int32(value)
	}
	return got
}

// ctxwrite is a load of the object that writes every field.
func ctxwrite(tb testing.TB, opts dispatch.LoadOptions) *dispatch.Load {
	tb.Helper()
	source, err := dispatch.NewSource(testutil.Object(tb, "ctxwrite"), []string{"write_context"}, dispatch.SourceOptions{AllowWrites: opts.AllowWrites})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	load, err := dispatch.NewLoad(source, "write_context", opts)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(load.Close())) })
	return load
}

func TestFieldsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	want := map[string]int32{}
	for _, f := range skbFields() {
		want[f.name] = f.before
	}
	for _, mode := range []dispatch.Mode{dispatch.Observe, dispatch.Drop, dispatch.Enforce} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			load := ctxwrite(t, dispatch.LoadOptions{Mode: mode})
			qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
			qt.Check(t, qt.DeepEquals(fieldsAfter(t, load), want))
		})
	}
}

func TestFieldsStayWrittenWhereWritesAreAllowed(t *testing.T) {
	t.Parallel()
	want := map[string]int32{}
	for _, f := range skbFields() {
		want[f.name] = f.after
	}
	load := ctxwrite(t, dispatch.LoadOptions{AllowWrites: true})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.DeepEquals(fieldsAfter(t, load), want))
}

func TestIdentityGoesWhereWritesAreAllowed(t *testing.T) {
	t.Parallel()
	want := map[string]int32{}
	for _, f := range skbFields() {
		want[f.name] = f.before
	}
	load := newLoad(t, returning(0), dispatch.LoadOptions{AllowWrites: true})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.DeepEquals(fieldsAfter(t, load), want))
}

// readsCB0 returns what it finds in cb[0].
func readsCB0() *ebpf.CollectionSpec {
	return program(asm.LoadMem(asm.R0, asm.R1, 48, asm.Word), asm.Return())
}

func TestNetnsIsInCB0OnEntry(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]dispatch.LoadOptions{
		"restoring":   {Mode: dispatch.Enforce},
		"keeping":     {Mode: dispatch.Enforce, AllowWrites: true},
		"uncounting":  {Mode: dispatch.Enforce, NoCounters: true},
		"many places": {Mode: dispatch.Enforce, Links: 5000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			load := newLoad(t, readsCB0(), opts)
			for _, inode := range []uint32{1, 4026532281, 1<<32 - 1} {
				qt.Assert(t, qt.IsNil(load.SetLink(loopback, inode)))
				qt.Check(t, qt.Equals(uint32(run(t, load)), inode))
			}
		})
	}
}

// testContext is the start of struct __sk_buff, as far as BPF_PROG_TEST_RUN
// takes and gives mark, priority and cb.
type testContext struct {
	_        [8]byte
	Mark     uint32
	_        [20]byte
	Priority uint32
	_        [12]byte
	CB       [5]uint32
	_        [124]byte
}

func TestContextOutEqualsContextIn(t *testing.T) {
	t.Parallel()
	load := ctxwrite(t, dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	in := testContext{Mark: 7, Priority: 8, CB: [5]uint32{1, 2, 3, 4, 5}}
	var out testContext
	_, err := load.Program().Run(&ebpf.RunOptions{Data: make([]byte, 64), Context: in, ContextOut: &out})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(out.Mark, in.Mark))
	qt.Check(t, qt.Equals(out.Priority, in.Priority))
	qt.Check(t, qt.Equals(out.CB, in.CB))
}

// The kernel takes a store to two words of cb at once, and compilers make them.
func TestBothWordsOfAWideStoreAreRestored(t *testing.T) {
	t.Parallel()
	for _, offset := range []int16{48, 56} {
		spec := returning(unspec)
		spec.Programs["prog"].Instructions = append(asm.Instructions{
			asm.Mov.Imm(asm.R2, 7), asm.StoreMem(asm.R1, offset, asm.R2, asm.DWord),
		}, spec.Programs["prog"].Instructions...)
		load := newLoad(t, spec, dispatch.LoadOptions{})
		qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
		got := fieldsAfter(t, load)
		for _, f := range skbFields() {
			qt.Check(t, qt.Equals(got[f.name], f.before), qt.Commentf("%s after a store to %d", f.name, offset))
		}
	}
}
