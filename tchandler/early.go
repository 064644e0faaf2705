// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// earlyName is the program that stands in until AttachProg.
const earlyName = "boathook_early"

func newEarlyMap() (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: earlyName, Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return nil, fmt.Errorf("make map for packets before the program: %w", err)
	}
	return m, nil
}

// newEarlyProgram counts packets in the only element of m.
func newEarlyProgram(m *ebpf.Map) (*ebpf.Program, error) {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: earlyName, Type: ebpf.SchedCLS, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			// Without a helper, so that it can be checked also where the kernel's
			// symbols are hidden.
			asm.LoadMapValue(asm.R1, m.FD(), 0),
			asm.Mov.Imm(asm.R2, 1),
			asm.AddAtomic.Mem(asm.R1, asm.R2, asm.DWord, 0),
			asm.Mov.Imm(asm.R0, -1), // TC_ACT_UNSPEC
			asm.Return(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("load program that counts packets before yours: %w", err)
	}
	return prog, nil
}

// PacketsBeforeProg is how many packets passed what was attached, untouched and
// unseen, before the first AttachProg. The predecessor lost them without a count.
// Returns boathook.ErrClosed after Close.
func (h *Handler) PacketsBeforeProg() (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, closedError{}
	}
	var packets uint64
	if err := h.early.Lookup(uint32(0), &packets); err != nil {
		return 0, fmt.Errorf("count packets before the program: %w", err)
	}
	return packets, nil
}
