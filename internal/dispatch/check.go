// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// liftedByWrites is the hint of every refusal that the user may lift.
const liftedByWrites = "--allow-writes if the program is meant to change packets"

// hintSymbols is the hint where the kernel hides what a program consists of.
const hintSymbols = "sysctl kernel.kptr_restrict=1"

// offsetTstamp is that of tstamp in struct __sk_buff (include/uapi/linux/bpf.h).
const offsetTstamp = 152

// checkSpec refuses a program that does more than look at packets, as far as
// its own instructions tell. Direct packet writes are seen only after loading:
// see checkLoaded.
func checkSpec(prog *ebpf.ProgramSpec, opts SourceOptions) error {
	refuse := func(reason, hint string) error {
		return &RefusedError{Program: prog.Name, Reason: reason, Hint: hint}
	}
	onSkb := callsKfunc(prog.Instructions, "bpf_dynptr_from_skb")
	for _, ins := range prog.Instructions {
		name, ok := callee(ins)
		switch {
		case unnamedMap(ins):
			return refuse("uses a map that its object does not define", "")
		case !ok:
		case name == "":
			return refuse("calls a kernel function by number, so that nobody knows which", "")
		case name == "bpf_throw":
			return refuse("calls bpf_throw, which can unwind past the dispatcher", "")
		case opts.AllowWrites:
		case !harmless(name, onSkb):
			return refuse(fmt.Sprintf("calls %s, which can change the packet or its fate", name), liftedByWrites)
		}
	}
	if opts.AllowWrites {
		return nil
	}
	stores, err := contextStores(prog.Instructions)
	if err != nil {
		return fmt.Errorf("follow the context through program %s: %w", prog.Name, err)
	}
	if stores[offsetTstamp] {
		return refuse("writes skb->tstamp, which cannot be restored", liftedByWrites)
	}
	how, err := writesUnseen(prog.Instructions, specView())
	if err != nil {
		return fmt.Errorf("follow packets through program %s: %w", prog.Name, err)
	}
	if how != "" {
		return refuse(how, liftedByWrites)
	}
	return nil
}

// unnamedMap says whether ins loads a map that is not one of the object's: one
// that the caller put there, or by a file descriptor, which may be any of ours.
func unnamedMap(ins asm.Instruction) bool {
	if ins.Map() != nil {
		return true
	}
	if !ins.OpCode.IsDWordLoad() || ins.Reference() != "" {
		return false
	}
	switch ins.Src {
	case asm.PseudoMapFD, asm.PseudoMapValue, pseudoMapIdx, pseudoMapIdxValue:
		return true
	default:
		return false
	}
}

// Loads of maps by their place in a list, of include/uapi/linux/bpf.h.
const (
	pseudoMapIdx      = asm.Register(5)
	pseudoMapIdxValue = asm.Register(6)
)

// checkMaps refuses a program with maps through which it reaches further than
// its own instructions tell.
func checkMaps(spec *ebpf.CollectionSpec, name string) error {
	for used := range usedMaps(spec, []string{name}) {
		if typ := spec.Maps[used].Type; holdsSockets(typ) {
			return &RefusedError{Program: name, Reason: changesSockets(used), Hint: liftedByWrites}
		}
	}
	return checkTails(spec, name)
}

// holdsSockets says whether a tc program that updates a map of this type changes
// what becomes of the data of a socket.
func holdsSockets(typ ebpf.MapType) bool { return typ == ebpf.SockMap || typ == ebpf.SockHash }

func changesSockets(title string) string {
	return fmt.Sprintf("uses %s, and sockets behave differently once they are in such a map", title)
}

// checkTails refuses a program with a prog array whose entries are programs that
// the caller has loaded, since those cannot be checked here.
func checkTails(spec *ebpf.CollectionSpec, name string) error {
	for used := range usedMaps(spec, []string{name}) {
		m := spec.Maps[used]
		if m.Type != ebpf.ProgramArray {
			continue
		}
		for _, entry := range m.Contents {
			if _, inSpec := entry.Value.(string); !inSpec {
				return &RefusedError{Program: name, Reason: unknownTails(used), Hint: liftedByWrites}
			}
		}
	}
	return nil
}

func unknownTails(title string) string {
	return fmt.Sprintf("may call programs through %s, whose entries we did not write", title)
}

// callee names the helper or kfunc that ins calls.
func callee(ins asm.Instruction) (string, bool) {
	switch {
	case ins.IsBuiltinCall():
		return helperName(asm.BuiltinFunc(ins.Constant)), true
	case ins.IsKfuncCall():
		return ins.Reference(), true
	default:
		return "", false
	}
}

func callsKfunc(insns asm.Instructions, name string) bool {
	for _, ins := range insns {
		if ins.IsKfuncCall() && ins.Reference() == name {
			return true
		}
	}
	return false
}

// checkLoaded refuses a program that writes to the packet directly. The kernel
// tells: it puts a prologue of its own before the first instruction of such a
// program, which makes the packet private, and drops it if it cannot.
func checkLoaded(name string, prog *ebpf.Program) error {
	insns, err := translated(name, prog)
	if hidden, ok := errors.AsType[*RefusedError](err); ok {
		hidden.Hint += ", or --allow-writes"
	}
	if err != nil {
		return err
	}
	if writesPacket(insns) {
		return &RefusedError{Program: name, Reason: "writes to the packet directly", Hint: liftedByWrites}
	}
	return nil
}

// translated returns the instructions as the kernel runs them.
func translated(name string, prog *ebpf.Program) (asm.Instructions, error) {
	info, err := prog.Info()
	if err != nil {
		return nil, fmt.Errorf("inspect program %s: %w", name, err)
	}
	insns, err := info.Instructions()
	return insns, readable(name, insns, err)
}

// readable judges what reading the instructions of a program gave.
func readable(name string, insns asm.Instructions, err error) error {
	if errors.Is(err, ebpf.ErrRestrictedKernel) || (err == nil && len(insns) == 0) {
		return &RefusedError{
			Program: name,
			Reason:  "cannot be checked for packet writes: the sysctls net.core.bpf_jit_harden and kernel.kptr_restrict hide its instructions",
			Hint:    hintSymbols,
		}
	}
	if err != nil {
		return fmt.Errorf("read instructions of program %s: %w", name, err)
	}
	return nil
}
