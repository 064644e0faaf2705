// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// refusal is a program of testdata/objects that could do harm.
type refusal struct {
	object, program string
	// reason is what of the refusal must be said, as a regular expression.
	reason string
	// lifted says that --allow-writes lets it run.
	lifted bool
}

func refusals() []refusal {
	return []refusal{
		{"storebytes", "overwrite", `program overwrite calls bpf_skb_store_bytes, .*`, true},
		{"redirect", "redirect_all", `program redirect_all calls bpf_redirect, .*`, true},
		{"dynptrwrite", "write_dynptr", `program write_dynptr calls bpf_dynptr_write, .*`, true},
		{"pktwrite", "set_dscp", `program set_dscp writes to the packet directly`, true},
		{"tstampwrite", "delay_departure", `program delay_departure writes skb->tstamp, .*`, true},
		{"moved", "write_time", `program write_time writes skb->tstamp, .*`, true},
		{"throws", "throws", `program throws calls bpf_throw, .*`, false},
	}
}

// loadObject is all that is done with a program before it is attached.
func loadObject(tb testing.TB, spec *ebpf.CollectionSpec, name string, allowWrites bool) (*dispatch.Load, error) {
	tb.Helper()
	source, err := dispatch.NewSource(spec, []string{name}, dispatch.SourceOptions{AllowWrites: allowWrites})
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	load, err := dispatch.NewLoad(source, name, dispatch.LoadOptions{AllowWrites: allowWrites})
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(load.Close())) })
	return load, nil
}

// checkRefused checks what a refusal says. lifted: its hint names the flag.
func checkRefused(tb testing.TB, err error, r refusal) {
	tb.Helper()
	qt.Assert(tb, qt.ErrorIs(err, dispatch.ErrRefused))
	qt.Check(tb, qt.ErrorMatches(err, r.reason))
	var refused *dispatch.RefusedError
	qt.Assert(tb, qt.IsTrue(errors.As(err, &refused)))
	if r.lifted {
		qt.Check(tb, qt.StringContains(refused.Hint, "--allow-writes"))
	} else {
		qt.Check(tb, qt.Equals(refused.Hint, ""))
	}
}

func TestHarmIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, r := range refusals() {
		t.Run(r.object, func(t *testing.T) {
			t.Parallel()
			_, err := loadObject(t, testutil.Object(t, r.object), r.program, false)
			checkRefused(t, err, r)
		})
	}
}

func TestAllowWritesLiftsAllButThrow(t *testing.T) {
	t.Parallel()
	for _, r := range refusals() {
		t.Run(r.object, func(t *testing.T) {
			t.Parallel()
			load, err := loadObject(t, testutil.Object(t, r.object), r.program, true)
			if !r.lifted {
				checkRefused(t, err, r)
				return
			}
			testutil.SkipIfNotSupported(t, err)
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
			run(t, load)
		})
	}
}

func TestHarmfulHelpersAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, fn := range []asm.BuiltinFunc{
		asm.FnSkbStoreBytes, asm.FnL3CsumReplace, asm.FnL4CsumReplace, asm.FnCloneRedirect, asm.FnRedirect,
		asm.FnRedirectPeer, asm.FnRedirectNeigh, asm.FnSkbVlanPush, asm.FnSkbVlanPop, asm.FnSkbSetTunnelKey,
		asm.FnSkbSetTunnelOpt, asm.FnSkbChangeProto, asm.FnSkbChangeType, asm.FnSkbChangeTail, asm.FnSkbChangeHead,
		asm.FnSkbAdjustRoom, asm.FnSetHashInvalid, asm.FnSetHash, asm.FnSkbEcnSetCe, asm.FnSkAssign,
		asm.FnSkbSetTstamp, asm.FnCsumUpdate, asm.FnCsumLevel, asm.BuiltinFunc(9999),
	} {
		t.Run(fn.String(), func(t *testing.T) {
			t.Parallel()
			spec := program(fn.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return())
			_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{})
			qt.Assert(t, qt.ErrorIs(err, dispatch.ErrRefused))
			qt.Check(t, qt.ErrorMatches(err, `program prog calls bpf_\S+, which can change the packet or its fate`))
		})
	}
}

