// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// storeTstamp is a store that counts if dst holds the context.
func storeTstamp(dst asm.Register) asm.Instruction {
	return asm.StoreMem(dst, offsetTstamp, asm.R0, asm.DWord)
}

// exit returns 0.
func exit() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
}

type flowCase struct {
	writes bool // to tstamp
	insns  asm.Instructions
}

// flowCases are programs that store to tstamp, or do not, by the way the
// context takes. The kernel takes all whose instructions and helpers it has.
func flowCases() map[string]flowCase {
	zero := asm.Mov.Imm(asm.R0, 0)
	spill := asm.StoreMem(asm.R10, -8, asm.R1, asm.DWord)
	fill := func(r asm.Register) asm.Instruction { return asm.LoadMem(r, asm.R10, -8, asm.DWord) }
	return map[string]flowCase{
		"none":        {false, exit()},
		"argument":    {true, join(zero, storeTstamp(asm.R1), exit())},
		"copy":        {true, join(zero, asm.Mov.Reg(asm.R6, asm.R1), storeTstamp(asm.R6), exit())},
		"other field": {false, join(zero, asm.StoreMem(asm.R1, 8, asm.R0, asm.Word), exit())},
		"stack":       {true, join(zero, spill, fill(asm.R7), storeTstamp(asm.R7), exit())},
		"stack is not the context": {false, join(
			zero, asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -160), storeTstamp(asm.R2), exit())},
		"across a helper": {true, join(
			asm.Mov.Reg(asm.R6, asm.R1), asm.FnKtimeGetNs.Call(), storeTstamp(asm.R6), exit())},
		"lost by a copy over it": {false, join(
			zero, asm.Mov.Reg(asm.R6, asm.R10), asm.Mov.Reg(asm.R1, asm.R6), asm.Add.Imm(asm.R1, -200), storeTstamp(asm.R1), exit())},
		"jump over the end": {true, join(
			zero, asm.JNE.Imm(asm.R0, 1, "write"), exit(), storeTstamp(asm.R1).WithSymbol("write"), exit())},
		"argument of a function": {true, join(
			zero, asm.Call.Label("fn"), exit(), zero.WithSymbol("fn"), storeTstamp(asm.R1), asm.Return())},
		"second argument of a function": {true, join(
			asm.Mov.Reg(asm.R2, asm.R1), asm.Mov.Imm(asm.R1, 0), asm.Call.Label("fn"), exit(),
			zero.WithSymbol("fn"), storeTstamp(asm.R2), asm.Return())},
		"returned by a function": {true, join(
			asm.Call.Label("fn"), asm.Mov.Reg(asm.R6, asm.R0), asm.Mov.Imm(asm.R0, 0), storeTstamp(asm.R6), exit(),
			asm.Mov.Reg(asm.R0, asm.R1).WithSymbol("fn"), asm.Return())},
		"returned behind a label": {true, join(
			asm.Call.Label("fn"), asm.Mov.Reg(asm.R6, asm.R0), asm.Mov.Imm(asm.R0, 0), storeTstamp(asm.R6), exit(),
			asm.LoadMem(asm.R2, asm.R1, 0, asm.Word).WithSymbol("fn"), asm.JNE.Imm(asm.R2, 1, "other"),
			asm.Mov.Reg(asm.R0, asm.R1), asm.Return(),
			asm.Mov.Reg(asm.R0, asm.R1).WithSymbol("other"), asm.Return())},
		"stored by a function into its caller's stack": {true, join(
			zero, asm.StoreMem(asm.R10, -8, asm.R0, asm.DWord),
			asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -8), asm.Call.Label("fn"),
			fill(asm.R6), storeTstamp(asm.R6), exit(),
			asm.StoreMem(asm.R2, 0, asm.R1, asm.DWord).WithSymbol("fn"), exit())},
		"loaded by a function from its caller's stack": {true, join(
			spill, asm.Mov.Reg(asm.R1, asm.R10), asm.Add.Imm(asm.R1, -8), asm.Call.Label("fn"), exit(),
			asm.LoadMem(asm.R1, asm.R1, 0, asm.DWord).WithSymbol("fn"), zero, storeTstamp(asm.R1), asm.Return())},
		"exchanged with the stack": {true, join(
			spill, asm.Mov.Imm(asm.R6, 0), exchange(asm.R10, -8, asm.R6),
			zero, storeTstamp(asm.R6), exit())},
		"loaded from the stack by what only some dead way makes the context": {true, join(
			zero, spill, asm.Mov.Reg(asm.R6, asm.R1), asm.JEq.Imm(asm.R0, 0, "stack"), asm.Ja.Label("load"),
			asm.Mov.Reg(asm.R6, asm.R10).WithSymbol("stack"), asm.Add.Imm(asm.R6, -8),
			asm.LoadMem(asm.R7, asm.R6, 0, asm.DWord).WithSymbol("load"), storeTstamp(asm.R7), exit())},
		"in a callback": {true, join(
			spill, asm.Mov.Imm(asm.R1, 3),
			asm.LoadImm(asm.R2, 0, asm.DWord).WithReference("fn"),
			asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -8), asm.Mov.Imm(asm.R4, 0),
			asm.FnLoop.Call(), exit(),
			asm.LoadMem(asm.R6, asm.R2, 0, asm.DWord).WithSymbol("fn"), zero, storeTstamp(asm.R6), exit())},
		"callback that only reads": {false, join(
			spill, asm.Mov.Imm(asm.R1, 3),
			asm.LoadImm(asm.R2, 0, asm.DWord).WithReference("fn"),
			asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -8), asm.Mov.Imm(asm.R4, 0),
			asm.FnLoop.Call(), exit(),
			asm.LoadMem(asm.R6, asm.R2, 0, asm.DWord).WithSymbol("fn"), asm.LoadMem(asm.R0, asm.R6, 0, asm.Word), exit())},
	}
}

