// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

func TestPriorityTakenMeanwhile(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string][]string{
		"same handle":    {"handle", "0xb0a7"},
		"other protocol": {"protocol", "ip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := testutil.Netns(t)
			index, _ := testutil.Veth(t, ns, "near0", ns, "far0")
			testutil.Exec(t, ns, "tc", "qdisc", "add", "dev", "near0", "clsact")
			prog := mustProgram(t)
			// What was seen before the other came: nothing.
			b := &clsactBurst{
				clsact: &clsact{ns: ns, owner: Owner{Instance: "late", BootID: "b"}},
				reqs:   []Request{{Index: index, Program: prog}, {Index: index, Program: prog}},
				hooks:  make([]*Hook, 2), errs: make([]error, 2),
				links: map[int]*clsactLink{index: {}}, ids: make(programIDs),
			}
			args := []string{"filter", "add", "dev", "near0", "ingress", "pref", "8"}
			args = append(append(args, foreign...), "bpf", "bytecode", "1,6 0 0 0")
			testutil.Exec(t, ns, "tc", args...)

			err := withConn(ns, func(c *conn) error {
				b.conn = c
				b.addFilters()
				return nil
			})

			qt.Assert(t, qt.IsNil(err))
			for i := range b.reqs {
				qt.Assert(t, qt.IsNil(b.errs[i]))
				qt.Check(t, qt.Not(qt.Equals(b.hooks[i].filter.priority, 8)))
				qt.Check(t, qt.DeepEquals(b.gone(b.hooks[i:i+1]), []bool{false}))
			}
			entries, err := List(ns, index)
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.HasLen(entries, 3))
		})
	}
}

func TestAnswersThatGetLostAreToldApart(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	c, err := dial(ns)
	qt.Assert(t, qt.IsNil(err))
	m, err := qdiscMessage(unix.RTM_NEWQDISC, 4242, kindClsact)
	qt.Assert(t, qt.IsNil(err))
	msgs := append(make([]netlink.Message, 0, 2*maxBatch), m)
	for len(msgs) < cap(msgs) {
		msgs = append(msgs, m)
	}

	for _, r := range c.batch(msgs) {
		qt.Assert(t, qt.ErrorIs(r.err, unix.ENODEV))
		qt.Assert(t, qt.IsTrue(answered(r.err)))
	}
	qt.Assert(t, qt.IsNil(c.nl.Close()))
	for _, r := range c.batch(msgs) {
		qt.Assert(t, qt.IsNotNil(r.err))
		qt.Assert(t, qt.IsFalse(answered(r.err)))
	}
}

func mustProgram(tb testing.TB) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SchedCLS,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()},
		License:      "Apache-2.0",
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}
