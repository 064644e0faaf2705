// SPDX-License-Identifier: Apache-2.0

package dispatch

import "github.com/cilium/ebpf/asm"

// auxRegister is the kernel's own register, which constant blinding uses.
const auxRegister = asm.Register(11)

// writesPacket recognises the prologue that the kernel gives a program which
// writes to packets directly: a byte of the skb (its cloned bit) into r6, a
// mask, a jump over the call that makes the packet private, the call.
// Source: bpf_unclone_prologue in net/core/filter.c, Linux 5.10 to 6.18.
func writesPacket(insns asm.Instructions) bool {
	insns = prologue(insns)
	if len(insns) < 6 {
		return false
	}
	load, mask, jump, save, clear, call := insns[0], insns[1], insns[2], insns[3], insns[4], insns[5]
	return load.OpCode == asm.LoadMemOp(asm.Byte) && load.Dst == asm.R6 && load.Src == asm.R1 &&
		mask.OpCode.Class().IsALU() && mask.OpCode.ALUOp() == asm.And && mask.Dst == asm.R6 &&
		jump.OpCode.JumpOp() == asm.JEq && jump.Dst == asm.R6 &&
		save.OpCode.ALUOp() == asm.Mov && save.Dst == asm.R6 && save.Src == asm.R1 &&
		clear.OpCode.ALUOp() == asm.Xor && clear.Dst == asm.R2 && clear.Src == asm.R2 &&
		call.OpCode.JumpOp() == asm.Call
}

// prologue is the first six instructions without what the kernel puts around
// them: where net.core.bpf_jit_harden is 2, loads of the auxiliary register hide
// constants; where a program loops by may_goto (Linux 6.9), stores to the stack
// begin its counts.
func prologue(insns asm.Instructions) asm.Instructions {
	var out asm.Instructions
	for _, ins := range insns {
		class := ins.OpCode.Class()
		hides := class.IsALU() && ins.Dst == auxRegister
		counts := (class == asm.StClass || class == asm.StXClass) && ins.Dst == asm.R10
		if hides || counts && len(out) == 0 {
			continue
		}
		out = append(out, ins)
		if len(out) == 6 {
			break
		}
	}
	return out
}
