// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// kernelState is what this process holds in the kernel, one line each: programs,
// maps, BPF links, network namespaces, and how many sockets; and what is on the
// links of some namespaces. A test that compares it does not run in parallel.
func kernelState(tb testing.TB, namespaces ...*netns.NS) []string {
	tb.Helper()
	state := heldInKernel(tb)
	for _, ns := range namespaces {
		links, err := linktable.Dump(ns)
		qt.Assert(tb, qt.IsNil(err))
		for _, l := range links {
			entries, err := hook.List(ns, l.Index)
			qt.Assert(tb, qt.IsNil(err))
			for _, e := range entries {
				e.Owner = nil // a pointer; the name says the same
				state = append(state, fmt.Sprintf("%s %s: %+v", ns, l.Name, e))
			}
		}
		for line := range strings.Lines(testutil.Exec(tb, ns, "tc", "qdisc", "show")) {
			state = append(state, fmt.Sprintf("%s: %s", ns, strings.TrimSpace(line)))
		}
	}
	return state
}

func heldInKernel(tb testing.TB) []string {
	tb.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	qt.Assert(tb, qt.IsNil(err))
	var held []string
	sockets := 0
	for _, fd := range fds {
		what, err := os.Readlink(fd)
		if err != nil {
			continue // that of the folder itself
		}
		switch {
		case strings.HasPrefix(what, "net:["):
			held = append(held, what)
		case strings.HasPrefix(what, "socket:["):
			sockets++
		case strings.HasPrefix(what, "anon_inode:bpf"):
			info, err := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
			qt.Assert(tb, qt.IsNil(err))
			held = append(held, bpfIdentity(string(info)))
		}
	}
	slices.Sort(held)
	return append(held, fmt.Sprintf("%d sockets", sockets))
}

// bpfIdentity is the line of fdinfo that tells one program, map or link from another.
func bpfIdentity(info string) string {
	for _, key := range []string{"link_id", "map_id", "prog_id"} { // a link has a prog_id too
		for line := range strings.Lines(info) {
			if strings.HasPrefix(line, key) {
				return strings.Join(strings.Fields(line), " ")
			}
		}
	}
	return "something else of bpf(2)"
}

func TestKernelStateSeesWhatARuntimeHolds(t *testing.T) {
	s := newSite(t)
	// A qdisc of ours would stay on a link this young.
	testutil.Exec(t, s.inside, "tc", "qdisc", "add", "dev", "eth0", "clsact")
	before := kernelState(t, s.host, s.inside)
	rt := newRuntime(t, bothWaysOptions())
	add(t, rt, s.inner("web"))
	qt.Check(t, qt.Not(qt.DeepEquals(kernelState(t, s.host, s.inside), before)))
	qt.Assert(t, qt.IsNil(rt.Close()))
	qt.Check(t, qt.DeepEquals(kernelState(t, s.host, s.inside), before))
}