// exchange swaps a register with memory. The library takes the operation from the
// constant when it writes such an instruction.
func exchange(dst asm.Register, offset int16, src asm.Register) asm.Instruction {
	ins := asm.Xchg.Mem(dst, src, asm.DWord, offset)
	ins.Constant = int64(asm.Xchg >> 8)
	return ins
}

// flatten makes one list of instructions and lists of them.
func flatten(parts ...any) asm.Instructions {
	var all asm.Instructions
	for _, part := range parts {
		switch part := part.(type) {
		case asm.Instruction:
			all = append(all, part)
		case asm.Instructions:
			all = append(all, part...)
		}
	}
	return all
}

// join makes a program of instructions and lists of them.
func join(parts ...any) asm.Instructions {
	all := flatten(parts...)
	all[0] = all[0].WithSymbol("prog")
	for i := range all {
		// A callback is known by the kind of the load of its address.
		if all[i].OpCode.IsDWordLoad() && all[i].Reference() != "" {
			all[i].Src = asm.PseudoFunc
			all[i].Constant = -1
		}
		// The kernel asks for the types of functions where there are callbacks.
		if name := all[i].Symbol(); name == "prog" || name == "fn" {
			all[i] = btf.WithFuncMetadata(all[i], &btf.Func{Name: name, Linkage: btf.StaticFunc, Type: &btf.FuncProto{
				Return: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
			}})
		}
	}
	return all
}

func TestContextIsFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range flowCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores, err := contextStores(c.insns)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(stores[offsetTstamp], c.writes))
		})
	}
}

// The same programs as the kernel shows them once they are loaded.
func TestContextIsFollowedThroughLoadedPrograms(t *testing.T) {
	t.Parallel()
	for name, c := range flowCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			insns := mustTranslate(t, c.insns)
			offset, err := tstampOffset()
			qt.Assert(t, qt.IsNil(err))
			stores, err := contextStores(insns)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(stores[offset], c.writes), qt.Commentf("%v", insns))
		})
	}
}

func mustTranslate(tb testing.TB, insns asm.Instructions) asm.Instructions {
	tb.Helper()
	testutil.SkipIfNotSupported(tb, lacking(insns))
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	out, err := translated("prog", prog)
	qt.Assert(tb, qt.IsNil(err))
	return out
}

// lacking returns the errors of what the instructions need and this kernel lacks.
func lacking(insns asm.Instructions) error {
	return testutil.Lacking(&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": {Instructions: insns}}})
}
