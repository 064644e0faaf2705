// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// kind is what a register or a place on the stack of a generated program holds.
type kind uint8

const (
	number kind = iota
	context
	outer // a pointer to the place in the caller's stack that a function was given
	mixed // more than one of the others
	local // and above: a pointer to the own stack, to place kind-local
)

// held is what a function holds where; its places are the 8 bytes at r10-8*(n+1).
type held struct {
	regs    [10]kind
	places  [2]kind
	callers kind // what the caller's place holds
}

// generator makes programs of bytes: each byte picks an instruction that moves
// the context about, or what it works on. It keeps account of what is where, so
// that the kernel takes most of them and can be asked what it made of them.
type generator struct {
	bytes []byte
	insns asm.Instructions
	held
	// calls is set if the program may call its function.
	calls bool
	used  bool
	// stored is set once there is a store to the context.
	stored bool
	// wants is what the function finds in the caller's place and as first
	// argument, gives what it leaves there and returns.
	wants, gives struct{ place, value kind }
	labels       int
}

func (g *generator) take(n int) int {
	if len(g.bytes) == 0 {
		return 0
	}
	b := g.bytes[0]
	g.bytes = g.bytes[1:]
	return int(b) % n
}

func (g *generator) emit(insns ...asm.Instruction) { g.insns = append(g.insns, insns...) }

// pick returns one of the registers r1 to r9 that suit.
func (g *generator) pick(suits func(kind) bool) (asm.Register, bool) {
	var list []asm.Register
	for r := asm.R1; r <= asm.R9; r++ {
		if suits(g.regs[r]) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	return list[g.take(len(list))], true
}

func anything(kind) bool    { return true }
func isPointer(k kind) bool { return k == outer || k >= local }
func isNumber(k kind) bool  { return k == number }
func isContext(k kind) bool { return k == context }
func offsetOf(n int) int16  { return -8 * int16(n+1) }
func (g *generator) at(k kind) *kind {
	if k == outer {
		return &g.callers
	}
	return &g.places[k-local]
}

// begin emits the first instruction of a function, and makes all it may read number 0.
func (g *generator) begin(name string, from asm.Register) {
	fn := &btf.Func{Name: name, Linkage: btf.StaticFunc, Type: &btf.FuncProto{
		Return: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
	}}
	g.emit(btf.WithFuncMetadata(asm.Mov.Imm(asm.R0, 0).WithSymbol(name), fn))
	for r := from; r <= asm.R9; r++ {
		g.emit(asm.Mov.Imm(r, 0))
	}
	for n := range g.places {
		g.emit(asm.StoreMem(asm.R10, offsetOf(n), asm.R0, asm.DWord))
	}
}

// value picks a register to copy, the context as often as all others together.
func (g *generator) value(suits func(kind) bool) asm.Register {
	if r, ok := g.pick(isContext); ok && g.take(2) == 0 {
		return r
	}
	r, _ := g.pick(suits)
	return r
}

// store emits the only store to the context: if a program had two, that one is
// found would hide that the other is not.
func (g *generator) store() {
	to, ok := g.pick(isContext)
	if !ok || g.stored {
		return
	}
	g.stored = true
	g.emit(asm.Mov.Imm(asm.R0, 0), asm.StoreMem(to, offsetTstamp, asm.R0, asm.DWord))
}

// step emits one move, store or load.
func (g *generator) step() {
	switch g.take(10) {
	case 0:
		from := g.value(anything)
		to, _ := g.pick(anything)
		g.emit(asm.Mov.Reg(to, from))
		g.regs[to] = g.regs[from]
	case 1:
		n := g.take(len(g.places))
		from := g.value(anything)
		g.emit(asm.StoreMem(asm.R10, offsetOf(n), from, asm.DWord))
		g.places[n] = g.regs[from]
	case 2:
		n := g.take(len(g.places))
		to, _ := g.pick(anything)
		g.emit(asm.LoadMem(to, asm.R10, offsetOf(n), asm.DWord))
		g.regs[to] = g.places[n]
	case 3:
		n := g.take(len(g.places))
		to, _ := g.pick(anything)
		g.emit(asm.Mov.Reg(to, asm.R10), asm.Add.Imm(to, int32(offsetOf(n))))
		g.regs[to] = local + kind(n)
	default:
		g.stepByPointer()
	}
}

// stepByPointer emits what needs a register that holds a pointer or the context.
func (g *generator) stepByPointer() {
	switch g.take(5) {
	case 0:
		if to, ok := g.pick(isPointer); ok {
			from := g.value(func(k kind) bool { return g.regs[to] != outer || k < local })
			g.emit(asm.StoreMem(to, 0, from, asm.DWord))
			*g.at(g.regs[to]) = g.regs[from]
		}
	case 1:
		if from, ok := g.pick(isPointer); ok {
			to, _ := g.pick(anything)
			g.emit(asm.LoadMem(to, from, 0, asm.DWord))
			g.regs[to] = *g.at(g.regs[from])
		}
	case 2:
		if from, ok := g.pick(isNumber); ok {
			n := g.take(len(g.places))
			g.emit(exchange(asm.R10, offsetOf(n), from))
			g.regs[from], g.places[n] = g.places[n], number
		}
	case 3:
		g.branch()
	default:
		g.call()
	}
}

// branch emits a step that the program may jump over.
func (g *generator) branch() {
	from, ok := g.pick(isContext)
	if !ok {
		return
	}
	g.labels++
	label := fmt.Sprintf("label%d", g.labels)
	g.emit(asm.LoadMem(asm.R0, from, 0, asm.Word), asm.JNE.Imm(asm.R0, 7, label))
	before := g.held
	g.step()
	g.emit(asm.Mov.Imm(asm.R0, 0).WithSymbol(label))
	for r, k := range before.regs {
		g.regs[r] = joinKinds(k, g.regs[r])
	}
	for n, k := range before.places {
		g.places[n] = joinKinds(k, g.places[n])
	}
	g.callers = joinKinds(before.callers, g.callers)
}

func joinKinds(a, b kind) kind {
	if a == b {
		return a
	}
	return mixed
}

// call emits a call of the function with a place of the stack as second argument.
func (g *generator) call() {
	value, ok := g.pick(func(k kind) bool { return k == g.wants.value })
	n := g.take(len(g.places))
	if !g.calls || !ok || g.places[n] != g.wants.place {
		return
	}
	g.used = true
	g.emit(
		asm.Mov.Reg(asm.R1, value), asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, int32(offsetOf(n))),
		asm.Call.Label("fn"), asm.Mov.Reg(asm.R6, asm.R0),
	)
	for r := asm.R1; r <= asm.R5; r++ {
		g.emit(asm.Mov.Imm(r, 0))
		g.regs[r] = number
	}
	g.regs[asm.R6], g.places[n] = g.gives.value, g.gives.place
}

