// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/tchandler"
)

// The tests have a host of their own, whose process 1 is in another network
// namespace, as in a container (row 32).
func TestMain(m *testing.M) { testutil.MainPrivate(m, prepareExamples) }

// patience is how long a test waits for what happens soon.
const patience = 10 * time.Second

const (
	ingress = tchandler.AttachmentDirectionIngress
	egress  = tchandler.AttachmentDirectionEgress
)

const (
	verdictUnspec = -1
	verdictOK     = 0
	verdictShot   = 2
)

// gadget is a program of a caller: it counts packets by the netns in cb[0].
type gadget struct {
	*ebpf.Program

	seen *ebpf.Map
}

func newGadget(tb testing.TB, verdict int32) gadget {
	tb.Helper()
	const cb0 = 48 // offsetof(struct __sk_buff, cb)
	g := gadget{}
	var err error
	g.seen, err = ebpf.NewMap(&ebpf.MapSpec{Name: "seen", Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 64})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	g.Program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "gadget", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R6, asm.R1, cb0, asm.Word),
			asm.StoreMem(asm.RFP, -4, asm.R6, asm.Word),
			asm.LoadMapPtr(asm.R1, g.seen.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "first"),
			asm.Mov.Imm(asm.R1, 1),
			asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
			asm.Ja.Label("out"),
			asm.Mov.Imm(asm.R1, 1).WithSymbol("first"),
			asm.StoreMem(asm.RFP, -16, asm.R1, asm.DWord),
			asm.LoadMapPtr(asm.R1, g.seen.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -16),
			asm.Mov.Imm(asm.R4, 0),
			asm.FnMapUpdateElem.Call(),
			asm.Mov.Imm(asm.R0, verdict).WithSymbol("out"), asm.Return(),
		},
	})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() {
		qt.Check(tb, qt.IsNil(g.Close()))
		qt.Check(tb, qt.IsNil(g.seen.Close()))
	})
	return g
}

// took returns how many packets of a namespace came since it was last asked.
func (g gadget) took(tb testing.TB, ns *netns.NS) int {
	tb.Helper()
	var n uint64
	err := g.seen.Lookup(ns.Inode(), &n)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return 0
	}
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(g.seen.Delete(ns.Inode())))
	return int(n)
}

// newHandler opens a handler with a gadget attached.
func newHandler(tb testing.TB, direction tchandler.AttachmentDirection, opts boathook.Options) (*tchandler.Handler, gadget) {
	tb.Helper()
	h, err := tchandler.NewHandlerWith(direction, opts)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(h.Close())) })
	g := newGadget(tb, verdictUnspec)
	qt.Assert(tb, qt.IsNil(h.AttachProg(g.Program)))
	return h, g
}

// backends runs test on both.
func backends(t *testing.T, test func(t *testing.T, opts boathook.Options)) {
	t.Helper()
	for _, backend := range []boathook.Backend{boathook.TCX, boathook.Clsact} {
		t.Run(backend.String(), func(t *testing.T) {
			t.Parallel()
			test(t, boathook.Options{Backend: backend})
		})
	}
}

// host is the network namespace of the test process.
func host(tb testing.TB) *netns.NS {
	tb.Helper()
	ns, err := netns.Self()
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(ns.Close())) })
	return ns
}

// pod is a network namespace with a process in it, and veths to the host.
type pod struct {
	host, inside *netns.NS
	pid          int
	links        []*veth
}

// veth is a link of a pod by its host end.
type veth struct {
	net.Interface

	outer, inner *net.UDPConn
}

// newPod makes a pod with n links, net0 and so on, between which and the host
// only the packets of the test pass.
func newPod(tb testing.TB, n int) *pod {
	tb.Helper()
	p := &pod{host: host(tb), inside: testutil.Netns(tb)}
	p.pid = testutil.Process(tb, p.inside)
	for i := range n {
		p.addLink(tb, p.name("v"+strconv.Itoa(i)))
	}
	return p
}

