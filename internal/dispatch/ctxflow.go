// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
)

// contextStores returns the offsets at which a program may store through its
// context. It follows the context through registers, the stack and calls, and
// takes for the context whatever might be it: an offset may be reported that the
// program never writes to, none that it writes to is missed.
func contextStores(insns asm.Instructions) (map[int16]bool, error) {
	f, err := newFlow(insns)
	if err != nil {
		return nil, err
	}
	for f.step() {
	}
	return f.stores, nil
}

// places is a set of places that may hold the context.
type places struct {
	regs  uint16 // bit n: register n
	stack uint64 // bit n: the 8 bytes at r10-8*(n+1)
}

func (p places) has(r asm.Register) bool { return p.regs&(1<<r) != 0 }

func (p *places) set(r asm.Register, holds bool) {
	p.regs &^= 1 << r
	if holds {
		p.regs |= 1 << r
	}
}

// flow is the state of the walk over all instructions.
type flow struct {
	insns asm.Instructions
	// index maps offsets in raw instructions, as jumps count, to insns.
	index   map[asm.RawInstructionOffset]int
	offsets []asm.RawInstructionOffset
	entry   map[string]int // functions by symbol
	owner   []int          // of each instruction: the index at which its function starts

	at      []places // before each instruction
	reached []bool
	queue   []int
	// spilled: the context was stored in memory, so that loads from other places
	// than the own stack may yield it, as those of callbacks do.
	spilled bool
	// returns: functions, by start, that may return the context.
	returns map[int]bool
	callers map[int][]int
	stores  map[int16]bool
}

func newFlow(insns asm.Instructions) (*flow, error) {
	f := &flow{
		insns: insns, index: map[asm.RawInstructionOffset]int{}, entry: map[string]int{},
		at: make([]places, len(insns)), reached: make([]bool, len(insns)),
		returns: map[int]bool{}, callers: map[int][]int{}, stores: map[int16]bool{},
	}
	iter, start := insns.Iterate(), 0
	for iter.Next() {
		if sym := iter.Ins.Symbol(); sym != "" && (iter.Index == 0 || isFunctionStart(insns, iter.Index)) {
			start = iter.Index
			f.entry[sym] = start
		}
		f.index[iter.Offset] = iter.Index
		f.offsets = append(f.offsets, iter.Offset)
		f.owner = append(f.owner, start)
	}
	if len(insns) == 0 {
		return nil, fmt.Errorf("no instructions")
	}
	f.enter(0, places{regs: 1 << asm.R1})
	return f, nil
}

// isFunctionStart tells a function's symbol from a label: a function begins
// where control does not fall through.
func isFunctionStart(insns asm.Instructions, i int) bool {
	op := insns[i-1].OpCode
	return op.Class().IsJump() && (op.JumpOp() == asm.Exit || op.JumpOp() == asm.Ja)
}

// enter joins p into the places before instruction i.
func (f *flow) enter(i int, p places) {
	old := f.at[i]
	joined := places{regs: old.regs | p.regs, stack: old.stack | p.stack}
	if f.reached[i] && joined == old {
		return
	}
	f.reached[i], f.at[i] = true, joined
	f.queue = append(f.queue, i)
}

func (f *flow) step() bool {
	if len(f.queue) == 0 {
		return false
	}
	i := f.queue[len(f.queue)-1]
	f.queue = f.queue[:len(f.queue)-1]
	ins, p := f.insns[i], f.at[i]
	switch class := ins.OpCode.Class(); {
	case class.IsJump():
		f.jump(i, ins, p)
		return true
	case class.IsALU():
		alu(ins, &p)
	case class == asm.LdClass:
		f.load64(ins, &p)
	case class == asm.LdXClass:
		p.set(ins.Dst, f.loads(ins, p))
	default:
		f.store(ins, &p)
	}
	f.next(i, p)
	return true
}

func (f *flow) next(i int, p places) {
	if i+1 < len(f.insns) {
		f.enter(i+1, p)
	}
}

