// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// hintLoadAs is the hint of refusals that depend on how the caller loaded a program.
const hintLoadAs = "load it as SchedCLS with attach type none"

// checkType refuses a program that the kernel would not let into a slot. Nothing
// tells the attach type that a program was loaded with, so a slot of our own is
// asked: what a prog array takes is settled by the first program in it (since
// Linux commit 4540aed51b12 by its attach type too; older kernels take any).
func checkType(name string, prog *ebpf.Program) error {
	if prog.Type() != ebpf.SchedCLS {
		return &RefusedError{Program: name, Reason: fmt.Sprintf("was loaded as %s, and only SchedCLS programs run on tc hooks", prog.Type()), Hint: hintLoadAs}
	}
	fits, err := slotTakes(prog, ebpf.AttachNone)
	if err != nil {
		return fmt.Errorf("try program %s in a slot: %w", name, err)
	}
	if fits {
		return nil
	}
	// All that tc programs may have (bpf_prog_load_check_attach in kernel/bpf/syscall.c).
	for _, at := range []ebpf.AttachType{
		ebpf.AttachTCXIngress, ebpf.AttachTCXEgress, ebpf.AttachNetkitPrimary, ebpf.AttachNetkitPeer,
	} {
		if fits, err := slotTakes(prog, at); err == nil && fits {
			return misfit(name, fmt.Sprintf("was loaded with attach type %s", at))
		}
	}
	return misfit(name, "was loaded with another attach type than none")
}

// misfit refuses a program that a prog array refuses.
func misfit(name, what string) error {
	return &RefusedError{
		Program: name, Hint: hintLoadAs,
		Reason: what + ", and cannot run behind the dispatcher, since the kernel lets only programs of one type and attach type call each other: load it with attach type none",
	}
}

// slotTakes says whether a prog array of tc programs of one attach type takes prog.
func slotTakes(prog *ebpf.Program, at ebpf.AttachType) (bool, error) {
	first, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "boathook_probe", Type: ebpf.SchedCLS, AttachType: at, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return false, err
	}
	slot, err := ebpf.NewMap(&ebpf.MapSpec{Name: "boathook_probe", Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	if err != nil {
		return false, errors.Join(err, first.Close())
	}
	err = slot.Put(uint32(0), uint32(first.FD()))
	taken := false
	if err == nil {
		err = slot.Put(uint32(0), uint32(prog.FD()))
		taken = err == nil
		if errors.Is(err, errInvalid) {
			err = nil
		}
	}
	return taken, errors.Join(err, slot.Close(), first.Close())
}
