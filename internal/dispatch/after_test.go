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

// writerSource is the object that writes every field.
func writerSource(tb testing.TB) *dispatch.Source {
	tb.Helper()
	source, err := dispatch.NewSource(testutil.Object(tb, "ctxwrite"), []string{"write_context"}, dispatch.SourceOptions{})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	return source
}

func prepare(tb testing.TB, load *dispatch.Load, source *dispatch.Source, name string) *dispatch.Swap {
	tb.Helper()
	swap, err := load.Prepare(source, name)
	qt.Assert(tb, qt.IsNil(err))
	return swap
}

// after is what the dispatcher does when a program has ended.
func after(tb testing.TB, load *dispatch.Load) dispatch.After {
	tb.Helper()
	a, err := load.After()
	qt.Assert(tb, qt.IsNil(err))
	return a
}

// A load saves the fields only as long as a program that may store to them can
// run. That must hold from before such a program comes until after it is gone.
func TestFieldsAreRestoredWhileAWriterMayRun(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(0), dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))

	swap := prepare(t, load, writerSource(t), "write_context")
	qt.Check(t, qt.Equals(after(t, load), dispatch.Fields), qt.Commentf("before it runs"))
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Fields))
	for _, f := range skbFields() {
		qt.Check(t, qt.Equals(fieldsAfter(t, load)[f.name], f.before), qt.Commentf(f.name))
	}

	swap = prepare(t, load, newSource(t, returning(0), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Fields), qt.Commentf("a packet may still be in it"))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))
}

func TestFieldsAreLeftAloneOnceAWriterIsGivenUp(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(0), dispatch.LoadOptions{})
	swap := prepare(t, load, writerSource(t), "write_context")
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Assert(t, qt.IsNil(swap.Revert()))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Fields))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))
}

func TestWhatTheUserWantsWrittenIsNotRestored(t *testing.T) {
	t.Parallel()
	load := ctxwrite(t, dispatch.LoadOptions{AllowWrites: true})
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))
}

// What need not return is not returned from only as long as no other program can
// run: a verdict that is final would be one.
func TestProgramsReturnWhereverOneMayHaveAVerdict(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(unspec), dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Nothing))
	qt.Check(t, qt.Equals(run(t, load), unspec))

	swap := prepare(t, load, newSource(t, returning(shot), dispatch.SourceOptions{}), "prog")
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict), qt.Commentf("before it runs"))
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Check(t, qt.Equals(run(t, load), unspec))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))

	swap = prepare(t, load, newSource(t, returning(unspec), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(dispatch.Commit(swap)))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict), qt.Commentf("a packet may still be in the old one"))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Nothing))

	counters, err := load.Counters(loopback)
	qt.Assert(t, qt.IsNil(err))
	want := dispatch.Counters{Packets: 2, Bytes: 128, Segments: 2}
	want.Verdicts[0], want.Verdicts[1+shot] = 1, 1
	qt.Check(t, qt.Equals(counters, want))
}

// It is not said which of two swaps, prepared one after the other, comes first.
func TestPacketsAreWaitedForOnceWhateverTheOrder(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(unspec), dispatch.LoadOptions{})
	first, second := prepare(t, load, writerSource(t), "write_context"), prepare(t, load, writerSource(t), "write_context")
	qt.Check(t, qt.IsTrue(first.Waits()))
	qt.Check(t, qt.IsTrue(second.Waits()))
	qt.Assert(t, qt.IsNil(dispatch.Commit(second)))
	qt.Check(t, qt.IsFalse(first.Waits()))
	less := prepare(t, load, newSource(t, returning(unspec), dispatch.SourceOptions{}), "prog")
	qt.Check(t, qt.IsFalse(less.Waits()))
	qt.Assert(t, qt.IsNil(dispatch.Commit(less)))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{first, second, less})))
	qt.Check(t, qt.Equals(after(t, load), dispatch.Nothing))
	again := prepare(t, load, writerSource(t), "write_context")
	qt.Check(t, qt.IsTrue(again.Waits()), qt.Commentf("it was told less meanwhile"))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{again})))
}

// The kernel ends a program that writes to packets where it cannot make the
// packet private, with a verdict of its own.
func TestProgramsThatMayWriteReturn(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(unspec), dispatch.LoadOptions{AllowWrites: true})
	qt.Check(t, qt.Equals(after(t, load), dispatch.Verdict))
}

// The kernel shows of a loaded program whether it stores to the skb.
func TestLoadedProgramsAreRestoredAfterOnlyIfTheyStore(t *testing.T) {
	t.Parallel()
	storing := returning(unspec).Programs["prog"]
	storing.Instructions = append(asm.Instructions{
		asm.Mov.Imm(asm.R2, 1), asm.StoreMem(asm.R1, 8, asm.R2, asm.Word), // mark
	}, storing.Instructions...)
	for want, spec := range map[dispatch.After]*ebpf.ProgramSpec{
		dispatch.Verdict: returning(unspec).Programs["prog"],
		dispatch.Fields:  storing,
	} {
		prog, err := ebpf.NewProgram(spec)
		qt.Assert(t, qt.IsNil(err))
		source, err := dispatch.NewLoadedSource(map[string]*ebpf.Program{"prog": prog}, dispatch.SourceOptions{})
		qt.Assert(t, qt.IsNil(errors.Join(err, prog.Close())))
		t.Cleanup(func() { qt.Check(t, qt.IsNil(source.Close())) })
		load, err := dispatch.NewLoad(source, "prog", dispatch.LoadOptions{})
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { qt.Check(t, qt.IsNil(load.Close())) })
		qt.Check(t, qt.Equals(after(t, load), want))
	}
}
