// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

const (
	// senders is from how many containers packets come.
	senders = 16
	// numbers is how many packets can be told apart.
	numbers = 1 << 22
	// arrival bounds the wait for packets that were sent.
	arrival = 5 * time.Second
)

// traffic sends numbered packets from containers until it is ended.
type traffic struct {
	stop  atomic.Bool
	sent  chan int
	files []int
}

func (h *host) newTraffic(tb testing.TB) *traffic {
	tb.Helper()
	t := &traffic{sent: make(chan int)}
	for _, c := range h.containers[:senders] {
		index := testutil.Index(tb, c, "eth0")
		qt.Assert(tb, qt.IsNil(c.Do(func() error {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.files = append(t.files, fd)
			return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index})
		})))
	}
	go t.run()
	return t
}

func (t *traffic) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	frame := make([]byte, 64)
	// An EtherType for local experiments (IEEE 802), which nobody receives.
	frame[12], frame[13] = 0x88, 0xb5
	n := 0
	for n < numbers && !t.stop.Load() {
		binary.NativeEndian.PutUint32(frame[14:], uint32(n))
		if _, err := unix.Write(t.files[n%len(t.files)], frame); err != nil {
			break
		}
		n++
	}
	t.sent <- n
}

// end returns how many packets were sent.
func (t *traffic) end(tb testing.TB) int {
	tb.Helper()
	t.stop.Store(true)
	sent := <-t.sent
	for _, fd := range t.files {
		qt.Check(tb, qt.IsNil(unix.Close(fd)))
	}
	qt.Assert(tb, qt.IsTrue(sent > 0))
	return sent
}

// marking is a program that adds one to the number of each packet in the map
// "seen".
func marking() *ebpf.CollectionSpec {
	const header = 14 // Ethernet; the number is behind it
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{"seen": {Name: "seen", Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: numbers}},
		Programs: map[string]*ebpf.ProgramSpec{"prog": programSpec(asm.Instructions{
			asm.Mov.Imm(asm.R2, header),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, -4),
			asm.Mov.Imm(asm.R4, 4),
			asm.FnSkbLoadBytes.Call(),
			asm.JNE.Imm(asm.R0, 0, "out"),
			asm.LoadMapPtr(asm.R1, 0).WithReference("seen"),
			asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.Mov.Imm(asm.R1, 1),
			asm.AddAtomic.Mem(asm.R0, asm.R1, asm.Word, 0),
			asm.Mov.Imm(asm.R0, -1).WithSymbol("out"), asm.Return(),
		})},
	}
}

// account says how many of the packets numbered from 0 no program has seen, and
// how many more than one.
func account(tb testing.TB, seen *ebpf.Map, sent int) (missed, twice float64) {
	tb.Helper()
	var counts []uint32
	look := func() bool {
		counts = make([]uint32, numbers)
		keys := make([]uint32, numbers)
		var cursor ebpf.MapBatchCursor
		n, err := seen.BatchLookup(&cursor, keys, counts, nil)
		qt.Assert(tb, qt.IsTrue(err == nil || n == numbers), qt.Commentf("%v", err))
		missed, twice = 0, 0
		for _, count := range counts[:sent] {
			switch {
			case count == 0:
				missed++
			case count > 1:
				twice++
			}
		}
		return missed == 0
	}
	testutil.Poll(arrival, look)
	return missed, twice
}
