// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

func nativeUint64(raw []byte) uint64 { return binary.NativeEndian.Uint64(raw) }

// loadedSource takes over a program that the caller loaded.
func loadedSource(tb testing.TB, prog *ebpf.Program, opts dispatch.SourceOptions) (*dispatch.Source, error) {
	tb.Helper()
	source, err := dispatch.NewLoadedSource(map[string]*ebpf.Program{"theirs": prog}, opts)
	if err == nil {
		tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	}
	return source, err
}

// loadAsCaller loads programs of an object without any of our help.
func loadAsCaller(tb testing.TB, spec *ebpf.CollectionSpec) map[string]*ebpf.Program {
	tb.Helper()
	testutil.SkipIfNotSupported(tb, testutil.Lacking(spec))
	for _, m := range spec.Maps {
		m.Extra, m.Pinning = nil, ebpf.PinNone
	}
	for _, p := range spec.Programs {
		p.Type, p.AttachType = ebpf.SchedCLS, ebpf.AttachNone
	}
	coll, err := ebpf.NewCollection(spec)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(coll.Close)
	return coll.Programs
}

func TestLoadedProgramsOfEveryShapeAreAccepted(t *testing.T) {
	t.Parallel()
	for _, s := range shapes(t) {
		t.Run(s.object, func(t *testing.T) {
			t.Parallel()
			if s.object == "coretypes" {
				return // only a loader that knows the object's own types can load it
			}
			progs := loadAsCaller(t, openObject(t, s.object).Spec)
			for _, name := range s.programs {
				source, err := loadedSource(t, progs[name], dispatch.SourceOptions{})
				if s.object == "tailcalls" || s.object == "legacytails" {
					checkRefused(t, err, refusal{reason: `program theirs may call programs through ProgramArray\((more_)?steps\)#\d+, .*`, lifted: true})
					continue
				}
				qt.Assert(t, qt.IsNil(err))
				load, err := dispatch.NewLoad(source, "theirs", dispatch.LoadOptions{})
				qt.Assert(t, qt.IsNil(err))
				qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
				checkPassesUntouched(t, load)
				qt.Check(t, qt.IsNil(load.Close()))
			}
		})
	}
}

func TestLoadedHarmIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{"storebytes", "overwrite", `program theirs calls bpf_skb_store_bytes, .*`, true},
		{"redirect", "redirect_all", `program theirs calls bpf_redirect, .*`, true},
		{"dynptrwrite", "write_dynptr", `program theirs calls bpf_dynptr_write, .*`, true},
		{"pktwrite", "set_dscp", `program theirs writes to the packet directly`, true},
		{"tstampwrite", "delay_departure", `program theirs writes skb->tstamp, .*`, true},
		{"throws", "throws", `program theirs calls bpf_throw, .*`, false},
		{"tailcalls", "entry", `program theirs may call programs through ProgramArray\(steps\)#\d+, .*`, true},
	} {
		t.Run(r.object, func(t *testing.T) {
			t.Parallel()
			prog := loadAsCaller(t, testutil.Object(t, r.object))[r.program]
			_, err := loadedSource(t, prog, dispatch.SourceOptions{})
			checkRefused(t, err, r)

			_, err = loadedSource(t, prog, dispatch.SourceOptions{AllowWrites: true})
			if !r.lifted {
				checkRefused(t, err, r)
				return
			}
			qt.Check(t, qt.IsNil(err))
		})
	}
}

func TestLoadedProgramOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []ebpf.ProgramType{ebpf.SocketFilter, ebpf.XDP, ebpf.SchedACT, ebpf.CGroupSKB} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			spec := returning(0)
			spec.Programs["prog"].Type = kind
			_, err := loadedSource(t, mustLoad(t, spec), dispatch.SourceOptions{AllowWrites: true})
			qt.Assert(t, qt.ErrorIs(err, dispatch.ErrRefused))
			qt.Check(t, qt.ErrorMatches(err, `program theirs was loaded as `+kind.String()+`, .*`))
		})
	}
}

