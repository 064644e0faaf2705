// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// writtenArgument is, for helpers and kfuncs that fill a buffer of the program
// which the kernel lets lie in the packet, the register that points to it. Other
// helpers that write do not take pointers to packets. Source: net/core/filter.c
// and kernel/bpf/helpers.c, Linux 5.10 to 6.18, and attempts on 6.18.
func writtenArgument(name string) (asm.Register, bool) {
	switch name {
	case "bpf_fib_lookup", "bpf_skb_fib_lookup", "bpf_map_pop_elem", "bpf_map_peek_elem",
		"bpf_skb_get_xfrm_info", "bpf_skb_get_fou_encap":
		return asm.R2, true
	case "bpf_dynptr_slice", "bpf_dynptr_slice_rdwr":
		return asm.R3, true
	case "bpf_skb_ct_lookup", "bpf_xdp_ct_lookup":
		return asm.R4, true
	default:
		return 0, false
	}
}

// yieldsConnection says whether a kfunc returns a conntrack entry, the one thing
// of the kernel's own that a tc program may store to.
func yieldsConnection(name string) bool {
	return name == "bpf_skb_ct_lookup" || name == "bpf_xdp_ct_lookup"
}

// view tells what instructions mean, before loading or after it.
type view struct {
	// packet says whether a load through the context may yield a pointer to the packet.
	packet func(ins asm.Instruction) bool
	// callees names what a call of the kernel may call: several names of one function.
	callees func(ins asm.Instruction) ([]string, error)
}

// specView is the view of a program before loading.
func specView() view {
	return view{
		packet: func(ins asm.Instruction) bool {
			// data, data_end and data_meta of struct __sk_buff (include/uapi/linux/bpf.h).
			return ins.Offset == 76 || ins.Offset == 80 || ins.Offset == 140
		},
		callees: func(ins asm.Instruction) ([]string, error) {
			name, _ := callee(ins)
			return []string{name}, nil
		},
	}
}

// loadedView is the view of a program as the kernel runs it.
func loadedView(kernel *kernelView) view {
	return view{
		packet: func(ins asm.Instruction) bool { return ins.OpCode.Size() == asm.DWord },
		callees: func(ins asm.Instruction) ([]string, error) {
			calls, err := calledSymbols(asm.Instructions{ins}, kernel)
			var names []string
			for name := range calls {
				names = append(names, name)
			}
			return names, err
		},
	}
}

// writesUnseen says how a program writes in a way that the kernel's prologue does
// not tell of (see checkLoaded): to the packet by the hand of the kernel or of a
// global function, which is verified by itself, or to a conntrack entry. Empty
// if it does not.
func writesUnseen(insns asm.Instructions, v view) (string, error) {
	ctx, err := followContext(insns)
	if err != nil {
		return "", err
	}
	calls, err := v.calls(insns)
	if err != nil {
		return "", err
	}
	packets, connections := map[int]bool{}, map[int]bool{}
	for i, ins := range insns {
		if ins.OpCode.Class() == asm.LdXClass && ctx.reached[i] && ctx.at[i].has(ins.Src) && v.packet(ins) {
			packets[i] = true
		}
		for _, name := range calls[i] {
			if yieldsConnection(name) {
				connections[i] = true
			}
		}
	}
	if len(connections) > 0 {
		f, err := followSeeds(insns, connections)
		if err != nil {
			return "", err
		}
		if len(f.stores) > 0 {
			return "writes to conntrack entries", nil
		}
	}
	f, err := followSeeds(insns, packets)
	if err != nil {
		return "", err
	}
	return f.passed(calls), nil
}

// calls names what the instructions call of the kernel, by their index.
func (v view) calls(insns asm.Instructions) (map[int][]string, error) {
	calls := map[int][]string{}
	for i, ins := range insns {
		if !ins.OpCode.Class().IsJump() || ins.OpCode.JumpOp() != asm.Call || ins.IsFunctionCall() {
			continue
		}
		names, err := v.callees(ins)
		if err != nil {
			return nil, err
		}
		calls[i] = names
	}
	return calls, nil
}

// passed says to whom what f followed is passed that may write to it.
func (f *flow) passed(calls map[int][]string) string {
	for i, ins := range f.insns {
		if !f.reached[i] {
			continue
		}
		for _, name := range calls[i] {
			if r, writes := writtenArgument(name); writes && f.at[i].has(r) {
				return fmt.Sprintf("lets %s write to the packet", name)
			}
		}
		if !ins.IsFunctionCall() {
			continue
		}
		if fn := btf.FuncMetadata(&f.insns[f.targets[i]]); fn != nil && f.passes(i, fn) {
			return fmt.Sprintf("passes the packet to the global function %s, which may write to it", fn.Name)
		}
	}
	return ""
}

// passes says whether a parameter of fn, if that is a global function, may hold
// what f followed when instruction i calls it.
func (f *flow) passes(i int, fn *btf.Func) bool {
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok || fn.Linkage != btf.GlobalFunc {
		return false
	}
	for n := range proto.Params {
		if r := asm.R1 + asm.Register(n); r <= asm.R5 && f.at[i].has(r) {
			return true
		}
	}
	return false
}
