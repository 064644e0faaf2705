// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// leavesNothing says whether nothing is left to do after a program: it returns
// TC_ACT_UNSPEC on every way, stores to no field of the skb and does not read
// cb[0]. Where that is not plain from its instructions it says no.
func leavesNothing(insns asm.Instructions) (bool, error) {
	f, err := followContext(insns)
	if err != nil {
		return false, err
	}
	if len(f.stores) > 0 {
		return false, nil
	}
	for i, ins := range insns {
		if endsElsewhere(ins) || looksBehind(ins) || f.reached[i] && f.mayReadCB0(i, ins) {
			return false, nil
		}
	}
	return alwaysUnspec(f.code), nil
}

// endsElsewhere says whether a program may end in ins with a verdict that is not
// its own: that of a program it calls, or 0 where a packet is too short for an
// old load.
func endsElsewhere(ins asm.Instruction) bool {
	if ins.OpCode.Class() == asm.LdClass {
		return !ins.OpCode.IsDWordLoad()
	}
	return ins.IsBuiltinCall() && asm.BuiltinFunc(ins.Constant) == asm.FnTailCall
}

// looksBehind says whether ins may read the kernel's own struct behind the
// context, by its address or as a kernel function gives it. What formats text
// follows addresses, too (%pks, %pI4).
func looksBehind(ins asm.Instruction) bool {
	if ins.IsKfuncCall() {
		return true
	}
	if !ins.IsBuiltinCall() {
		return false
	}
	switch asm.BuiltinFunc(ins.Constant) {
	case asm.FnProbeRead, asm.FnProbeReadStr, asm.FnProbeReadKernel, asm.FnProbeReadKernelStr,
		asm.FnTracePrintk, asm.FnTraceVprintk, asm.FnSnprintf, asm.FnSnprintfBtf:
		return true
	default:
		return false
	}
}

// mayReadCB0 says whether instruction i may load a part of cb[0]. A context that
// was moved by some bytes counts as well.
func (f *flow) mayReadCB0(i int, ins asm.Instruction) bool {
	p := f.at[i]
	class := ins.OpCode.Class()
	switch {
	case class == asm.LdXClass && p.has(ins.Src):
		begin, size := int(ins.Offset), ins.OpCode.Size().Sizeof()
		return begin < offsetCB0+4 && begin+size > offsetCB0
	case class.IsALU() && ins.OpCode.ALUOp() != asm.Mov:
		return p.has(ins.Dst) || ins.OpCode.Source() == asm.RegSource && p.has(ins.Src)
	default:
		return false
	}
}

// unspec is TC_ACT_UNSPEC as the 32 bits that the kernel looks at.
const unspec = 0xffffffff

// alwaysUnspec says whether the program's own function returns TC_ACT_UNSPEC
// wherever it ends. It knows constants that stay in registers.
func alwaysUnspec(c code) bool {
	// For each instruction, the registers that hold TC_ACT_UNSPEC on every way to it:
	// bit n is register n. An instruction that was not reached has none set in known.
	holds, known := make([]uint16, len(c.insns)), make([]bool, len(c.insns))
	var queue []int
	enter := func(i int, regs uint16) {
		joined := regs
		if known[i] {
			joined &= holds[i]
		}
		if known[i] && joined == holds[i] {
			return
		}
		known[i], holds[i] = true, joined
		queue = append(queue, i)
	}
	enter(0, 0)
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, next := range c.successors(i) {
			if next >= len(c.insns) {
				return false
			}
			enter(next, holdUnspec(c.insns[i], holds[i]))
		}
	}
	for i, ins := range c.insns {
		if known[i] && isExit(ins) && holds[i]&(1<<asm.R0) == 0 {
			return false
		}
	}
	return true
}

func isExit(ins asm.Instruction) bool {
	return ins.OpCode.Class().IsJump() && ins.OpCode.JumpOp() == asm.Exit
}

// successors are the instructions that may run after instruction i in the same
// function.
func (c *code) successors(i int) []int {
	ins := c.insns[i]
	if !ins.OpCode.Class().IsJump() || ins.OpCode.JumpOp() == asm.Call {
		return []int{i + 1}
	}
	switch ins.OpCode.JumpOp() {
	case asm.Exit:
		return nil
	case asm.Ja:
		return []int{c.targets[i]}
	default:
		return []int{i + 1, c.targets[i]}
	}
}

// holdUnspec is regs after ins.
func holdUnspec(ins asm.Instruction, regs uint16) uint16 {
	bit := uint16(1) << ins.Dst
	switch class := ins.OpCode.Class(); {
	case class.IsJump():
		if ins.OpCode.JumpOp() == asm.Call {
			regs &^= 0x3f
		}
		return regs
	case class == asm.LdClass:
		regs &^= bit
		if ins.Src == 0 && isUnspec(ins) {
			regs |= bit
		}
		return regs
	case class.IsALU():
		regs, before := regs&^bit, regs
		if ins.OpCode.ALUOp() == asm.Mov && movesUnspec(ins, before) {
			regs |= bit
		}
		return regs
	case class == asm.LdXClass:
		return regs &^ bit
	case ins.OpCode.Mode() == asm.AtomicMode:
		// It may put what was in memory into any of the two, or into r0.
		return regs &^ (bit | 1<<ins.Src | 1<<asm.R0)
	default:
		return regs // a store
	}
}

// movesUnspec says whether a move of a constant, or of a register without sign
// extension, moves TC_ACT_UNSPEC.
func movesUnspec(ins asm.Instruction, regs uint16) bool {
	if ins.OpCode.Source() == asm.ImmSource {
		return isUnspec(ins)
	}
	return ins.Offset == 0 && regs&(1<<ins.Src) != 0
}

// isUnspec says whether the constant of ins is TC_ACT_UNSPEC, and will be once
// the program is loaded.
func isUnspec(ins asm.Instruction) bool {
	return uint32(ins.Constant) == unspec && ins.Reference() == "" && btf.CORERelocationMetadata(&ins) == nil
}
