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

type leavesCase struct {
	leavesNothing bool
	insns         asm.Instructions
}

// leavesCases are programs after which nothing is left to do, or something may be.
func leavesCases() map[string]leavesCase {
	ret := asm.Return()
	unspec := asm.Mov.Imm(asm.R0, -1)
	ok := asm.Mov.Imm(asm.R0, 0)
	end := asm.Instructions{unspec, ret}
	field := func(r asm.Register, offset int16, size asm.Size) asm.Instruction {
		return asm.LoadMem(r, asm.R1, offset, size)
	}
	spill := asm.StoreMem(asm.R10, -8, asm.R1, asm.DWord)
	fill := asm.LoadMem(asm.R3, asm.R10, -8, asm.DWord)
	return map[string]leavesCase{
		"unspec":               {true, end},
		"unspec in 32 bits":    {true, join(asm.Mov.Imm32(asm.R0, -1), ret)},
		"unspec as a constant": {true, join(asm.LoadImm(asm.R0, 0xffffffff, asm.DWord), ret)},
		"unspec by a register": {true, join(
			asm.Mov.Imm(asm.R6, -1), asm.FnKtimeGetNs.Call(), asm.Mov.Reg(asm.R0, asm.R6), ret)},
		"unspec on both ways": {true, join(
			field(asm.R2, 0, asm.Word), unspec, asm.JEq.Imm(asm.R2, 7, "end"), asm.Mov.Imm32(asm.R0, -1), ret.WithSymbol("end"))},
		"unspec after a loop": {true, join(
			asm.Mov.Imm(asm.R2, 0), asm.Add.Imm(asm.R2, 1).WithSymbol("loop"), asm.JLT.Imm(asm.R2, 10, "loop"), end)},
		"ok":                {false, join(ok, ret)},
		"ok on one way":     {false, join(field(asm.R2, 0, asm.Word), unspec, asm.JEq.Imm(asm.R2, 7, "end"), ok, ret.WithSymbol("end"))},
		"ok by a loop":      {false, join(field(asm.R2, 0, asm.Word), unspec, asm.Add.Imm(asm.R0, 1).WithSymbol("loop"), asm.Add.Imm(asm.R2, 1), asm.JEq.Imm(asm.R2, 1000, "loop"), ret)},
		"ok as a constant":  {false, join(asm.LoadImm(asm.R0, -1<<32, asm.DWord), ret)},
		"a sum":             {false, join(unspec, asm.Add.Imm(asm.R0, 1), ret)},
		"a helper's result": {false, join(unspec, asm.FnKtimeGetNs.Call(), ret)},
		"from memory": {false, join(
			asm.StoreImm(asm.R10, -8, -1, asm.Word), unspec, asm.LoadMem(asm.R0, asm.R10, -8, asm.Word), ret)},
		"exchanged": {false, join(
			ok, asm.StoreMem(asm.R10, -8, asm.R0, asm.DWord), asm.Mov.Reg(asm.R2, asm.R10), unspec, exchange(asm.R2, -8, asm.R0), ret)},
		"a function's result": {false, join(
			unspec, asm.Call.Label("fn"), ret, ok.WithSymbol("fn"), ret)},
		"a function returns ok and unspec is returned": {true, join(
			asm.Call.Label("fn"), unspec, ret, ok.WithSymbol("fn"), ret)},
		"reads the mark":             {true, join(field(asm.R2, 8, asm.Word), end)},
		"reads cb[1]":                {true, join(field(asm.R2, 52, asm.Word), end)},
		"reads what is before cb[0]": {true, join(field(asm.R2, 44, asm.Word), end)},
		"reads cb[0]":                {false, join(field(asm.R2, 48, asm.Word), end)},
		"reads a byte of cb[0]":      {false, join(field(asm.R2, 51, asm.Byte), end)},
		"reads cb[0] and cb[1]":      {false, join(field(asm.R2, 48, asm.DWord), end)},
		"a function reads cb[0]": {false, join(
			asm.Call.Label("fn"), end, field(asm.R0, 48, asm.Word).WithSymbol("fn"), ret)},
		"reads cb[0] by the stack":      {false, join(spill, fill, asm.LoadMem(asm.R2, asm.R3, 48, asm.Word), end)},
		"reads cb[1] by the stack":      {true, join(spill, fill, asm.LoadMem(asm.R2, asm.R3, 52, asm.Word), end)},
		"moves the context":             {false, join(asm.Add.Imm(asm.R1, 40), field(asm.R2, 8, asm.Word), end)},
		"stores to the mark":            {false, join(ok, asm.StoreMem(asm.R1, 8, asm.R0, asm.Word), end)},
		"stores to cb[0]":               {false, join(ok, asm.StoreMem(asm.R1, 48, asm.R0, asm.Word), end)},
		"loads the old way":             {false, join(asm.Mov.Reg(asm.R6, asm.R1), asm.LoadAbs(0, asm.Byte), end)},
		"calls another program":         {false, join(asm.FnTailCall.Call(), end)},
		"reads the kernel's memory":     {false, join(asm.FnProbeReadKernel.Call(), end)},
		"formats what is at an address": {false, join(asm.FnSnprintf.Call(), end)},
		"prints what is at an address":  {false, join(asm.FnTracePrintk.Call(), end)},
		"formats the kernel's structs":  {false, join(asm.FnSnprintfBtf.Call(), end)},
		"calls a function by number":    {false, join(asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall, Constant: 7}, end)},
	}
}

func TestWhatIsLeftToDoIsKnown(t *testing.T) {
	t.Parallel()
	for name, c := range leavesCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := leavesNothing(c.insns)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(got, c.leavesNothing))
		})
	}
}

// What is relocated when it is loaded may become another constant.
func TestRelocatedVerdictIsNotKnown(t *testing.T) {
	t.Parallel()
	verdict := btf.WithCORERelocationMetadata(asm.Mov.Imm(asm.R0, -1), &btf.CORERelocation{})
	got, err := leavesNothing(asm.Instructions{verdict, asm.Return()})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsFalse(got))
}

func TestComputedJumpsAreNotFollowed(t *testing.T) {
	t.Parallel()
	jump := asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja).SetSource(asm.RegSource), Dst: asm.R2}
	_, err := leavesNothing(append(asm.Instructions{jump}, exit()...))
	qt.Check(t, qt.ErrorMatches(err, "instruction 0: jumps to an address that it computes"))
}

// Whatever is in cb[0], a program that leaves nothing says TC_ACT_UNSPEC and
// leaves cb as it was.
func TestKernelAgreesThatNothingIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range leavesCases() {
		if !c.leavesNothing {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := &ebpf.ProgramSpec{Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: c.insns}
			prog, err := ebpf.NewProgram(spec)
			testutil.SkipIfNotSupported(t, err)
			qt.Assert(t, qt.IsNil(err))
			defer prog.Close()
			type context struct {
				_  [48]byte
				CB [5]uint32
				_  [124]byte
			}
			for _, first := range []uint32{0, 7, 1<<32 - 1} {
				in, out := context{CB: [5]uint32{first, 2, 3, 4, 5}}, context{}
				got, err := prog.Run(&ebpf.RunOptions{Data: make([]byte, 64), Context: in, ContextOut: &out})
				qt.Assert(t, qt.IsNil(err))
				qt.Check(t, qt.Equals(got, unspec))
				qt.Check(t, qt.Equals(out.CB, in.CB))
			}
		})
	}
}
