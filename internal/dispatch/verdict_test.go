// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// updateVariable makes the test write what it found into the document.
const updateVariable = "BOATHOOK_TEST_UPDATE"

// Datagrams are told by their length: what is done to the probe is what the
// test is about, the fence behind it passes always.
const (
	probeBytes = 100
	fenceBytes = 50
	headers    = 42 // Ethernet, IPv4, UDP
	port       = 9999
)

// fate is what became of a packet behind a program of ours.
type fate struct {
	arrives bool
	tcx     bool // the TCX program behind ours ran; with a filter there is none behind
	filter  bool // the clsact filter behind ours ran
}

// cell is how the document says it.
func (f fate) cell(backend hook.Backend) string {
	all := f.filter && (f.tcx || backend == hook.Clsact)
	none := !f.filter && !f.tcx
	var behind string
	switch {
	case all:
		behind = "all run"
	case none:
		behind = "none runs"
	case f.filter:
		behind = "only filters run"
	default:
		behind = "only TCX programs run"
	}
	if f.arrives {
		return "arrives, " + behind
	}
	return "**gone**, " + behind
}

// onProbe is a program that returns verdict for the probe and TC_ACT_UNSPEC for
// everything else.
func onProbe(verdict int32) *ebpf.CollectionSpec {
	return program(
		asm.LoadMem(asm.R2, asm.R1, 0, asm.Word), // len
		asm.Mov.Imm(asm.R0, -1),
		asm.JNE.Imm(asm.R2, headers+probeBytes, "out"),
		asm.Mov.Imm(asm.R0, verdict),
		asm.Return().WithSymbol("out"),
	)
}

// witness is a program that counts probes and has no opinion on them.
type witness struct {
	prog *ebpf.Program
	seen *ebpf.Map
}

func newWitness(tb testing.TB) witness {
	tb.Helper()
	seen := mustMap(tb, &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	spec := program(
		asm.LoadMem(asm.R2, asm.R1, 0, asm.Word), // len
		asm.JNE.Imm(asm.R2, headers+probeBytes, "out"),
		asm.LoadMapValue(asm.R1, seen.FD(), 0),
		asm.Mov.Imm(asm.R2, 1),
		asm.AddAtomic.Mem(asm.R1, asm.R2, asm.DWord, 0),
		asm.Mov.Imm(asm.R0, -1).WithSymbol("out"),
		asm.Return(),
	)
	return witness{mustLoad(tb, spec), seen}
}

// took returns the number of probes since the last call; an empty witness saw none.
func (w witness) took(tb testing.TB) uint64 {
	tb.Helper()
	if w.seen == nil {
		return 0
	}
	var n uint64
	qt.Assert(tb, qt.IsNil(w.seen.Lookup(uint32(0), &n)))
	qt.Assert(tb, qt.IsNil(w.seen.Put(uint32(0), uint64(0))))
	return n
}

// lane is a veth with a load on one point and witnesses behind it.
type lane struct {
	wire
	load        *dispatch.Load
	index       int
	tcx, filter witness // tcx is empty where the kernel has none
	from, to    *net.UDPConn
}

func newLane(tb testing.TB, backend hook.Backend, point hook.Point, mode dispatch.Mode) *lane {
	tb.Helper()
	l := &lane{wire: newWire(tb), filter: newWitness(tb)}
	ns := l.far
	l.index = l.farIndex
	if point == hook.Egress {
		ns, l.index = l.near, l.nearIndex
	}
	l.load = newLoad(tb, onProbe(unspec), dispatch.LoadOptions{Mode: mode})
	qt.Assert(tb, qt.IsNil(l.load.SetLink(l.index, 1)))
	last := hook.Order{Position: hook.Last}
	attach(tb, ns, backend, hook.Request{Index: l.index, Point: point, Program: l.load.Program()})
	if backend == hook.TCX || hasTCX(tb, ns) {
		l.tcx = newWitness(tb)
		attach(tb, ns, hook.TCX, hook.Request{Index: l.index, Point: point, Program: l.tcx.prog, Order: last})
	}
	attach(tb, ns, hook.Clsact, hook.Request{Index: l.index, Point: point, Program: l.filter.prog, Order: last})
	l.from, l.to = listen(tb, l.near, nearAddr), listen(tb, l.far, farAddr)
	return l
}

func attach(tb testing.TB, ns *netns.NS, backend hook.Backend, req hook.Request) {
	tb.Helper()
	set, err := hook.Open(ns, backend, hook.Options{Owner: hook.Owner{Instance: "test", BootID: "0-1"}})
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(set.Close())) })
	_, errs := set.Attach(tb.Context(), []hook.Request{req})
	qt.Assert(tb, qt.IsNil(errs[0]))
}

func hasTCX(tb testing.TB, ns *netns.NS) bool {
	tb.Helper()
	set, err := hook.Open(ns, hook.TCX, hook.Options{Owner: hook.Owner{Instance: "test", BootID: "0-1"}})
	if errors.Is(err, hook.ErrNotSupported) {
		return false
	}
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(set.Close()))
	return true
}

func listen(tb testing.TB, ns *netns.NS, addr string) *net.UDPConn {
	tb.Helper()
	var conn *net.UDPConn
	err := ns.Do(func() error {
		var err error
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(addr), Port: port})
		return err
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(conn.Close())) })
	qt.Assert(tb, qt.IsNil(conn.SetDeadline(time.Now().Add(3*deadline))))
	return conn
}

