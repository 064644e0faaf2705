// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

const (
	// settled is what the kernel's memory may change between two looks once nothing
	// that was freed is still to come back.
	settled = 64 << 10
	// settleTimeout bounds the wait for that; other processes use memory as well.
	settleTimeout = 5 * time.Second
)

// memory is what the kernel and this process hold.
type memory struct {
	// kernel is in bytes: what the kernel has in slabs, in vmalloc (programs are there,
	// and large maps) and for each CPU.
	kernel float64
	// resident is in bytes.
	resident float64
	files    float64
}

func (m memory) less(o memory) memory {
	return memory{m.kernel - o.kernel, m.resident - o.resident, m.files - o.files}
}

// each is the part of one of n.
func (m memory) each(n int) memory {
	return memory{m.kernel / float64(n), m.resident / float64(n), m.files / float64(n)}
}

// holding waits until the kernel has freed what it frees later.
func holding(tb testing.TB) memory {
	tb.Helper()
	debug.FreeOSMemory()
	last := kernelMemory(tb)
	looks := 0
	testutil.Poll(settleTimeout, func() bool {
		// A look is made every 5 ms: compare every tenth with the one before.
		if looks++; looks%10 != 0 {
			return false
		}
		before := last
		last = kernelMemory(tb)
		return last-before < settled && before-last < settled
	})
	files, err := os.ReadDir("/proc/self/fd")
	qt.Assert(tb, qt.IsNil(err))
	return memory{kernel: last, resident: residentMemory(tb, "self"), files: float64(len(files))}
}

func kernelMemory(tb testing.TB) float64 {
	tb.Helper()
	return sumOf(tb, "/proc/meminfo", "Slab:", "VmallocUsed:", "Percpu:")
}

func residentMemory(tb testing.TB, pid string) float64 {
	tb.Helper()
	return sumOf(tb, "/proc/"+pid+"/status", "VmRSS:")
}

// sumOf adds up lines of a file of proc, in bytes.
func sumOf(tb testing.TB, path string, lines ...string) float64 {
	tb.Helper()
	text, err := os.ReadFile(path)
	qt.Assert(tb, qt.IsNil(err))
	var total float64
	found := 0
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		for _, line := range lines {
			rest, ok := strings.CutPrefix(scan.Text(), line)
			if !ok {
				continue
			}
			var kilobytes float64
			_, err := fmt.Sscan(rest, &kilobytes)
			qt.Assert(tb, qt.IsNil(err))
			total += kilobytes * 1024
			found++
		}
	}
	qt.Assert(tb, qt.Equals(found, len(lines)), qt.Commentf("%s lacks a line", path))
	return total
}
