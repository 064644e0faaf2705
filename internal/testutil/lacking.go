// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// Lacking returns the errors, for SkipIfNotSupported, of every helper, type of
// map, may_goto and atomic exchange in spec that this kernel lacks for tc programs. What the kernel says
// when it refuses such an object is EINVAL, as for any other fault.
func Lacking(spec *ebpf.CollectionSpec) error {
	var errs []error
	for _, m := range spec.Maps {
		errs = append(errs, features.HaveMapType(m.Type))
	}
	for _, p := range spec.Programs {
		for _, ins := range p.Instructions {
			switch {
			case ins.OpCode == mayGoto:
				errs = append(errs, haveMayGoto())
			case ins.OpCode.AtomicOp() == asm.Xchg:
				errs = append(errs, haveExchange())
			case ins.IsBuiltinCall():
				errs = append(errs, features.HaveProgramHelper(ebpf.SchedCLS, asm.BuiltinFunc(ins.Constant)))
			}
		}
	}
	return errors.Join(errs...)
}

// mayGoto is the jump of bounded loops (cond_break). Linux 6.9.
var mayGoto = asm.OpCode(asm.JumpClass).SetJumpOp(asm.JCOND) //nolint:gochecknoglobals // a constant

func haveMayGoto() error {
	// Linux 6.12 refuses one that goes nowhere.
	return haveInstructions("may_goto",
		asm.Mov.Imm(asm.R0, 0), asm.Instruction{OpCode: mayGoto, Offset: 1}, asm.Mov.Imm(asm.R0, 0), asm.Return())
}

// haveExchange tries what came with Linux 5.12.
func haveExchange() error {
	exchange := asm.Xchg.Mem(asm.R10, asm.R0, asm.DWord, -8)
	// The library takes the operation from the constant when it writes the instruction.
	exchange.Constant = int64(asm.Xchg >> 8)
	return haveInstructions("atomic exchange",
		asm.Mov.Imm(asm.R0, 0), asm.StoreMem(asm.R10, -8, asm.R0, asm.DWord), exchange, asm.Mov.Imm(asm.R0, 0), asm.Return())
}

func haveInstructions(what string, insns ...asm.Instruction) error {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: insns})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%s: %w", what, ebpf.ErrNotSupported)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", what, err)
	}
	return prog.Close()
}
