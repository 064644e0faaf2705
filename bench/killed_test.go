// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// killTimeout is how long the hooks of a killed process may stay.
const killTimeout = time.Minute

// benchmarkKilled is how long the hooks of a killed process stay. What the
// predecessor leaves stays for ever, so there is nothing to compare with.
func (h *host) benchmarkKilled(b *testing.B) {
	var role strings.Builder
	fmt.Fprintf(&role, "%s=%s", roleVariable, attacherRole)
	for _, c := range h.containers {
		fmt.Fprintf(&role, " %d", c.Fd())
	}
	child := testutil.Child(b, role.String(), h.ns)
	indexes := make([]int, len(h.containers))
	for i, c := range h.containers {
		indexes[i] = testutil.Index(b, h.ns, testutil.HostLink(c))
		qt.Assert(b, qt.IsTrue(hooked(b, indexes[i])))
	}
	gone := took(func() {
		qt.Assert(b, qt.IsNil(child.Process.Kill()))
		left := indexes
		testutil.Eventually(b, killTimeout, func() bool {
			for len(left) > 0 && !hooked(b, left[0]) {
				left = left[1:]
			}
			return len(left) == 0
		}, "the hooks are gone")
	})
	_ = child.Wait() // it was killed
	report(b, figure{
		name: fmt.Sprintf("exit after SIGKILL with %d attached, TCX", len(h.containers)), unit: duration,
		ours: gone, baseline: none,
	})
}

// hooked says whether a TCX program is on a link of the host.
func hooked(tb testing.TB, index int) bool {
	tb.Helper()
	for _, point := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
		result, err := link.QueryPrograms(link.QueryOptions{Target: index, Attach: point})
		qt.Assert(tb, qt.IsNil(err))
		if len(result.Programs) > 0 {
			return true
		}
	}
	return false
}
