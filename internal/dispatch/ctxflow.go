// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"slices"

	"github.com/cilium/ebpf/asm"
)

// contextStores returns the offsets of the words that a program may store to
// through its context. It follows the context through registers, the stack and calls, and
// takes for the context whatever might be it: an offset may be reported that the
// program never writes to, none that it writes to is missed. It reads programs
// as they are before loading and as the kernel shows them after it.
func contextStores(insns asm.Instructions) (map[int16]bool, error) {
	f, err := followContext(insns)
	if err != nil {
		return nil, err
	}
	return f.stores, nil
}

// followContext walks through a program after its context.
func followContext(insns asm.Instructions) (*flow, error) {
	f, err := newFlow(insns)
	if err != nil {
		return nil, err
	}
	f.walk(places{regs: 1 << asm.R1, sure: 1 << asm.R1})
	return f, nil
}

// followSeeds walks through a program after what the instructions in seeds yield.
func followSeeds(insns asm.Instructions, seeds map[int]bool) (*flow, error) {
	f, err := newFlow(insns)
	if err != nil {
		return nil, err
	}
	f.seeds = seeds
	f.walk(places{})
	return f, nil
}

// walk visits everything, beginning with p at the first instruction.
func (f *flow) walk(p places) {
	f.enter(0, p)
	for f.step() {
	}
}

// places is a set of places that may hold what is followed.
type places struct {
	regs  uint16 // bit n: register n
	sure  uint16 // those of regs that hold it on every way and unchanged
	stack uint64 // bit n: the 8 bytes at r10-8*(n+1)
}

func (p *places) has(r asm.Register) bool { return p.regs&(1<<r) != 0 }

func (p *places) set(r asm.Register, holds bool) { //nolint:revive // holds is what is set, not what is done
	bit := uint16(0)
	if holds {
		bit = 1 << r
	}
	p.regs = p.regs&^(1<<r) | bit
	p.sure &^= 1 << r
}

func (p *places) isSure(r asm.Register) bool { return p.sure&(1<<r) != 0 }

// flow is the state of the walk over all instructions, after the context or
// after what seeds yield.
type flow struct {
	code
	// seeds: instructions whose result is followed, by index.
	seeds   map[int]bool
	at      []places // before each instruction
	reached []bool
	queue   []int
	// spilled: the context was stored in memory, so that loads from other places
	// than the own stack may yield it, as those of callbacks do.
	spilled bool
	// escaped: it was stored where another function's stack may be, so that any
	// load may yield it.
	escaped bool
	// returns: functions, by start, that may return the context.
	returns map[int]bool
	callers map[int][]int
	stores  map[int16]bool
}

func newFlow(insns asm.Instructions) (*flow, error) {
	c, err := newCode(insns)
	if err != nil {
		return nil, err
	}
	return &flow{
		code: c, at: make([]places, len(insns)), reached: make([]bool, len(insns)),
		returns: map[int]bool{}, callers: map[int][]int{}, stores: map[int16]bool{},
	}, nil
}

// enter joins p into the places before instruction i.
func (f *flow) enter(i int, p places) {
	old := f.at[i]
	joined := places{regs: old.regs | p.regs, sure: p.sure, stack: old.stack | p.stack}
	if f.reached[i] {
		joined.sure &= old.sure
	}
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
		f.load64(i, ins, &p)
	case class == asm.LdXClass:
		p.set(ins.Dst, f.loads(ins, p) || f.seeds[i])
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
		whole := fromRegister && ins.OpCode.Class() == asm.ALU64Class && ins.Offset == 0
		sure := whole && p.isSure(ins.Src)
		p.set(ins.Dst, fromRegister && p.has(ins.Src))
		if sure {
			p.sure |= 1 << ins.Dst
		}
		return
	}
	// A sum stays the context if either side is.
	p.set(ins.Dst, p.has(ins.Dst) || fromRegister && p.has(ins.Src))
}

