// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// empty lets every packet go on.
func empty() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()}
}

// deciding has a verdict that observe has to map.
func deciding() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
}

// writing stores to the skb's mark.
func writing() asm.Instructions {
	const mark = 8 // offset in struct __sk_buff
	return append(asm.Instructions{
		asm.Mov.Imm(asm.R2, 1),
		asm.StoreMem(asm.R1, mark, asm.R2, asm.Word),
	}, empty()...)
}

// calling calls an empty subprogram: the least that a program behind another,
// to which it returns, can cost.
func calling() asm.Instructions {
	insns := asm.Instructions{function("prog", asm.Call.Label("sub")), asm.Mov.Imm(asm.R0, -1), asm.Return()}
	return append(insns, function("sub", asm.Mov.Imm(asm.R0, 0)), asm.Return())
}

// function makes ins the first of a function, int name(void *ctx).
func function(name string, ins asm.Instruction) asm.Instruction {
	return btf.WithFuncMetadata(ins.WithSymbol(name), &btf.Func{
		Name:    name,
		Linkage: btf.StaticFunc,
		Type: &btf.FuncProto{
			Return: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
			Params: []btf.FuncParam{{Name: "ctx", Type: &btf.Pointer{Target: &btf.Void{}}}},
		},
	})
}

func programSpec(insns asm.Instructions) *ebpf.ProgramSpec {
	insns[0] = insns[0].WithSymbol("prog")
	return &ebpf.ProgramSpec{Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns}
}

func mustProgram(tb testing.TB, insns asm.Instructions) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(programSpec(insns))
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	return prog
}

// mustLoad puts a dispatcher in front of a program and makes it serve the link.
func mustLoad(tb testing.TB, insns asm.Instructions, ifindex int, opts dispatch.LoadOptions) (prog *ebpf.Program, free func()) {
	tb.Helper()
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": programSpec(insns)}}
	source, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
	qt.Assert(tb, qt.IsNil(err))
	load, err := dispatch.NewLoad(source, "prog", opts)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(load.SetLink(ifindex, 1)))
	return load.Program(), func() {
		qt.Check(tb, qt.IsNil(load.Close()))
		qt.Check(tb, qt.IsNil(source.Close()))
	}
}
