// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"maps"
	"os"
	"sync"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// errNoSymbols says that kernel addresses are hidden, so that calls have no names.
var errNoSymbols = errors.New("the kernel hides its symbols (sysctl kernel.kptr_restrict)")

// kernelView is what of the kernel is needed to understand loaded programs. It
// is read when it is first needed, and once: that takes longer than to check
// all programs. A source hands it on to the one that replaces it. Safe for
// concurrent use by those who lock it.
type kernelView struct {
	mu sync.Mutex // guards the fields below

	file    *os.File     // /proc/kallsyms, behind symbols
	symbols *symbolTable // nil: not read since the last endLocked
	// lasting is what symbols knew of the kernel itself, which stays where it is.
	lasting map[int32][]string
	tstamp  int16 // offset of that member of struct sk_buff; 0: not read yet
}

// inheritedKernel is the view of the source that is replaced; nil for none.
func inheritedKernel(old *Source) *kernelView {
	if old == nil {
		return &kernelView{}
	}
	return old.kernel
}

func (v *kernelView) kallsyms() (*symbolTable, error) {
	if v.symbols == nil {
		file, err := os.Open("/proc/kallsyms")
		if err != nil {
			return nil, err
		}
		v.file, v.symbols = file, newSymbolTable(file)
		maps.Copy(v.symbols.called, v.lasting)
	}
	return v.symbols, nil
}

// endLocked lets go of the file and of the megabytes that were read of it. What
// stays are the few names that were asked for.
func (v *kernelView) endLocked() error {
	if v.symbols == nil {
		return nil
	}
	v.lasting = v.symbols.lasting()
	v.symbols = nil
	if v.file == nil {
		return nil
	}
	file := v.file
	v.file = nil
	return file.Close()
}

func (v *kernelView) tstampOffset() (int16, error) {
	if v.tstamp == 0 {
		offset, err := tstampOffset()
		if err != nil {
			return 0, err
		}
		v.tstamp = offset
	}
	return v.tstamp, nil
}

func tstampOffset() (int16, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return 0, err
	}
	var skb *btf.Struct
	if err := spec.TypeByName("sk_buff", &skb); err != nil {
		return 0, err
	}
	offset, ok := memberOffset(skb.Members, "tstamp")
	if !ok {
		return 0, errors.New("no member tstamp")
	}
	return int16(offset), nil
}

// memberOffset looks for a member also in anonymous structs and unions.
func memberOffset(members []btf.Member, name string) (uint32, bool) {
	for _, m := range members {
		if m.Name == name {
			return m.Offset.Bytes(), true
		}
		if m.Name != "" {
			continue
		}
		var inner []btf.Member
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if offset, ok := memberOffset(inner, name); ok {
			return m.Offset.Bytes() + offset, true
		}
	}
	return 0, false
}

// calledSymbols names the kernel functions that translated instructions call.
// Such a call holds the distance from __bpf_call_base to the function. Returns
// errNoSymbols if the kernel hides that.
func calledSymbols(insns asm.Instructions, kernel *kernelView) (map[string]bool, error) {
	distances := map[int32]bool{}
	names := map[string]bool{}
	for _, ins := range insns {
		switch {
		case ins.OpCode.JumpOp() != asm.Call || ins.IsFunctionCall() || !ins.OpCode.Class().IsJump():
		case ins.IsBuiltinCall() && asm.BuiltinFunc(ins.Constant) == asm.FnTailCall:
			names["bpf_tail_call"] = true
		default:
			distances[int32(ins.Constant)] = true
		}
	}
	if len(distances) == 0 {
		return names, nil
	}
	kallsyms, err := kernel.kallsyms()
	if err != nil {
		return nil, err
	}
	return names, kallsyms.nameCalls(distances, names)
}
