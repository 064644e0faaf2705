// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

// The kernel hides blinded instructions (net.core.bpf_jit_harden=2) from whoever
// may not see its symbols. Both settings are those of the whole host, so that
// only what comes of them is tried here.
func TestHiddenInstructionsAreRefusedWithTheSysctls(t *testing.T) {
	t.Parallel()
	restricted := fmt.Errorf("instructions: %w", ebpf.ErrRestrictedKernel)
	for _, err := range []error{readable("prog", nil, restricted), readable("prog", nil, nil)} {
		var refused *RefusedError
		qt.Assert(t, qt.IsTrue(errors.As(err, &refused)))
		qt.Check(t, qt.ErrorIs(err, ErrRefused))
		qt.Check(t, qt.StringContains(refused.Reason, "net.core.bpf_jit_harden"))
		qt.Check(t, qt.StringContains(refused.Reason, "kernel.kptr_restrict"))
		qt.Check(t, qt.StringContains(refused.Hint, "kernel.kptr_restrict=1"))
	}
}

func TestUnreadableInstructionsAreAnError(t *testing.T) {
	t.Parallel()
	err := readable("prog", nil, ebpf.ErrNotSupported)
	qt.Check(t, qt.ErrorIs(err, ebpf.ErrNotSupported))
	qt.Check(t, qt.IsFalse(errors.Is(err, ErrRefused)))
	qt.Check(t, qt.IsNil(readable("prog", asm.Instructions{asm.Return()}, nil)))
}

func TestCallsAreNamedByDistance(t *testing.T) {
	t.Parallel()
	const symbols = "ffffffff81000000 T __bpf_call_base\n" +
		"ffffffff80fffff0 T bpf_before\n" +
		"ffffffff81000040 t bpf_one\nffffffff81000040 t bpf_alias\n" +
		"ffffffffc0000040 t bpf_in_module\t[module]\n"
	names := map[string]bool{}
	err := newSymbolTable(strings.NewReader(symbols)).nameCalls(map[int32]bool{-16: true, 64: true, 0x3f000040: true, 5: true}, names)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(names, map[string]bool{
		"bpf_before": true, "bpf_one": true, "bpf_alias": true, "bpf_in_module": true, "an unknown function at +5": true,
	}))
}

// Of what lies above all that is called nothing is read, until another program
// calls it; then all its names are found.
func TestSymbolsAreReadAsFarAsTheyAreNeeded(t *testing.T) {
	t.Parallel()
	const symbols = "ffffffff80fffff0 T bpf_before\n" +
		"ffffffff81000000 T __bpf_call_base\n" +
		"ffffffff81000040 t bpf_one\nffffffff81000040 t bpf_alias\n" +
		"ffffffff81000050 t bpf_two\nffffffff81000060 t bpf_three\n" +
		"ffffffffc0000050 t bpf_in_module\t[module]\nffffffffc0000040 t bpf_other\t[module]\nffffffffc0000050 t bpf_alias_in_module\t[module]\n"
	table := newSymbolTable(strings.NewReader(symbols))
	for _, step := range []struct {
		distance int32
		names    []string
		read     int
	}{
		{-16, []string{"bpf_before"}, 3},
		{64, []string{"bpf_one", "bpf_alias"}, 5},
		{0x3f000050, []string{"bpf_in_module", "bpf_alias_in_module"}, 9},
		{-16, []string{"bpf_before"}, 9},
	} {
		want := map[string]bool{}
		for _, name := range step.names {
			want[name] = true
		}
		names := map[string]bool{}
		qt.Assert(t, qt.IsNil(table.nameCalls(map[int32]bool{step.distance: true}, names)))
		qt.Check(t, qt.DeepEquals(names, want))
		qt.Check(t, qt.Equals(len(table.read), step.read))
	}
}

// What a module called there may be another module's the next time.
func TestOnlyNamesOfTheKernelItselfLast(t *testing.T) {
	t.Parallel()
	const symbols = "ffffffff81000000 T __bpf_call_base\n" +
		"ffffffff81000040 t bpf_one\nffffffff81000040 t bpf_alias\nffffffff81000050 t bpf_two\n" +
		"ffffffffc0000040 t bpf_in_module\t[module]\n"
	table := newSymbolTable(strings.NewReader(symbols))
	names := map[string]bool{}
	qt.Assert(t, qt.IsNil(table.nameCalls(map[int32]bool{64: true, 5: true, 0x3f000040: true}, names)))
	qt.Check(t, qt.DeepEquals(table.lasting(), map[int32][]string{64: {"bpf_one", "bpf_alias"}}))
}

func TestHiddenSymbolsAreAnError(t *testing.T) {
	t.Parallel()
	hidden := regexp.QuoteMeta(errNoSymbols.Error())
	for text, want := range map[string]string{
		"0000000000000000 T __bpf_call_base\n0000000000000000 T bpf_one\n": hidden,
		"ffffffff81000040 t bpf_one\n":                                     hidden,
		"zz T __bpf_call_base\n":                                           "read kernel symbols: .*",
	} {
		err := newSymbolTable(strings.NewReader(text)).nameCalls(map[int32]bool{0: true}, map[string]bool{})
		qt.Check(t, qt.ErrorMatches(err, want))
	}
}

func TestWhatWasReadOfTheKernelIsNotReadAgain(t *testing.T) {
	t.Parallel()
	const symbols = "ffffffff81000000 T __bpf_call_base\nffffffff81000040 t bpf_one\n"
	view := &kernelView{symbols: newSymbolTable(strings.NewReader(symbols))}
	call := asm.Instructions{{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoKfuncCall, Constant: 64}}
	want := map[string]bool{"bpf_one": true}
	names, err := calledSymbols(call, view)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(names, want))
	qt.Assert(t, qt.IsNil(view.endLocked()))

	// The next one of this kernel would know of no such function.
	names, err = calledSymbols(call, view)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(names, want))
	qt.Check(t, qt.HasLen(view.symbols.read, 0))
	qt.Check(t, qt.IsNil(view.endLocked()))
}

// Each swap would else keep all sources before it.
func TestALoadedSourceKeepsNothingOfTheOneBeforeButItsView(t *testing.T) {
	t.Parallel()
	first, err := NewLoadedSource(nil, SourceOptions{})
	qt.Assert(t, qt.IsNil(err))
	second, err := NewLoadedSource(nil, SourceOptions{Inherit: first})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(second.opts.Inherit))
	qt.Check(t, qt.Equals(second.kernel, first.kernel))
	qt.Check(t, qt.IsNil(errors.Join(first.Close(), second.Close())))
}
