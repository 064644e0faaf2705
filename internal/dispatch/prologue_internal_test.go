// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// mayGoto is the conditional jump of bounded loops (cond_break, can_loop;
// Linux 6.9), for which the kernel keeps a count on the stack: here, over one instruction.
func mayGoto() asm.Instructions {
	return asm.Instructions{
		{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.JCOND), Offset: 1},
		asm.Mov.Imm(asm.R7, 0),
	}
}

// boundedBy finds the Ethernet header, then does what is given with it in r2.
func boundedBy(prepare, access asm.Instructions) asm.Instructions {
	return flatten(
		prepare,
		asm.LoadMem(asm.R2, asm.R1, 76, asm.Word), // data
		asm.LoadMem(asm.R3, asm.R1, 80, asm.Word), // data_end
		asm.Mov.Reg(asm.R4, asm.R2), asm.Add.Imm(asm.R4, 14),
		asm.JGT.Reg(asm.R4, asm.R3, "out"),
		access,
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return(),
	)
}

func TestDirectPacketWritesAreSeen(t *testing.T) {
	t.Parallel()
	write := asm.Instructions{asm.StoreImm(asm.R2, 0, 7, asm.Byte)}
	read := asm.Instructions{asm.LoadMem(asm.R5, asm.R2, 0, asm.Byte)}
	nop := asm.Mov.Reg(asm.R6, asm.R1)
	for name, c := range map[string]struct {
		writes bool
		insns  asm.Instructions
	}{
		"write":                     {true, boundedBy(asm.Instructions{nop}, write)},
		"read":                      {false, boundedBy(asm.Instructions{nop}, read)},
		"write in a bounded loop":   {true, boundedBy(flatten(nop, mayGoto()), write)},
		"read in a bounded loop":    {false, boundedBy(flatten(nop, mayGoto()), read)},
		"write behind a stack slot": {true, boundedBy(asm.Instructions{nop, asm.StoreMem(asm.R10, -8, asm.R1, asm.DWord)}, write)},
		"write in a function": {true, flatten(
			asm.Call.Label("fn"), exit(), asm.Mov.Reg(asm.R6, asm.R1).WithSymbol("fn"), boundedBy(nil, write),
		)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := &ebpf.ProgramSpec{Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: join(c.insns)}
			lacking := testutil.Lacking(&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": spec}})
			testutil.SkipIfNotSupported(t, lacking) // may_goto
			prog, err := ebpf.NewProgram(spec)
			qt.Assert(t, qt.IsNil(err))
			t.Cleanup(func() { qt.Check(t, qt.IsNil(prog.Close())) })
			insns, err := translated("prog", prog)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(writesPacket(insns), c.writes), qt.Commentf("%v", insns))
		})
	}
}