func (p *pod) container(id string) *tchandler.Container {
	return &tchandler.Container{ID: id, PID: p.pid, Name: "web"}
}

// name is one that no other pod's links have on the host.
func (p *pod) name(prefix string) string { return fmt.Sprintf("%s-%d", prefix, p.inside.Inode()) }

// dropLink deletes a link of the host, if it is there.
func (p *pod) dropLink(name string) { _, _ = testutil.ExecErr(p.host, "ip", "link", "del", name) }

// addLink adds a link with that name on the host.
func (p *pod) addLink(tb testing.TB, name string) *veth {
	tb.Helper()
	i := len(p.links)
	inner := fmt.Sprintf("net%d", i)
	index, _ := testutil.Veth(tb, p.host, name, p.inside, inner)
	l := &veth{Interface: net.Interface{Index: index, Name: name}}
	// Network namespaces that exist have different inodes: so have the pods'
	// links, two of a pod at most, different subnets.
	subnet := uint32(10<<24) | p.inside.Inode()<<3&0xffffff | uint32(i)<<2
	addr := func(host uint32) netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, subnet|host)))
	}
	for _, end := range []struct {
		ns         *netns.NS
		link       string
		self, peer uint32
	}{{p.host, name, 1, 2}, {p.inside, inner, 2, 1}} {
		mac := func(n uint32) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", i, n) }
		testutil.Exec(tb, end.ns, "ip", "link", "set", end.link, "address", mac(end.self))
		testutil.AddAddr(tb, end.ns, end.link, addr(end.self).String()+"/30")
		testutil.Exec(tb, end.ns, "ip", "neigh", "add", addr(end.peer).String(), "lladdr", mac(end.peer), "dev", end.link)
	}
	l.outer, l.inner = testutil.Listen(tb, p.host, addr(1)), testutil.Listen(tb, p.inside, addr(2))
	p.links = append(p.links, l)
	return l
}

// receive sends n numbered packets into the pod, send sends them out of it. Both
// return how many different ones of them arrived.
func (l *veth) receive(tb testing.TB, n int) int {
	tb.Helper()
	return numbered(tb, l.outer, l.inner, n)
}

func (l *veth) send(tb testing.TB, n int) int { tb.Helper(); return numbered(tb, l.inner, l.outer, n) }

func numbered(tb testing.TB, from, to *net.UDPConn, n int) int {
	tb.Helper()
	for i := range n {
		_, err := from.WriteTo([]byte{byte(i)}, to.LocalAddr())
		qt.Assert(tb, qt.IsNil(err))
	}
	return drain(tb, to)
}

// drain returns how many different packets a socket has got.
func drain(tb testing.TB, to *net.UDPConn) int {
	tb.Helper()
	arrived := map[byte]bool{}
	buf := make([]byte, 64)
	for {
		// A veth delivers before the sender's call returns, or soon after.
		qt.Assert(tb, qt.IsNil(to.SetReadDeadline(time.Now().Add(100*time.Millisecond))))
		if _, _, err := to.ReadFrom(buf); err != nil {
			return len(arrived)
		}
		arrived[buf[0]] = true
	}
}

// hooks are the programs on the pod's links, on both ends.
func (p *pod) hooks(tb testing.TB) []string {
	tb.Helper()
	var found []string
	list := func(ns *netns.NS, index int) {
		entries, err := hook.List(ns, index)
		qt.Assert(tb, qt.IsNil(err))
		for _, e := range entries {
			found = append(found, fmt.Sprintf("%s of %d: %s", e.Point, index, e.ProgramName))
		}
	}
	for i, l := range p.links {
		list(p.host, l.Index)
		list(p.inside, testutil.Index(tb, p.inside, fmt.Sprintf("net%d", i)))
	}
	return found
}

func attachments(tb testing.TB, h *tchandler.Handler) []boathook.Attachment {
	tb.Helper()
	list, err := h.Runtime().Attachments()
	qt.Assert(tb, qt.IsNil(err))
	return list
}
