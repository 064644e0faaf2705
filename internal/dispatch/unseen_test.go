// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// The tests of this file load programs that the kernel takes, and in front of
// which it puts no prologue, although they change something.

// withPacket runs insns with the context in r6 and the first 8 bytes of the packet at r7.
func withPacket(insns ...asm.Instruction) asm.Instructions {
	return slices.Concat(asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R7, asm.R6, 76, asm.Word),
		asm.LoadMem(asm.R8, asm.R6, 80, asm.Word),
		asm.Mov.Reg(asm.R2, asm.R7), asm.Add.Imm(asm.R2, 8), asm.JGT.Reg(asm.R2, asm.R8, "out"),
	}, insns, asm.Instructions{asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return()})
}

// kfunc calls a function of the kernel by number, as loaders do.
func kfunc(tb testing.TB, name string) asm.Instruction {
	tb.Helper()
	kernel, err := btf.LoadKernelSpec()
	qt.Assert(tb, qt.IsNil(err))
	var fn *btf.Func
	if err := kernel.TypeByName(name, &fn); err != nil {
		tb.Skipf("the kernel has no %s: %v", name, err)
	}
	id, err := kernel.TypeID(fn)
	qt.Assert(tb, qt.IsNil(err))
	ins := asm.Call.Label("")
	ins.Src, ins.Constant = asm.PseudoKfuncCall, int64(id)
	return ins
}

// typed gives a function a type, which makes the kernel verify it by itself if it is global.
func typed(ins asm.Instruction, name string, linkage btf.FuncLinkage, param btf.Type) asm.Instruction {
	return btf.WithFuncMetadata(ins.WithSymbol(name), &btf.Func{Name: name, Linkage: linkage, Type: &btf.FuncProto{
		Return: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed},
		Params: []btf.FuncParam{{Name: "arg", Type: &btf.Pointer{Target: param}}},
	}})
}

// scribbling calls a function that writes to what its argument points to.
func scribbling(linkage btf.FuncLinkage, argument ...asm.Instruction) *ebpf.CollectionSpec {
	header := &btf.Struct{Name: "header", Size: 8, Members: []btf.Member{
		{Name: "value", Type: &btf.Int{Name: "long", Size: 8}},
	}}
	insns := withPacket(append(argument, asm.Call.Label("scribble"))...)
	insns[0] = typed(insns[0], "prog", btf.GlobalFunc, &btf.Struct{Name: "__sk_buff"})
	insns = append(insns,
		typed(asm.Mov.Imm(asm.R0, 0), "scribble", linkage, header), asm.JEq.Imm(asm.R1, 0, "null"),
		asm.StoreImm(asm.R1, 0, 0x42, asm.Byte), asm.Return().WithSymbol("null"))
	return &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": {
		Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns,
	}}}
}

// noPointers is what Linux 5.10 says of global functions with such an argument.
const noPointers = "type PTR in scribble() is not supported yet"

func packetArgument() asm.Instruction { return asm.Mov.Reg(asm.R1, asm.R7) }

func TestPacketWriteByAGlobalFunctionIsRefused(t *testing.T) {
	t.Parallel()
	r := refusal{reason: `program \S+ passes the packet to the global function scribble, which may write to it`, lifted: true}
	spec := scribbling(btf.GlobalFunc, packetArgument())
	_, err := loadObject(t, spec, "prog", false)
	checkRefused(t, err, r)
	if refusedByKernel(t, spec, noPointers) {
		return
	}
	_, err = loadedSource(t, mustLoad(t, spec), dispatch.SourceOptions{})
	checkRefused(t, err, r)

	load, err := loadObject(t, spec, "prog", true)
	testutil.SkipIfNotSupported(t, err)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	packet := &ebpf.RunOptions{Data: make([]byte, 64), DataOut: make([]byte, 64)}
	_, err = load.Program().Run(packet)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(packet.DataOut[0], 0x42), qt.Commentf("the kernel lets it write"))
}

