// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/asm"
)

// maxFollowed is the length up to which the distance of a call fits into the 16
// bits that the kernel shows of it once the program is loaded.
const maxFollowed = 1<<15 - 1

// code is a program's instructions with the way that control takes through them.
type code struct {
	insns asm.Instructions
	// targets is, for each jump, call of a function and load of a function's
	// address, the index of the instruction that it leads to.
	targets []int
	owner   []int // of each instruction: the index at which its function starts
}

func newCode(insns asm.Instructions) (code, error) {
	c := code{insns: insns, targets: make([]int, len(insns)), owner: make([]int, len(insns))}
	if len(insns) == 0 {
		return c, errors.New("no instructions")
	}
	at := newPositions(insns)
	starts := map[int]bool{}
	for i, ins := range insns {
		if !branches(ins) {
			continue
		}
		if ins.OpCode.JumpOp() == asm.Ja && ins.OpCode.Source() == asm.RegSource && !ins.IsFunctionReference() {
			return c, fmt.Errorf("instruction %d: jumps to an address that it computes", i)
		}
		target, err := at.target(i, ins)
		if err != nil {
			return c, fmt.Errorf("instruction %d: %w", i, err)
		}
		c.targets[i] = target
		if ins.IsFunctionReference() {
			starts[target] = true
		}
	}
	start := 0
	for i := range insns {
		if starts[i] {
			start = i
		}
		c.owner[i] = start
	}
	return c, nil
}

// branches says whether ins leads elsewhere in the program.
func branches(ins asm.Instruction) bool {
	if ins.IsFunctionReference() {
		return true
	}
	op := ins.OpCode.JumpOp()
	return ins.OpCode.Class().IsJump() && op != asm.Call && op != asm.Exit
}

// positions finds instructions by name and by place.
type positions struct {
	symbols map[string]int
	// places maps offsets in raw instructions, as jumps count, to indexes.
	places  map[asm.RawInstructionOffset]int
	offsets []asm.RawInstructionOffset
}

func newPositions(insns asm.Instructions) positions {
	l := positions{symbols: map[string]int{}, places: map[asm.RawInstructionOffset]int{}}
	for iter := insns.Iterate(); iter.Next(); {
		if symbol := iter.Ins.Symbol(); symbol != "" {
			l.symbols[symbol] = iter.Index
		}
		l.places[iter.Offset] = iter.Index
		l.offsets = append(l.offsets, iter.Offset)
	}
	return l
}

// target is where ins leads: by name before loading, by distance after it.
func (l positions) target(i int, ins asm.Instruction) (int, error) {
	if name := ins.Reference(); name != "" {
		if target, ok := l.symbols[name]; ok {
			return target, nil
		}
		return 0, fmt.Errorf("leads to %s, which is not there", name)
	}
	distance := asm.RawInstructionOffset(ins.Offset)
	switch {
	case ins.IsLoadOfFunctionPointer():
		// The other half is the number of the function, once it is loaded.
		distance = asm.RawInstructionOffset(int32(ins.Constant))
	case ins.IsFunctionCall() && ins.Offset == 0:
		distance = asm.RawInstructionOffset(ins.Constant)
	case ins.IsFunctionCall() && l.offsets[len(l.offsets)-1] > maxFollowed:
		// A loaded program's call has the function's number where the distance was,
		// and 16 bits of the distance (jit_subprogs in kernel/bpf/verifier.c).
		return 0, errors.New("calls of programs this long cannot be followed")
	case ins.OpCode.Class() == asm.Jump32Class && ins.OpCode.JumpOp() == asm.Ja:
		distance = asm.RawInstructionOffset(ins.Constant)
	}
	target, ok := l.places[l.offsets[i]+1+distance]
	if !ok {
		return 0, fmt.Errorf("leads out of the program by %d", int64(distance))
	}
	return target, nil
}