func alu(ins asm.Instruction, p *places) {
	fromRegister := ins.OpCode.Source() == asm.RegSource
	if ins.OpCode.ALUOp() == asm.Mov {
		p.set(ins.Dst, fromRegister && p.has(ins.Src))
		return
	}
	// A sum stays the context if either side is.
	p.set(ins.Dst, p.has(ins.Dst) || fromRegister && p.has(ins.Src))
}

// load64 handles constants and the old packet loads, which clobber r0 to r5.
func (f *flow) load64(ins asm.Instruction, p *places) {
	if !ins.OpCode.IsDWordLoad() {
		p.regs &^= 0x3f
		return
	}
	p.set(ins.Dst, false)
	if ins.IsLoadOfFunctionPointer() {
		if start, ok := f.function(ins, 0); ok {
			f.enter(start, places{})
		}
	}
}

func (f *flow) loads(ins asm.Instruction, p places) bool {
	if ins.OpCode.Size() != asm.DWord {
		return false
	}
	if ins.Src == asm.R10 {
		return p.stack&slotBit(ins.Offset) != 0
	}
	return f.spilled && !p.has(ins.Src)
}

func (f *flow) store(ins asm.Instruction, p *places) {
	if p.has(ins.Dst) {
		f.stores[ins.Offset] = true
	}
	holds := ins.OpCode.Class() == asm.StXClass && p.has(ins.Src)
	if holds && !f.spilled {
		f.spilled = true
		f.again()
	}
	switch {
	case ins.Dst == asm.R10 && holds:
		p.stack |= slotBit(ins.Offset)
	case ins.Dst == asm.R10 && ins.OpCode.Size() == asm.DWord:
		p.stack &^= slotBit(ins.Offset)
	case holds:
		p.stack = ^uint64(0)
	}
}

func slotBit(offset int16) uint64 { return 1 << uint((-int(offset)-1)/8&63) }

// again visits everything once more, since what loads yield has changed.
func (f *flow) again() {
	for i, reached := range f.reached {
		if reached {
			f.queue = append(f.queue, i)
		}
	}
}

func (f *flow) jump(i int, ins asm.Instruction, p places) {
	switch op := ins.OpCode.JumpOp(); {
	case op == asm.Exit:
		f.leave(i, p)
	case op == asm.Call:
		f.call(i, ins, p)
	default:
		if target, ok := f.target(i, ins); ok {
			f.enter(target, p)
		}
		if op != asm.Ja {
			f.next(i, p)
		}
	}
}

func (f *flow) target(i int, ins asm.Instruction) (int, bool) {
	distance := asm.RawInstructionOffset(ins.Offset)
	if ins.OpCode.Class() == asm.Jump32Class && ins.OpCode.JumpOp() == asm.Ja {
		distance = asm.RawInstructionOffset(ins.Constant)
	}
	target, ok := f.index[f.offsets[i]+1+distance]
	return target, ok
}

func (f *flow) call(i int, ins asm.Instruction, p places) {
	args := p.regs & 0x3e
	p.regs &^= 0x3f
	if ins.IsFunctionCall() {
		if start, ok := f.function(ins, f.offsets[i]+1); ok {
			f.callers[start] = append(f.callers[start], i)
			f.enter(start, places{regs: args})
			p.set(asm.R0, f.returns[start])
		}
	}
	f.next(i, p)
}

// function finds the start of the function that ins refers to, by name before
// loading and by distance after it.
func (f *flow) function(ins asm.Instruction, base asm.RawInstructionOffset) (int, bool) {
	if start, ok := f.entry[ins.Reference()]; ok && ins.Reference() != "" {
		return start, true
	}
	start, ok := f.index[base+asm.RawInstructionOffset(ins.Constant)]
	return start, ok
}

func (f *flow) leave(i int, p places) {
	start := f.owner[i]
	if !p.has(asm.R0) || f.returns[start] {
		return
	}
	f.returns[start] = true
	f.queue = append(f.queue, f.callers[start]...)
}