// A static function is part of its caller for the kernel, which tells of its writes.
func TestPacketWriteByAStaticFunctionIsRefused(t *testing.T) {
	t.Parallel()
	_, err := loadObject(t, scribbling(btf.StaticFunc, packetArgument()), "prog", false)
	checkRefused(t, err, refusal{reason: `program prog writes to the packet directly`, lifted: true})
}

func TestGlobalFunctionsMayWriteToTheStack(t *testing.T) {
	t.Parallel()
	spec := scribbling(btf.GlobalFunc, asm.Mov.Imm(asm.R3, 0), asm.StoreMem(asm.R10, -8, asm.R3, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R10), asm.Add.Imm(asm.R1, -8))
	if refusedByKernel(t, spec, noPointers) {
		return
	}
	_, err := loadObject(t, spec, "prog", false)
	qt.Check(t, qt.IsNil(err))
	_, err = loadedSource(t, mustLoad(t, spec), dispatch.SourceOptions{})
	qt.Check(t, qt.IsNil(err))
}

// slicing asks for a part of the packet, copied to buffer if it is not at hand.
func slicing(from, slice asm.Instruction, buffer ...asm.Instruction) asm.Instructions {
	stack := asm.Instructions{asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, -16)}
	dynptr := asm.Instructions{asm.Mov.Reg(asm.R1, asm.R10), asm.Add.Imm(asm.R1, -16)}
	return withPacket(slices.Concat(
		asm.Instructions{asm.Mov.Reg(asm.R1, asm.R6), asm.Mov.Imm(asm.R2, 0)}, stack,
		asm.Instructions{from, asm.Mov.Imm(asm.R2, 64)}, dynptr, buffer,
		asm.Instructions{asm.Mov.Imm(asm.R4, 8), slice},
	)...)
}

func TestPacketAsABufferOfTheKernelIsRefused(t *testing.T) {
	t.Parallel()
	insns := slicing(kfunc(t, "bpf_dynptr_from_skb"), kfunc(t, "bpf_dynptr_slice"), asm.Mov.Reg(asm.R3, asm.R7))
	_, err := loadedSource(t, mustLoad(t, program(insns...)), dispatch.SourceOptions{})
	checkRefused(t, err, refusal{reason: `program theirs lets bpf_dynptr_slice write to the packet`, lifted: true})

	insns = slicing(kfunc(t, "bpf_dynptr_from_skb"), kfunc(t, "bpf_dynptr_slice"), asm.Mov.Imm(asm.R3, 0))
	_, err = loadedSource(t, mustLoad(t, program(insns...)), dispatch.SourceOptions{})
	qt.Check(t, qt.IsNil(err))
}

// Before loading, functions of the kernel have names.
func TestPacketAsABufferIsRefusedBeforeLoading(t *testing.T) {
	t.Parallel()
	named := func(name string) asm.Instruction {
		ins := asm.Call.Label("").WithReference(name)
		ins.Src = asm.PseudoKfuncCall
		return ins
	}
	arguments := map[asm.Register]asm.Instructions{}
	for r := asm.R1; r <= asm.R5; r++ {
		arguments[r] = asm.Instructions{asm.Mov.Reg(r, asm.R7)}
	}
	for name, call := range map[string]struct {
		buffer asm.Register
		call   asm.Instruction
	}{
		"bpf_dynptr_slice":      {asm.R3, named("bpf_dynptr_slice")},
		"bpf_skb_get_xfrm_info": {asm.R2, named("bpf_skb_get_xfrm_info")},
		"bpf_skb_get_fou_encap": {asm.R2, named("bpf_skb_get_fou_encap")},
		"bpf_skb_ct_lookup":     {asm.R4, named("bpf_skb_ct_lookup")},
		"bpf_fib_lookup":        {asm.R2, asm.FnFibLookup.Call()},
		"bpf_map_pop_elem":      {asm.R2, asm.FnMapPopElem.Call()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := program(withPacket(append(slices.Clone(arguments[call.buffer]), call.call)...)...)
			_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
			checkRefused(t, err, refusal{reason: `program prog lets ` + name + ` write to the packet`, lifted: true})

			spec = program(withPacket(asm.Mov.Reg(call.buffer, asm.R10), asm.Add.Imm(call.buffer, -64), call.call)...)
			_, err = dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
			qt.Check(t, qt.IsNil(err))
		})
	}
	for _, name := range []string{"bpf_crypto_encrypt", "bpf_crypto_decrypt"} {
		spec := program(slicing(named("bpf_dynptr_from_skb"), named(name))...)
		_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
		checkRefused(t, err, refusal{reason: `program prog calls ` + name + `, .*`, lifted: true})
	}
	spec := program(withPacket(named("bpf_skb_ct_lookup"), asm.StoreImm(asm.R0, 168, 1, asm.Word))...)
	_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
	checkRefused(t, err, refusal{reason: `program prog writes to conntrack entries`, lifted: true})
}

