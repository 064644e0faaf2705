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
// map and may_goto in spec that this kernel lacks for tc programs. What the kernel says
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
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, Instructions: asm.Instructions{
		asm.Mov.Imm(asm.R0, 0), {OpCode: mayGoto}, asm.Return(),
	}})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("may_goto: %w", ebpf.ErrNotSupported)
	}
	if err != nil {
		return fmt.Errorf("load may_goto: %w", err)
	}
	return prog.Close()
}
