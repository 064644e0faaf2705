// SPDX-License-Identifier: Apache-2.0

package baseline_test

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/bench/baseline"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// patience is how long a test waits for what happens soon.
const patience = 5 * time.Second

func TestProgramSeesWhosePacketItIs(t *testing.T) {
	t.Parallel()
	for _, direction := range []struct {
		name   string
		is     baseline.Direction
		inside bool // packets are sent in the container
	}{{"ingress", baseline.Ingress, false}, {"egress", baseline.Egress, true}} {
		t.Run(direction.name, func(t *testing.T) {
			t.Parallel()
			host := testutil.Netns(t)
			containers := testutil.Containers(t, host, 2)
			seen := newSeen(t)
			h := newHandler(t, host, direction.is)
			qt.Assert(t, qt.IsNil(h.AttachProg(seen.prog)))
			attach(t, host, h, containers)

			if direction.inside {
				transmit(t, containers[1], "eth0")
			} else {
				transmit(t, host, testutil.HostLink(containers[1]))
			}
			testutil.Eventually(t, patience, func() bool { return seen.count(t, containers[1].Inode()) == 1 }, "packet is seen")
			qt.Assert(t, qt.Equals(seen.count(t, containers[0].Inode()), 0))
		})
	}
}

func TestDetachLeavesNoFilter(t *testing.T) {
	t.Parallel()
	host := testutil.Netns(t)
	containers := testutil.Containers(t, host, 3)
	h := newHandler(t, host, baseline.Ingress)
	attach(t, host, h, containers)
	qt.Assert(t, qt.Equals(filters(t, host, containers), 3))

	qt.Assert(t, qt.IsNil(h.DetachContainer(testutil.Path(containers[0]))))
	qt.Assert(t, qt.Equals(filters(t, host, containers), 2))
	qt.Assert(t, qt.IsNil(h.Close()))
	qt.Assert(t, qt.Equals(filters(t, host, containers), 0))
}

func TestEveryStepIsTimed(t *testing.T) {
	t.Parallel()
	host := testutil.Netns(t)
	h := newHandler(t, host, baseline.Egress)
	attach(t, host, h, testutil.Containers(t, host, 1))
	for _, step := range h.Times().Steps() {
		qt.Check(t, qt.Not(qt.Equals(step.Took, 0)), qt.Commentf(step.Name))
	}
}

func TestReplacedFilterRunsOnlyTheNewProgram(t *testing.T) {
	t.Parallel()
	host := testutil.Netns(t)
	containers := testutil.Containers(t, host, 2)
	old, fresh := newSeen(t), newSeen(t)
	var f *baseline.Filters
	qt.Assert(t, qt.IsNil(host.Do(func() (err error) {
		f, err = baseline.NewFilters(baseline.Egress)
		return err
	})))
	for _, c := range containers {
		qt.Assert(t, qt.IsNil(f.Attach(testutil.Index(t, host, testutil.HostLink(c)), old.prog)))
	}
	qt.Assert(t, qt.IsNil(f.Replace(fresh.prog)))
	for _, c := range containers {
		transmit(t, c, "eth0")
	}
	// Nobody writes cb[0] here.
	testutil.Eventually(t, patience, func() bool { return fresh.count(t, 0) == 2 }, "packets are seen")
	qt.Assert(t, qt.Equals(old.count(t, 0), 0))
	qt.Assert(t, qt.IsNil(f.Close()))
	qt.Assert(t, qt.Equals(filters(t, host, containers), 0))
}

func newHandler(tb testing.TB, host *netns.NS, d baseline.Direction) *baseline.Handler {
	tb.Helper()
	var h *baseline.Handler
	err := host.Do(func() (err error) {
		h, err = baseline.NewHandler(d)
		return err
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	return h
}

// attach attaches to containers; the test's end detaches what is left.
func attach(tb testing.TB, host *netns.NS, h *baseline.Handler, containers []*netns.NS) {
	tb.Helper()
	tb.Cleanup(func() { _ = h.Close() }) // may be closed already
	for _, c := range containers {
		qt.Assert(tb, qt.IsNil(host.Do(func() error { return h.AttachContainer(testutil.Path(c)) })))
	}
}

func filters(tb testing.TB, host *netns.NS, containers []*netns.NS) int {
	tb.Helper()
	n := 0
	for _, c := range containers {
		entries, err := hook.List(host, testutil.Index(tb, host, testutil.HostLink(c)))
		qt.Assert(tb, qt.IsNil(err))
		n += len(entries)
	}
	return n
}

// transmit sends one frame that nobody receives.
func transmit(tb testing.TB, ns *netns.NS, link string) {
	tb.Helper()
	index := testutil.Index(tb, ns, link)
	qt.Assert(tb, qt.IsNil(ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { qt.Check(tb, qt.IsNil(unix.Close(fd))) }()
		frame := make([]byte, 64)
		// An EtherType for local experiments (IEEE 802).
		frame[12], frame[13] = 0x88, 0xb5
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index})
	})))
}

// seen is a program that counts packets by what it finds in cb[0].
type seen struct {
	prog   *ebpf.Program
	counts *ebpf.Map
}

func newSeen(tb testing.TB) seen {
	tb.Helper()
	const cb = 48 // offset in struct __sk_buff
	coll, err := ebpf.NewCollection(&ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{"counts": {Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 8}},
		Programs: map[string]*ebpf.ProgramSpec{"seen": {Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, cb, asm.Word).WithSymbol("seen"),
			asm.StoreMem(asm.RFP, -4, asm.R2, asm.Word),
			asm.Mov.Imm(asm.R3, 1), asm.StoreMem(asm.RFP, -16, asm.R3, asm.DWord),
			asm.LoadMapPtr(asm.R1, 0).WithReference("counts"),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "first"),
			asm.Mov.Imm(asm.R1, 1), asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
			asm.Ja.Label("out"),
			asm.LoadMapPtr(asm.R1, 0).WithReference("counts").WithSymbol("first"),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16),
			asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call(),
			asm.Mov.Imm(asm.R0, -1).WithSymbol("out"), asm.Return(),
		}}},
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(coll.Close)
	return seen{prog: coll.Programs["seen"], counts: coll.Maps["counts"]}
}

func (s seen) count(tb testing.TB, inode uint32) int {
	tb.Helper()
	var n uint64
	if err := s.counts.Lookup(inode, &n); err != nil {
		qt.Assert(tb, qt.ErrorIs(err, ebpf.ErrKeyNotExist))
	}
	return int(n)
}