// Since Linux commit 4540aed51b12 a prog array takes programs of one attach type
// only. The kernel says so when it is asked for one, not before.
func TestLoadedProgramOfAnotherAttachTypeIsRefusedByItsName(t *testing.T) {
	t.Parallel()
	for _, at := range []ebpf.AttachType{
		ebpf.AttachTCXIngress, ebpf.AttachTCXEgress, ebpf.AttachNetkitPrimary, ebpf.AttachNetkitPeer,
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			spec := returning(0)
			spec.Programs["prog"].AttachType = at
			coll, err := ebpf.NewCollection(spec)
			if err != nil {
				t.Skipf("the kernel has no programs of that kind: %v", err)
			}
			defer coll.Close()
			_, err = loadedSource(t, coll.Programs["prog"], dispatch.SourceOptions{AllowWrites: true})
			if err == nil {
				return // an older kernel mixes them
			}
			qt.Assert(t, qt.ErrorIs(err, dispatch.ErrRefused))
			qt.Check(t, qt.ErrorMatches(err, `program theirs was loaded with attach type `+at.String()+`, .*`))
		})
	}
}

func TestClosedAndMissingProgramsAreErrors(t *testing.T) {
	t.Parallel()
	closed := func() *ebpf.Program {
		prog, err := ebpf.NewProgram(returning(0).Programs["prog"])
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(prog.Close()))
		return prog
	}
	_, err := loadedSource(t, closed(), dispatch.SourceOptions{})
	qt.Check(t, qt.ErrorIs(err, os.ErrClosed))
	qt.Check(t, qt.ErrorMatches(err, `use program theirs: file already closed`))
	_, err = loadedSource(t, nil, dispatch.SourceOptions{})
	qt.Check(t, qt.ErrorIs(err, dispatch.ErrNoProgram))
	qt.Check(t, qt.ErrorMatches(err, `no such program: theirs is nil`))
}

// The caller may close its program as soon as the source exists.
func TestSourceKeepsALoadedProgram(t *testing.T) {
	t.Parallel()
	prog, err := ebpf.NewProgram(returning(shot).Programs["prog"])
	qt.Assert(t, qt.IsNil(err))
	source, err := loadedSource(t, prog, dispatch.SourceOptions{})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(prog.Close()))
	load, err := dispatch.NewLoad(source, "theirs", dispatch.LoadOptions{Mode: dispatch.Drop})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	qt.Check(t, qt.Equals(run(t, load), shot))
	_, err = dispatch.NewLoad(source, "other", dispatch.LoadOptions{})
	qt.Check(t, qt.ErrorIs(err, dispatch.ErrNoProgram))
	qt.Check(t, qt.IsNil(load.Close()))
}