// generateFunction makes the function that the program may call.
func (g *generator) generateFunction() asm.Instructions {
	kinds := [2]kind{number, context}
	g.wants.value, g.wants.place = kinds[g.take(2)], kinds[g.take(2)]
	g.held = held{callers: g.wants.place}
	g.regs[asm.R1], g.regs[asm.R2] = g.wants.value, outer
	g.begin("fn", asm.R3)
	for range 1 + g.take(8) {
		g.step()
	}
	if g.take(4) == 0 {
		g.store()
	}
	result, ok := g.pick(func(k kind) bool { return k == number || k == context })
	if ok {
		g.emit(asm.Mov.Reg(asm.R0, result))
		g.gives.value = g.regs[result]
	} else {
		g.emit(asm.Mov.Imm(asm.R0, 0))
	}
	g.gives.place = g.callers
	g.emit(asm.Return())
	fn := g.insns
	g.insns = nil
	return fn
}

// generate makes a program, with a function behind it if it calls one.
func generate(data []byte) asm.Instructions {
	g := &generator{bytes: data}
	fn := g.generateFunction()
	g.held, g.calls = held{}, true
	g.regs[asm.R1] = context
	g.begin("prog", asm.R2)
	for range 2 + g.take(16) {
		g.step()
	}
	g.store()
	g.emit(asm.Mov.Imm(asm.R0, 0), asm.Return())
	if g.used {
		return append(g.insns, fn...)
	}
	return g.insns
}

// checkFlow compares what contextStores says of a program, before loading and
// after it, with what the kernel made of it: it has to turn a store to the
// context's tstamp into one to the sk_buff's, at offset, and removes what is never run.
// It returns whether the kernel took the program, and whether it writes.
func checkFlow(tb testing.TB, insns asm.Instructions, offset int16) (taken, writes bool) {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns})
	if err != nil {
		return false, false
	}
	out, err := translated("prog", prog)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(prog.Close()))
	for _, ins := range out {
		class := ins.OpCode.Class()
		writes = writes || (class == asm.StXClass || class == asm.StClass) && ins.Offset == offset
	}
	if !writes {
		return true, false
	}
	before, err := contextStores(insns)
	qt.Assert(tb, qt.IsNil(err))
	qt.Check(tb, qt.IsTrue(before[offsetTstamp]), qt.Commentf("before loading:\n%v", insns))
	after, err := contextStores(out)
	qt.Assert(tb, qt.IsNil(err))
	qt.Check(tb, qt.IsTrue(after[offset]), qt.Commentf("after loading:\n%v", out))
	return true, true
}

func FuzzContextStoresAreNeverMissed(f *testing.F) {
	offset, err := tstampOffset()
	qt.Assert(f, qt.IsNil(err))
	f.Add([]byte{})
	f.Add([]byte("moves the context about"))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkFlow(t, generate(data), offset)
	})
}

// A part of what the fuzz target tries, the same in every run.
func TestContextStoresAreNeverMissed(t *testing.T) {
	t.Parallel()
	offset, err := tstampOffset()
	qt.Assert(t, qt.IsNil(err))
	random := rand.New(rand.NewPCG(1, 2))
	exchanges := !errors.Is(lacking(asm.Instructions{exchange(asm.R10, -8, asm.R0)}), ebpf.ErrNotSupported)
	var known, taken, writing int
	for range 2000 {
		data := make([]byte, 64)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		insns := generate(data)
		if !exchanges && slices.ContainsFunc(insns, isExchange) {
			continue
		}
		known++
		ok, writes := checkFlow(t, insns, offset)
		if ok {
			taken++
		}
		if writes {
			writing++
		}
	}
	t.Logf("of %d programs, whose instructions the kernel has, it took %d, of which %d write", known, taken, writing)
	// They would show nothing if the kernel refused most, or if few wrote.
	qt.Check(t, qt.IsTrue(known >= 500 && taken*5 >= known*4 && writing*5 >= known*2),
		qt.Commentf("%d programs, %d taken, %d writing", known, taken, writing))
}

func isExchange(ins asm.Instruction) bool { return ins.OpCode.AtomicOp() == asm.Xchg }