// bpf_throw in particular, which leaves the dispatcher too.
func TestKernelFunctionByNumberIsRefused(t *testing.T) {
	t.Parallel()
	spec := program(asm.Mov.Imm(asm.R1, 0), kfunc(t, "bpf_throw"), asm.Mov.Imm(asm.R0, 0), asm.Return())
	for _, allowWrites := range []bool{false, true} {
		_, err := loadObject(t, spec, "prog", allowWrites)
		checkRefused(t, err, refusal{reason: `program prog calls a kernel function by number, .*`})
	}
}

// The number is that of a file descriptor of ours: the table of another load, say.
func TestMapOfThisProcessIsRefused(t *testing.T) {
	t.Parallel()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(m.Close())) })
	byValue := asm.LoadMapValue(asm.R2, m.FD(), 0)
	put := asm.LoadMapPtr(asm.R2, 0).WithReference("theirs")
	qt.Assert(t, qt.IsNil(put.AssociateMap(m)))
	for name, load := range map[string]asm.Instruction{"map": asm.LoadMapPtr(asm.R2, m.FD()), "value": byValue, "put there": put} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := program(load, asm.Mov.Imm(asm.R0, 0), asm.Return())
			for _, allowWrites := range []bool{false, true} {
				_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{AllowWrites: allowWrites})
				checkRefused(t, err, refusal{reason: `program prog uses a map that its object does not define`})
			}
		})
	}
}

// A socket that is put into such a map has other functions to send and receive.
func TestSocketMapsAreRefused(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]ebpf.MapType{"map": ebpf.SockMap, "hash": ebpf.SockHash} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := program(
				asm.LoadMem(asm.R1, asm.R1, 168, asm.DWord), asm.JEq.Imm(asm.R1, 0, "out"),
				asm.FnSkFullsock.Call(), asm.JEq.Imm(asm.R0, 0, "out"),
				asm.Mov.Reg(asm.R3, asm.R0), asm.StoreImm(asm.R10, -8, 0, asm.Word),
				asm.LoadMapPtr(asm.R1, 0).WithReference("socks"),
				asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, -8), asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call(),
				asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return())
			spec.Maps["socks"] = &ebpf.MapSpec{Name: "socks", Type: kind, KeySize: 4, ValueSize: 4, MaxEntries: 4}
			r := refusal{reason: `program \S+ uses \S*socks\S*, and sockets .*`, lifted: true}
			_, err := loadObject(t, spec, "prog", false)
			checkRefused(t, err, r)
			if refusedByKernel(t, spec, "cannot pass map_type") {
				return // Linux 7.3 does, 6.18 does not
			}
			_, err = loadedSource(t, loadAsCaller(t, spec)["prog"], dispatch.SourceOptions{})
			checkRefused(t, err, r)
		})
	}
}

// refusedByKernel says whether the verifier refuses spec for that reason.
func refusedByKernel(tb testing.TB, spec *ebpf.CollectionSpec, reason string) bool {
	tb.Helper()
	coll, err := ebpf.NewCollection(spec.Copy())
	if err != nil {
		return strings.Contains(fmt.Sprintf("%+v", err), reason)
	}
	coll.Close()
	return false
}