// harmlessCalls are programs, by what they call, that must not be refused for
// the names that the kernel has for it.
func harmlessCalls() map[string]asm.Instructions {
	simple := func(fn asm.BuiltinFunc) asm.Instructions {
		return asm.Instructions{fn.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()}
	}
	onStack := func(fn asm.BuiltinFunc, more ...asm.Instruction) asm.Instructions {
		return slices.Concat(
			asm.Instructions{
				asm.Mov.Imm(asm.R0, 0),
				asm.StoreMem(asm.R10, -8, asm.R0, asm.DWord), asm.StoreMem(asm.R10, -16, asm.R0, asm.DWord),
			},
			more, asm.Instructions{fn.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()},
		)
	}
	stack := func(r asm.Register, offset int32) asm.Instructions {
		return asm.Instructions{asm.Mov.Reg(r, asm.R10), asm.Add.Imm(r, offset)}
	}
	calls := map[string]asm.Instructions{
		"load_bytes": onStack(asm.FnSkbLoadBytes, slices.Concat(
			asm.Instructions{asm.Mov.Imm(asm.R2, 0)}, stack(asm.R3, -8), asm.Instructions{asm.Mov.Imm(asm.R4, 8)})...),
		"load_bytes_relative": onStack(asm.FnSkbLoadBytesRelative, slices.Concat(
			asm.Instructions{asm.Mov.Imm(asm.R2, 0)}, stack(asm.R3, -8), asm.Instructions{asm.Mov.Imm(asm.R4, 8), asm.Mov.Imm(asm.R5, 0)})...),
		"pull_data": onStack(asm.FnSkbPullData, asm.Mov.Imm(asm.R2, 64)),
		"csum_diff": onStack(asm.FnCsumDiff, slices.Concat(
			stack(asm.R1, -8), asm.Instructions{asm.Mov.Imm(asm.R2, 8)}, stack(asm.R3, -16), asm.Instructions{asm.Mov.Imm(asm.R4, 8), asm.Mov.Imm(asm.R5, 0)})...),
		"trace_printk": onStack(asm.FnTracePrintk, slices.Concat(stack(asm.R1, -8), asm.Instructions{asm.Mov.Imm(asm.R2, 8)})...),
		"probe_read": onStack(asm.FnProbeReadKernel, slices.Concat(
			stack(asm.R1, -8), asm.Instructions{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)})...),
		"probe_read_str": onStack(asm.FnProbeReadKernelStr, slices.Concat(
			stack(asm.R1, -8), asm.Instructions{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)})...),
		"current_comm": onStack(asm.FnGetCurrentComm, slices.Concat(stack(asm.R1, -16), asm.Instructions{asm.Mov.Imm(asm.R2, 16)})...),
		"check_mtu": onStack(asm.FnCheckMtu, slices.Concat(
			asm.Instructions{asm.Mov.Imm(asm.R2, 0)}, stack(asm.R3, -8), asm.Instructions{asm.Mov.Imm(asm.R4, 0), asm.Mov.Imm(asm.R5, 0)})...),
		"tunnel_key": onStack(asm.FnSkbGetTunnelKey, slices.Concat(
			stack(asm.R2, -8), asm.Instructions{asm.Mov.Imm(asm.R3, 8), asm.Mov.Imm(asm.R4, 0)})...),
		"strtol": onStack(asm.FnStrtol, slices.Concat(
			stack(asm.R1, -8), asm.Instructions{asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0)}, stack(asm.R4, -16))...),
	}
	calls["may_goto"] = asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.JCOND), Offset: 1},
		asm.Mov.Imm(asm.R0, 0), asm.Return(),
	}
	for _, fn := range []asm.BuiltinFunc{
		asm.FnKtimeGetNs, asm.FnKtimeGetBootNs, asm.FnKtimeGetCoarseNs, asm.FnJiffies64, asm.FnGetPrandomU32,
		asm.FnGetSmpProcessorId, asm.FnGetNumaNodeId, asm.FnGetSocketCookie, asm.FnGetSocketUid, asm.FnGetNetnsCookie,
		asm.FnGetHashRecalc, asm.FnGetCgroupClassid, asm.FnGetRouteRealm, asm.FnSkbCgroupId, asm.FnSkbCgroupClassid,
		asm.FnGetCurrentTask, asm.FnGetCurrentTaskBtf, asm.FnGetCurrentPidTgid, asm.FnGetCurrentUidGid, asm.FnGetCurrentCgroupId,
	} {
		calls[fn.String()] = simple(fn)
	}
	return calls
}

func TestLoadedProgramsWithHarmlessCallsAreAccepted(t *testing.T) { //nolint:tparallel // the subtests decide what the test then loads
	t.Parallel()
	progs := map[string]*ebpf.Program{}
	for name, insns := range harmlessCalls() {
		known := false
		t.Run(name, func(t *testing.T) {
			testutil.SkipIfNotSupported(t, testutil.Lacking(program(insns...)))
			known = true
		})
		if !known {
			continue
		}
		progs[name] = mustLoad(t, program(insns...))
		_, err := loadObject(t, program(insns...), "prog", false)
		qt.Check(t, qt.IsNil(err), qt.Commentf(name))
	}
	source, err := dispatch.NewLoadedSource(progs, dispatch.SourceOptions{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(source.Close()))
}
