// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// testPacketSize is the least that BPF_PROG_TEST_RUN accepts: an Ethernet
// header (net/bpf/test_run.c).
const testPacketSize = 14

// errNoJIT is the kernel's internal ENOTSUPP (include/linux/errno.h), which
// loading a program returns where only machine code may run and the JIT is off.
const errNoJIT = unix.Errno(524)

// idleProgram loads a program that lets every packet go on.
func idleProgram() (*ebpf.Program, error) {
	return loadProgram("bh_probe_idle", asm.Instructions{
		asm.Mov.Imm(asm.R0, -1), // TC_ACT_UNSPEC
		asm.Return(),
	})
}

func loadProgram(name string, insns asm.Instructions) (*ebpf.Program, error) {
	prog, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
		Name:         name,
		Type:         ebpf.SchedCLS,
		Instructions: insns,
		License:      "Dual BSD/GPL",
	}, ebpf.ProgramOptions{LogDisabled: true})
	if err != nil {
		return nil, fmt.Errorf("load tc program: %w", err)
	}
	return prog, nil
}

func trySchedCLS(s *site) error {
	if errors.Is(s.progErr, unix.EINVAL) || errors.Is(s.progErr, unix.ENOSYS) {
		return fmt.Errorf("%w: %w", ErrNotSupported, s.progErr)
	}
	return s.progErr
}

func tryJIT(s *site) error {
	if errors.Is(s.progErr, errNoJIT) {
		return fmt.Errorf("the JIT is off: %w", ErrNotSupported)
	}
	if s.progErr != nil {
		return s.progErr
	}
	info, err := s.prog.Info()
	if err != nil {
		return fmt.Errorf("read program info: %w", err)
	}
	size, err := info.JitedSize()
	if errors.Is(err, ebpf.ErrRestrictedKernel) {
		// Only the JIT blinds constants, and only blinding restricts.
		return nil
	}
	if err != nil && !errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("read size of machine code: %w", err)
	}
	if size == 0 {
		return fmt.Errorf("program has no machine code: %w", ErrNotSupported)
	}
	return nil
}

// tryTranslated reads back the instructions of a program with a constant in
// it, since blinded constants are what the kernel hides.
func tryTranslated(s *site) error {
	if s.progErr != nil {
		return s.progErr
	}
	info, err := s.prog.Info()
	if err != nil {
		return fmt.Errorf("read program info: %w", err)
	}
	insns, err := info.Instructions()
	if errors.Is(err, ebpf.ErrRestrictedKernel) {
		return fmt.Errorf("hidden by net.core.bpf_jit_harden with kernel.kptr_restrict: %w", ErrNotSupported)
	}
	if err != nil {
		return fmt.Errorf("read translated instructions: %w", err)
	}
	if len(insns) == 0 {
		return fmt.Errorf("kernel returned no instructions: %w", ErrNotSupported)
	}
	return nil
}

// tryTailCall runs a program whose subprogram makes a tail call and adds to
// what comes back. Only if the tail call returned to the caller is the sum
// that of both: 7 alone means that the caller's frame was replaced.
func tryTailCall(*site) (err error) {
	const fromTarget, added = 7, 100
	target, err := loadProgram("bh_probe_target", asm.Instructions{
		asm.Mov.Imm(asm.R0, fromTarget),
		asm.Return(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	slot, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "bh_probe_slot", Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1,
	})
	if err != nil {
		return fmt.Errorf("create prog array: %w", err)
	}
	defer func() { err = errors.Join(err, slot.Close()) }()
	if err := slot.Put(uint32(0), target); err != nil {
		return fmt.Errorf("fill prog array: %w", err)
	}
	caller, err := loadProgram("bh_probe_caller", tailCaller(slot, added))
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errNoJIT) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caller.Close()) }()
	got, err := caller.Run(&ebpf.RunOptions{Data: make([]byte, testPacketSize)})
	if err != nil {
		return fmt.Errorf("run tail call: %w", err)
	}
	if got != fromTarget+added {
		return fmt.Errorf("tail call gave %d, want %d: %w", got, fromTarget+added, ErrNotSupported)
	}
	return nil
}

func tailCaller(slot *ebpf.Map, added int32) asm.Instructions {
	const subprogram = "call_target"
	return asm.Instructions{
		function("caller", btf.GlobalFunc, asm.Call.Label(subprogram)),
		asm.Add.Imm(asm.R0, added),
		asm.Return(),
		function(subprogram, btf.StaticFunc, asm.LoadMapPtr(asm.R2, slot.FD())),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnTailCall.Call(),
		asm.Mov.Imm(asm.R0, -1),
		asm.Return(),
	}
}

// function makes first the start of a function that takes the packet and
// returns an int: the verifier allows tail calls in those alone.
func function(name string, linkage btf.FuncLinkage, first asm.Instruction) asm.Instruction {
	number := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	return btf.WithFuncMetadata(first.WithSymbol(name), &btf.Func{
		Name:    name,
		Linkage: linkage,
		Type: &btf.FuncProto{
			Return: number,
			Params: []btf.FuncParam{{Name: "skb", Type: &btf.Pointer{Target: &btf.Void{}}}},
		},
	})
}

// tryBTF looks at the header only: reading the whole takes longer than every
// other probe together.
func tryBTF(*site) error {
	file, err := os.Open("/sys/kernel/btf/vmlinux")
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	if err != nil {
		return fmt.Errorf("open kernel types: %w", err)
	}
	magic := make([]byte, 2)
	_, err = file.ReadAt(magic, 0)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read kernel types: %w", err)
	}
	// BTF_MAGIC of include/uapi/linux/btf.h, in the machine's byte order.
	if pair := [2]byte(magic); pair != [2]byte{0x9f, 0xeb} && pair != [2]byte{0xeb, 0x9f} {
		return fmt.Errorf("kernel types start with %x: %w", magic, ErrNotSupported)
	}
	return nil
}