// send sends the probe and the fence from one CPU, so that they stay in order.
func (l *lane) send() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its affinity
		var only unix.CPUSet
		only.Set(0)
		err := unix.SchedSetaffinity(0, &only)
		for _, size := range []int{probeBytes, fenceBytes} {
			_, sent := l.from.WriteTo(make([]byte, size), &net.UDPAddr{IP: net.ParseIP(farAddr), Port: port})
			// An egress hook that drops says so to the sender.
			if sent != nil && !errors.Is(sent, unix.ENOBUFS) {
				err = errors.Join(err, sent)
			}
		}
		done <- err
	}()
	return <-done
}

// try puts a program with that verdict into the slot and sends the probe.
func (l *lane) try(tb testing.TB, verdict int32) fate {
	tb.Helper()
	source := newSource(tb, onProbe(verdict), dispatch.SourceOptions{})
	swap, err := l.load.Prepare(source, "prog")
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(dispatch.Commit(swap)))
	qt.Assert(tb, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	before := mustCounters(tb, l.load, l.index)

	qt.Assert(tb, qt.IsNil(l.send()))
	var f fate
	buf := make([]byte, 2*probeBytes)
	for {
		n, err := l.to.Read(buf)
		qt.Assert(tb, qt.IsNil(err))
		if n == fenceBytes {
			break
		}
		f.arrives = true
	}
	counters := mustCounters(tb, l.load, l.index)
	qt.Assert(tb, qt.Equals(counters.Packets-before.Packets, 2))
	qt.Assert(tb, qt.Equals(counters.NotRun, 0))
	f.tcx, f.filter = l.tcx.took(tb) == 1, l.filter.took(tb) == 1
	return f
}

// verdictNames are TC_ACT_UNSPEC (-1) to TC_ACT_TRAP (8) and one that has no name.
func verdictNames() []string {
	return []string{"UNSPEC", "OK", "RECLASSIFY", "SHOT", "PIPE", "STOLEN", "QUEUED", "REPEAT", "REDIRECT", "TRAP", "100"}
}

func verdictOf(i int) int32 {
	if i == len(verdictNames())-1 {
		return 100
	}
	return int32(i - 1)
}

// TestVerdictTable compares what becomes of packets with the tables of
// docs/kernel.md; with BOATHOOK_TEST_UPDATE=1 it writes them.
func TestVerdictTable(t *testing.T) { //nolint:tparallel // its parts write the same file
	t.Parallel()
	for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
		t.Run(backend.String(), func(t *testing.T) {
			compareDocument(t, backend, verdictTable(t, backend))
		})
	}
}

func verdictTable(tb testing.TB, backend hook.Backend) string {
	tb.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "\nProgram on %s:\n\n| verdict | observe | drop | enforce |\n| --- | --- | --- | --- |\n", backend)
	var columns [3][]string
	for i, mode := range []dispatch.Mode{dispatch.Observe, dispatch.Drop, dispatch.Enforce} {
		columns[i] = fates(tb, backend, hook.Ingress, mode)
		// The document has one table for both points.
		qt.Check(tb, qt.DeepEquals(fates(tb, backend, hook.Egress, mode), columns[i]), qt.Commentf("%s %s", backend, mode))
	}
	for i, name := range verdictNames() {
		fmt.Fprintf(&table, "| %s |", name)
		for _, column := range columns {
			fmt.Fprintf(&table, " %s |", column[i])
		}
		table.WriteString("\n")
	}
	return table.String()
}

// fates are those of probes with each verdict, as the document says them.
func fates(tb testing.TB, backend hook.Backend, point hook.Point, mode dispatch.Mode) []string {
	tb.Helper()
	l := newLane(tb, backend, point, mode)
	var column []string
	for i := range verdictNames() {
		f := l.try(tb, verdictOf(i))
		if backend == hook.Clsact {
			qt.Check(tb, qt.Equals(f.tcx, l.tcx.seen != nil), qt.Commentf("TCX programs run before filters"))
			f.tcx = false
		}
		column = append(column, f.cell(backend))
	}
	return column
}

// compareDocument compares text with what stands between the document's markers
// for the backend.
func compareDocument(tb testing.TB, backend hook.Backend, text string) {
	tb.Helper()
	begin := fmt.Sprintf("<!-- verdicts on %s: written by internal/dispatch, TestVerdictTable -->\n", backend)
	end := fmt.Sprintf("\n<!-- end of verdicts on %s -->", backend)
	path := filepath.Join(testutil.ModuleRoot(tb), "docs", "kernel.md")
	document, err := os.ReadFile(path)
	qt.Assert(tb, qt.IsNil(err))
	before, rest, ok := bytes.Cut(document, []byte(begin))
	old, after, ok2 := bytes.Cut(rest, []byte(end))
	qt.Assert(tb, qt.IsTrue(ok && ok2), qt.Commentf("markers of %s", path))
	if os.Getenv(updateVariable) == "1" {
		document = bytes.Join([][]byte{before, []byte(begin), []byte(text), []byte(end), after}, nil)
		qt.Assert(tb, qt.IsNil(os.WriteFile(path, document, 0o644)))
		return
	}
	qt.Check(tb, qt.Equals(text, string(old)), qt.Commentf("%s=1 writes it", updateVariable))
}
