// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"net/netip"
	"runtime"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/bench/baseline"
	"github.com/boathook/boathook/internal/testutil"
)

const (
	// streamSetups take about ten seconds.
	streamSetups = 40
	// datagrams are sent by one system call, batches calls make a turn: half a
	// millisecond.
	datagrams, batches = 64, 2
	payload            = 64
	port               = 9000
)

// BenchmarkStream is what programs on the hook of a veth add to a datagram, from
// the sender's system call in a container to the receiver's socket on the host,
// all on one CPU.
func BenchmarkStream(b *testing.B) {
	lines := newLines(b)
	costs := turns(b, streamSetups, func(n int) ([]side, func()) {
		// Each side takes each line in turn.
		at := func(side int) *line { return lines[(side+n)%len(lines)] }
		frees := []func(){
			at(1).tcx(b), at(2).ours(b, boathook.TCX, empty()), at(3).ours(b, boathook.Clsact, empty()),
			at(4).ours(b, boathook.TCX, deciding()), at(5).baseline(b),
		}
		var sides []side
		for i := range lines {
			sides = append(sides, at(i).send(b))
		}
		return sides, func() {
			for _, free := range frees {
				free()
			}
		}
	})
	theirs := costs[5].added
	report(b, figure{name: "udp stream, no program, per packet", ours: none, baseline: costs[0].whole, unit: perPacket})
	for _, f := range []figure{
		{name: "an empty TCX program alone", ours: costs[1].added, aim: aim{share: true}},
		{name: "ours on TCX", ours: costs[2].added, aim: ofBaseline(0.6)},
		{name: "ours on TCX, with a verdict to map", ours: costs[4].added, aim: aim{share: true}},
		{name: "ours on clsact", ours: costs[3].added, aim: aim{share: true}},
	} {
		f.name, f.baseline, f.unit = "udp stream, added by "+f.name, theirs, perPacket
		report(b, f)
	}
}

// line is a container with a sender whose datagrams a socket of the host drops.
type line struct {
	host   *host
	n      int // of the container
	index  int // of the host's end
	sender int
	batch  []message
}

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	sent   uint32
	_      uint32
}

// newLines makes one line for each side.
func newLines(tb testing.TB) []*line {
	tb.Helper()
	const sides = 6
	h := newHost(tb, sides)
	var lines []*line
	for n, c := range h.containers {
		near, far := netip.AddrFrom4([4]byte{10, 78, byte(n), 2}), netip.AddrFrom4([4]byte{10, 78, byte(n), 1})
		testutil.AddAddr(tb, c, "eth0", near.String()+"/24")
		testutil.AddAddr(tb, h.ns, testutil.HostLink(c), far.String()+"/24")
		l := &line{host: h, n: n, index: testutil.Index(tb, h.ns, testutil.HostLink(c))}
		newSink(tb, far)
		qt.Assert(tb, qt.IsNil(c.Do(func() error {
			var err error
			l.sender, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			return unix.Connect(l.sender, &unix.SockaddrInet4{Addr: far.As4(), Port: port})
		})))
		tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Close(l.sender))) })
		l.fill()
		lines = append(lines, l)
	}
	return lines
}

// newSink is a socket whose filter accepts nothing: packets come all the way to it
// and wake nobody.
func newSink(tb testing.TB, addr netip.Addr) {
	tb.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Close(fd))) })
	qt.Assert(tb, qt.IsNil(unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4(), Port: port})))
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	qt.Assert(tb, qt.IsNil(err))
}

func (l *line) fill() {
	data := make([]byte, payload)
	l.batch = make([]message, datagrams)
	for i := range l.batch {
		part := &unix.Iovec{Base: &data[0]}
		part.SetLen(len(data))
		l.batch[i].header.Iov = part
		l.batch[i].header.SetIovlen(1)
	}
}

// send is the time that a datagram takes. The veth hands it over on the sender's
// CPU before the system call returns.
func (l *line) send(tb testing.TB) side {
	tb.Helper()
	return func() float64 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer pin(tb)()
		all := took(func() {
			for range batches {
				n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(l.sender), uintptr(unsafe.Pointer(&l.batch[0])), datagrams, 0, 0, 0)
				qt.Assert(tb, qt.Equals(errno, 0))
				qt.Assert(tb, qt.Equals(n, datagrams))
			}
		})
		return all / (datagrams * batches)
	}
}

// pin keeps the calling thread on the CPU that it is on.
func pin(tb testing.TB) (unpin func()) {
	tb.Helper()
	var before, one unix.CPUSet
	qt.Assert(tb, qt.IsNil(unix.SchedGetaffinity(0, &before)))
	for cpu := range len(before) * 64 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	qt.Assert(tb, qt.IsNil(unix.SchedSetaffinity(0, &one)))
	return func() { qt.Check(tb, qt.IsNil(unix.SchedSetaffinity(0, &before))) }
}

// tcx puts an empty program on the hook, and nothing else.
func (l *line) tcx(tb testing.TB) (free func()) {
	tb.Helper()
	prog := mustProgram(tb, empty())
	hook, err := link.AttachTCX(link.TCXOptions{Interface: l.index, Program: prog, Attach: ebpf.AttachTCXIngress})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	return func() {
		qt.Check(tb, qt.IsNil(hook.Close()))
		qt.Check(tb, qt.IsNil(prog.Close()))
	}
}

// ours runs a program on what the container sends.
func (l *line) ours(tb testing.TB, backend boathook.Backend, insns asm.Instructions) (free func()) {
	tb.Helper()
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"prog": programSpec(insns)}}
	program := boathook.Program{Spec: spec, Egress: "prog"}
	rt, err := boathook.New(boathook.Options{Program: program, Backend: backend})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(rt.Add(context.Background(), l.host.targets[l.n])))
	return func() {
		qt.Check(tb, qt.IsNil(rt.Close()))
		l.removeQdisc()
	}
}

func (l *line) baseline(tb testing.TB) (free func()) {
	tb.Helper()
	prog := mustProgram(tb, empty())
	h, err := baseline.NewHandler(baseline.Egress)
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(h.AttachProg(prog)))
	qt.Assert(tb, qt.IsNil(h.AttachContainer(testutil.Path(l.host.containers[l.n]))))
	return func() {
		qt.Check(tb, qt.IsNil(h.Close()))
		qt.Check(tb, qt.IsNil(prog.Close()))
		l.removeQdisc()
	}
}

// removeQdisc lets the next side begin with nothing. It fails if there is none.
func (l *line) removeQdisc() {
	name := testutil.HostLink(l.host.containers[l.n])
	_, _ = testutil.ExecErr(l.host.ns, "tc", "qdisc", "del", "dev", name, "clsact")
}
