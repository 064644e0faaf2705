// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// Verdicts of include/uapi/linux/pkt_cls.h.
const (
	unspec = -1
	shot   = 2
)

// mustProgram loads a program that returns verdict for every packet.
func mustProgram(tb testing.TB, name string, verdict int32) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name,
		Type: ebpf.SchedCLS,
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R0, verdict),
			asm.Return(),
		},
		License: "Apache-2.0",
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}

func mustID(tb testing.TB, prog *ebpf.Program) ebpf.ProgramID {
	tb.Helper()
	info, err := prog.Info()
	qt.Assert(tb, qt.IsNil(err))
	id, ok := info.ID()
	qt.Assert(tb, qt.IsTrue(ok))
	return id
}

// mustOpen opens a set that is closed with the test.
func mustOpen(tb testing.TB, ns *netns.NS, backend hook.Backend, opts hook.Options) *hook.Set {
	tb.Helper()
	if opts.Owner == (hook.Owner{}) {
		opts.Owner = hook.Owner{Instance: "test", BootID: "0-1"}
	}
	set, err := hook.Open(ns, backend, opts)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(set.Close())) })
	return set
}

func mustAttach(tb testing.TB, set *hook.Set, reqs ...hook.Request) []*hook.Hook {
	tb.Helper()
	hooks, errs := set.Attach(tb.Context(), reqs)
	qt.Assert(tb, qt.HasLen(hooks, len(reqs)))
	qt.Assert(tb, qt.HasLen(errs, len(reqs)))
	for i := range reqs {
		qt.Assert(tb, qt.IsNil(errs[i]))
		qt.Assert(tb, qt.IsNotNil(hooks[i]))
	}
	return hooks
}

// tcxPrograms asks the kernel for what is on a TCX point, in order.
func tcxPrograms(tb testing.TB, ns *netns.NS, index int, attach ebpf.AttachType) []ebpf.ProgramID {
	tb.Helper()
	var ids []ebpf.ProgramID
	err := ns.Do(func() error {
		result, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: attach})
		if err != nil {
			return err
		}
		for _, p := range result.Programs {
			ids = append(ids, p.ID)
		}
		return nil
	})
	qt.Assert(tb, qt.IsNil(err))
	return ids
}

// pair is a veth between two namespaces with addresses on both ends.
type pair struct {
	near, far *netns.NS
	nearIndex int // of the link near0
}

const (
	nearAddr = "192.0.2.1"
	farAddr  = "192.0.2.2"
	nearMAC  = "02:00:00:00:00:01"
	farMAC   = "02:00:00:00:00:02"
)

func newPair(tb testing.TB) pair {
	tb.Helper()
	p := pair{near: testutil.Netns(tb), far: testutil.Netns(tb)}
	p.nearIndex, _ = testutil.Veth(tb, p.near, "near0", p.far, "far0")
	testutil.AddAddr(tb, p.near, "near0", nearAddr+"/24")
	testutil.AddAddr(tb, p.far, "far0", farAddr+"/24")
	// Fixed neighbours: a lost ARP reply would be felt by later packets.
	testutil.Exec(tb, p.near, "ip", "link", "set", "near0", "address", nearMAC)
	testutil.Exec(tb, p.far, "ip", "link", "set", "far0", "address", farMAC)
	testutil.Exec(tb, p.near, "ip", "neigh", "replace", farAddr, "lladdr", farMAC, "dev", "near0", "nud", "permanent")
	testutil.Exec(tb, p.far, "ip", "neigh", "replace", nearAddr, "lladdr", nearMAC, "dev", "far0", "nud", "permanent")
	return p
}

// pings reports whether a packet gets from the near end to the far and back.
func (p pair) pings() bool {
	_, err := testutil.ExecErr(p.near, "ping", "-c1", "-W1", "-q", farAddr)
	return err == nil
}

func mustSocketFilter(tb testing.TB) *ebpf.Program {
	tb.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SocketFilter,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "Apache-2.0",
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(prog.Close())) })
	return prog
}
