// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
)

// sending makes a program that sends 1 KiB through a ring buffer of 4 KiB, which
// it does not count when that is full.
func sending() *ebpf.CollectionSpec {
	spec := program(
		asm.LoadMapPtr(asm.R1, 0).WithReference("events"),
		asm.Mov.Imm(asm.R2, 1024), asm.Mov.Imm(asm.R3, 0),
		asm.FnRingbufReserve.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R2, 0),
		asm.FnRingbufSubmit.Call(),
		asm.Mov.Imm(asm.R0, -1).WithSymbol("out"), asm.Return(),
	)
	spec.Maps["events"] = &ebpf.MapSpec{Name: "events", Type: ebpf.RingBuf, MaxEntries: 4096}
	return spec
}

func TestARingThatWasFullIsTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var events, full int
	blocked := make(chan struct{})
	load := newLoad(t, sending(), dispatch.LoadOptions{Sink: func(e dispatch.Event) {
		<-blocked
		mu.Lock()
		defer mu.Unlock()
		if e.Data != nil {
			events++
		}
		if e.Full {
			full++
		}
	}})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	for range 8 {
		run(t, load)
	}
	close(blocked)
	qt.Assert(t, qt.IsNil(load.Close()))
	qt.Check(t, qt.Equals(full, 1))
	qt.Check(t, qt.IsTrue(events < 8))
}