// load64 handles constants and the old packet loads, which clobber r0 to r5.
func (f *flow) load64(i int, ins asm.Instruction, p *places) {
	if !ins.OpCode.IsDWordLoad() {
		p.regs &^= 0x3f
		p.sure &^= 0x3f
		return
	}
	p.set(ins.Dst, false)
	if ins.IsLoadOfFunctionPointer() {
		f.enter(f.targets[i], places{})
	}
}

func (f *flow) loads(ins asm.Instruction, p places) bool {
	switch {
	case ins.OpCode.Size() != asm.DWord:
		return false
	case ins.Src == asm.R10:
		return f.escaped || p.stack&slotBit(ins.Offset) != 0
	default:
		// The context holds no pointer to itself. A register that only may hold it may
		// as well lead to where it was spilled.
		return f.spilled && !p.isSure(ins.Src)
	}
}

func (f *flow) store(ins asm.Instruction, p *places) {
	if p.has(ins.Dst) {
		f.stores[ins.Offset] = true
		if ins.OpCode.Size() == asm.DWord {
			f.stores[ins.Offset+4] = true // the kernel takes two words of cb at once
		}
	}
	atomic := ins.OpCode.Class() == asm.StXClass && ins.OpCode.Mode() == asm.AtomicMode
	switch own := ins.Dst == asm.R10; {
	case ins.OpCode.Class() == asm.StXClass && p.has(ins.Src):
		if own {
			p.stack |= slotBit(ins.Offset)
		}
		f.spill(!own)
	case own && !atomic && ins.OpCode.Size() == asm.DWord:
		p.stack &^= slotBit(ins.Offset)
	}
	if atomic {
		f.fetch(ins, p)
	}
}

// spill notes that the context is in memory from here on, and whether it may be
// in a stack other than the own.
func (f *flow) spill(elsewhere bool) {
	spilled, escaped := true, f.escaped || elsewhere
	if f.spilled == spilled && f.escaped == escaped {
		return
	}
	f.spilled, f.escaped = spilled, escaped
	// What loads yield has changed: visit everything once more.
	for i, reached := range f.reached {
		if reached {
			f.queue = append(f.queue, i)
		}
	}
}

// Operations of atomic instructions, of include/uapi/linux/bpf.h.
const (
	atomicFetch       = 0x01
	atomicCmpXchg     = 0xf1
	atomicLoadAcquire = 0x100
)

// fetch handles atomic operations that load: what was in memory may be the context.
func (f *flow) fetch(ins asm.Instruction, p *places) {
	if !f.spilled {
		return
	}
	switch op := ins.OpCode.AtomicOp() >> 8; {
	case op == atomicLoadAcquire:
		p.set(ins.Dst, true)
	case op == atomicCmpXchg:
		p.set(asm.R0, true)
	case op&atomicFetch != 0:
		p.set(ins.Src, true)
	}
}

func slotBit(offset int16) uint64 { return 1 << uint((-int(offset)-1)/8&63) }

func (f *flow) jump(i int, ins asm.Instruction, p places) {
	switch ins.OpCode.JumpOp() {
	case asm.Exit:
		f.leave(i, p)
	case asm.Call:
		f.call(i, ins, p)
	case asm.Ja:
		f.enter(f.targets[i], p)
	default:
		f.enter(f.targets[i], p)
		f.next(i, p)
	}
}

func (f *flow) call(i int, ins asm.Instruction, p places) {
	args := places{regs: p.regs & 0x3e, sure: p.sure & 0x3e}
	p.regs &^= 0x3f
	p.sure &^= 0x3f
	if ins.IsFunctionCall() {
		start := f.targets[i]
		if !slices.Contains(f.callers[start], i) {
			f.callers[start] = append(f.callers[start], i)
		}
		f.enter(start, args)
		p.set(asm.R0, f.returns[start])
	}
	if f.seeds[i] {
		p.set(asm.R0, true)
	}
	f.next(i, p)
}

func (f *flow) leave(i int, p places) {
	start := f.owner[i]
	if !p.has(asm.R0) || f.returns[start] {
		return
	}
	f.returns[start] = true
	f.queue = append(f.queue, f.callers[start]...)
}
