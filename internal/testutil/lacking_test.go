// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

func TestLackingNamesWhatTcProgramsCannotCall(t *testing.T) {
	t.Parallel()
	calling := func(fn asm.BuiltinFunc) *ebpf.CollectionSpec {
		return &ebpf.CollectionSpec{
			Maps:     map[string]*ebpf.MapSpec{"seen": {Type: ebpf.Array}},
			Programs: map[string]*ebpf.ProgramSpec{"prog": {Instructions: asm.Instructions{fn.Call()}}},
		}
	}
	qt.Check(t, qt.IsNil(testutil.Lacking(calling(asm.FnKtimeGetNs))))
	// A helper of XDP alone.
	qt.Check(t, qt.ErrorIs(testutil.Lacking(calling(asm.FnXdpAdjustTail)), ebpf.ErrNotSupported))
}

func TestLackingKnowsInstructionsFromOtherFaults(t *testing.T) {
	t.Parallel()
	for name, ins := range map[string]asm.Instruction{
		"may_goto": {OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.JCOND)},
		"exchange": asm.Xchg.Mem(asm.R10, asm.R0, asm.DWord, -8),
	} {
		err := testutil.Lacking(&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": {Instructions: asm.Instructions{ins}}}})
		if err != nil {
			qt.Check(t, qt.ErrorIs(err, ebpf.ErrNotSupported), qt.Commentf(name))
		}
	}
}
