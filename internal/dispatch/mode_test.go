// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
)

// loopback is the ifindex that BPF_PROG_TEST_RUN puts packets on.
const loopback = 1

// returning makes an object with one program, "prog", that returns verdict.
func returning(verdict int32) *ebpf.CollectionSpec {
	return program(asm.Mov.Imm(asm.R0, verdict), asm.Return())
}

func program(insns ...asm.Instruction) *ebpf.CollectionSpec {
	insns[0] = insns[0].WithSymbol("prog")
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{},
		Programs: map[string]*ebpf.ProgramSpec{"prog": {
			Name: "prog", Type: ebpf.SchedCLS, License: "GPL", Instructions: insns,
		}},
	}
}

func newLoad(tb testing.TB, spec *ebpf.CollectionSpec, opts dispatch.LoadOptions) *dispatch.Load {
	tb.Helper()
	source := newSource(tb, spec, dispatch.SourceOptions{AllowWrites: opts.AllowWrites})
	load, err := dispatch.NewLoad(source, "prog", opts)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(load.Close())) })
	return load
}

func newSource(tb testing.TB, spec *ebpf.CollectionSpec, opts dispatch.SourceOptions) *dispatch.Source {
	tb.Helper()
	source, err := dispatch.NewSource(spec, []string{"prog"}, opts)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	return source
}

// run sends one packet of 64 bytes through the load and returns what the hook would get.
func run(tb testing.TB, load *dispatch.Load) int32 {
	tb.Helper()
	verdict, err := load.Program().Run(&ebpf.RunOptions{Data: make([]byte, 64)})
	qt.Assert(tb, qt.IsNil(err))
	return int32(verdict)
}

func TestModeDecidesWhatBecomesOfAVerdict(t *testing.T) {
	t.Parallel()
	const unspec, shot = -1, 2
	for verdict := int32(-1); verdict <= 9; verdict++ {
		for mode, want := range map[dispatch.Mode]int32{
			dispatch.Observe: unspec,
			dispatch.Drop:    map[bool]int32{true: shot, false: unspec}[verdict == shot],
			dispatch.Enforce: verdict,
		} {
			t.Run(fmt.Sprintf("%s/%d", mode, verdict), func(t *testing.T) {
				t.Parallel()
				load := newLoad(t, returning(verdict), dispatch.LoadOptions{Mode: mode})
				qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
				qt.Check(t, qt.Equals(run(t, load), want))

				counters, err := load.Counters(loopback)
				qt.Assert(t, qt.IsNil(err))
				expected := dispatch.Counters{Packets: 1, Bytes: 64, Segments: 1}
				expected.Verdicts[verdict+1] = 1
				qt.Check(t, qt.Equals(counters, expected))
			})
		}
	}
}
