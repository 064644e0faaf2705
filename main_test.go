// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.MainPrivate(m, prepareExamples) }

// patience is how long a test waits for what happens soon.
const patience = 10 * time.Second

const (
	verdictUnspec = -1
	verdictShot   = 2
)

// returning makes an object whose program "prog" counts in the first element of
// the map "seen" and returns verdict.
func returning(verdict int32) *ebpf.CollectionSpec {
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{"seen": {
			Name: "seen", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1,
		}},
		Programs: map[string]*ebpf.ProgramSpec{"prog": {
			Name: "prog", Type: ebpf.SchedCLS, License: "GPL",
			Instructions: asm.Instructions{
				asm.StoreImm(asm.RFP, -4, 0, asm.Word).WithSymbol("prog"),
				asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
				asm.LoadMapPtr(asm.R1, 0).WithReference("seen"),
				asm.FnMapLookupElem.Call(),
				asm.JEq.Imm(asm.R0, 0, "out"),
				asm.Mov.Imm(asm.R1, 1),
				asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
				asm.Mov.Imm(asm.R0, verdict).WithSymbol("out"), asm.Return(),
			},
		}},
	}
}

// bothWays runs the program of returning in both directions.
func bothWays(verdict int32) boathook.Program {
	return boathook.Program{Spec: returning(verdict), Ingress: "prog", Egress: "prog"}
}

func newRuntime(tb testing.TB, opts boathook.Options) *boathook.Runtime {
	tb.Helper()
	rt, err := boathook.New(opts)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(rt.Close())) })
	return rt
}

// site is a host with a container: two namespaces and a veth between them.
type site struct {
	host, inside *netns.NS
	innerIndex   int
}

// The addresses of a site's two ends.
var hostAddr, innerAddr = netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")

func newSite(tb testing.TB) site {
	tb.Helper()
	s := site{host: testutil.Netns(tb), inside: testutil.Netns(tb)}
	_, s.innerIndex = testutil.Veth(tb, s.host, "vethweb", s.inside, "eth0")
	testutil.AddAddr(tb, s.host, "vethweb", hostAddr.String()+"/24")
	testutil.AddAddr(tb, s.inside, "eth0", innerAddr.String()+"/24")
	// So that only the packets of the test pass: no neighbour is asked for.
	s.neighbours(tb)
	return s
}

func (s site) neighbours(tb testing.TB) {
	tb.Helper()
	for _, end := range []struct {
		ns         *netns.NS
		link       string
		mac, other string
		addr       netip.Addr
	}{
		{s.host, "vethweb", "02:00:00:00:00:01", "02:00:00:00:00:02", innerAddr},
		{s.inside, "eth0", "02:00:00:00:00:02", "02:00:00:00:00:01", hostAddr},
	} {
		testutil.Exec(tb, end.ns, "ip", "link", "set", end.link, "address", end.mac)
		testutil.Exec(tb, end.ns, "ip", "neigh", "add", end.addr.String(), "lladdr", end.other, "dev", end.link)
	}
}

// inner is the site's container as a target. The test is not in the site's host
// namespace and does not tell of it, so that the hooks are made inside.
func (s site) inner(id string) boathook.Target {
	return boathook.Target{ID: id, NetnsPath: testutil.Path(s.inside)}
}

// hosted is inner with a process in the host namespace, so that the hooks are
// made on the host end.
func (s site) hosted(tb testing.TB, id string) boathook.Target {
	tb.Helper()
	target := s.inner(id)
	target.RuntimePID = testutil.Process(tb, s.host)
	return target
}

// send sends n datagrams from one socket to the address of the other and returns
// how many arrive.
func send(tb testing.TB, from, to *net.UDPConn, n int) int {
	tb.Helper()
	for range n {
		_, err := from.WriteTo([]byte("boathook"), to.LocalAddr())
		qt.Assert(tb, qt.IsNil(err))
	}
	// A veth delivers before the sender's call returns, or soon after.
	buf := make([]byte, 64)
	arrived := 0
	for arrived < n {
		qt.Assert(tb, qt.IsNil(to.SetReadDeadline(time.Now().Add(300*time.Millisecond))))
		if _, _, err := to.ReadFrom(buf); err != nil {
			break
		}
		arrived++
	}
	return arrived
}

func attachments(tb testing.TB, rt *boathook.Runtime) []boathook.Attachment {
	tb.Helper()
	list, err := rt.Attachments()
	qt.Assert(tb, qt.IsNil(err))
	return list
}

func add(tb testing.TB, rt *boathook.Runtime, targets ...boathook.Target) {
	tb.Helper()
	qt.Assert(tb, qt.IsNil(rt.Add(context.Background(), targets...)))
}