// A program that only a prog array reaches is checked like the one on the hook.
func TestHarmBehindATailCallIsRefused(t *testing.T) {
	t.Parallel()
	spec := tailCalling(ebpf.MapKV{Key: uint32(0), Value: "behind"})
	spec.Programs["behind"] = &ebpf.ProgramSpec{Name: "behind", Type: ebpf.SchedCLS, License: "GPL", Instructions: writesTstamp()}
	_, err := loadObject(t, spec, "prog", false)
	checkRefused(t, err, refusal{reason: `program behind writes skb->tstamp, .*`, lifted: true})

	spec.Programs["behind"].Instructions = writesPacket()
	_, err = loadObject(t, spec, "prog", false)
	checkRefused(t, err, refusal{reason: `program behind writes to the packet directly`, lifted: true})

	_, err = loadObject(t, spec, "prog", true)
	qt.Check(t, qt.IsNil(err))
}

// What the caller put into a prog array by itself cannot be checked.
func TestProgArrayOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	loaded := mustLoad(t, returning(shot))
	for name, value := range map[string]any{"program": loaded, "descriptor": uint32(loaded.FD())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadObject(t, tailCalling(ebpf.MapKV{Key: uint32(0), Value: value}), "prog", false)
			checkRefused(t, err, refusal{reason: `program prog may call programs through steps, .*`, lifted: true})
			_, err = loadObject(t, tailCalling(ebpf.MapKV{Key: uint32(0), Value: value}), "prog", true)
			qt.Check(t, qt.IsNil(err))
		})
	}
}

func TestPinnedProgArrayIsRefused(t *testing.T) {
	t.Parallel()
	spec := tailCalling()
	spec.Maps["steps"].Pinning = ebpf.PinByName
	_, err := dispatch.NewSource(spec, []string{"prog"}, dispatch.SourceOptions{PinPath: t.TempDir()})
	checkRefused(t, err, refusal{reason: `program of map steps calls into a pinned prog array, .*`, lifted: true})
}

func TestUnknownProgramIsAnError(t *testing.T) {
	t.Parallel()
	_, err := dispatch.NewSource(returning(0), []string{"other"}, dispatch.SourceOptions{})
	qt.Check(t, qt.ErrorIs(err, dispatch.ErrNoProgram))
	_, err = dispatch.NewSource(tailCalling(ebpf.MapKV{Key: uint32(0), Value: "other"}), []string{"prog"}, dispatch.SourceOptions{})
	qt.Check(t, qt.ErrorIs(err, dispatch.ErrNoProgram))
}

// tailCalling is a program that calls entry 0 of prog array "steps".
func tailCalling(entries ...ebpf.MapKV) *ebpf.CollectionSpec {
	spec := program(
		asm.LoadMapPtr(asm.R2, 0).WithReference("steps"), asm.Mov.Imm(asm.R3, 0),
		asm.FnTailCall.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return(),
	)
	spec.Maps["steps"] = &ebpf.MapSpec{Name: "steps", Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 2, Contents: entries}
	return spec
}

// offsetTstamp is that of tstamp in struct __sk_buff.
const offsetTstamp = 152

func writesTstamp() asm.Instructions {
	return asm.Instructions{
		asm.Mov.Imm(asm.R2, 0).WithSymbol("behind"), asm.StoreMem(asm.R1, offsetTstamp, asm.R2, asm.DWord),
		asm.Mov.Imm(asm.R0, 0), asm.Return(),
	}
}

func writesPacket() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, 76, asm.Word).WithSymbol("behind"), // data
		asm.LoadMem(asm.R3, asm.R1, 80, asm.Word),                      // data_end
		asm.Mov.Reg(asm.R4, asm.R2), asm.Add.Imm(asm.R4, 14),
		asm.JGT.Reg(asm.R4, asm.R3, "out"),
		asm.StoreImm(asm.R2, 0, 7, asm.Byte),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"), asm.Return(),
	}
}

// mustLoad loads "prog" as a caller of ours would.
func mustLoad(tb testing.TB, spec *ebpf.CollectionSpec) *ebpf.Program {
	tb.Helper()
	coll, err := ebpf.NewCollection(spec)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	prog := coll.DetachProgram("prog")
	coll.Close()
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}
