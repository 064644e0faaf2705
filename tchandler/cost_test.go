// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
	"github.com/boathook/boathook/tchandler"
)

func TestRow30OneProgramForAllLinks(t *testing.T) {
	t.Parallel()
	h, _ := newHandler(t, ingress, boathook.Options{})
	attach := func() map[ebpf.ProgramID]int {
		p := newPod(t, 2)
		qt.Assert(t, qt.IsNil(h.AttachContainer(p.container(p.inside.String()))))
		qt.Assert(t, qt.IsNil(h.AttachIface(&p.links[0].Interface)))
		programs := map[ebpf.ProgramID]int{}
		for _, a := range attachments(t, h) {
			programs[a.ProgramID]++
		}
		return programs
	}
	attach()
	attach()
	qt.Check(t, qt.HasLen(attach(), 2), qt.Commentf("one for each end of the links"))
	qt.Check(t, qt.HasLen(attachments(t, h), 9))
}

// Not parallel: the file descriptors of all tests are counted.
func TestRow31FileDescriptors(t *testing.T) { //nolint:paralleltest // see above
	pods := []*pod{newPod(t, 1), newPod(t, 1), newPod(t, 1)}
	for backend, each := range map[boathook.Backend]int{boathook.TCX: 2, boathook.Clsact: 1} {
		before := openFiles(t)
		h, err := tchandler.NewHandlerWith(ingress, boathook.Options{Backend: backend})
		testutil.SkipIfNotSupported(t, err)
		qt.Assert(t, qt.IsNil(err))
		idle := openFiles(t)
		qt.Check(t, qt.IsTrue(idle-before < 20), qt.Commentf("%d for a handler", idle-before))
		qt.Assert(t, qt.IsNil(h.AttachContainer(pods[0].container("0"))))
		first := openFiles(t)
		qt.Assert(t, qt.IsNil(h.AttachContainer(pods[1].container("1"))))
		qt.Assert(t, qt.IsNil(h.AttachContainer(pods[2].container("2"))))
		t.Logf("%s: %d for a handler, %d with a container", backend, idle-before, first-before)
		// The container's namespace is held open, and the TCX link.
		qt.Check(t, qt.Equals(openFiles(t)-first, 2*each), qt.Commentf("%s", backend))
		qt.Assert(t, qt.IsNil(h.Close()))
		qt.Check(t, qt.IsTrue(openFiles(t) <= before))
	}
}

func openFiles(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	qt.Assert(tb, qt.IsNil(err))
	return len(entries)
}

func TestRow38SeveralHandlersOnOneLink(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opts boathook.Options) {
		t.Helper()
		p := newPod(t, 1)
		first, one := newHandler(t, ingress, opts)
		second, two := newHandler(t, ingress, opts)
		qt.Assert(t, qt.IsNil(first.AttachContainer(p.container("a"))))
		qt.Assert(t, qt.IsNil(second.AttachContainer(p.container("a"))))
		qt.Check(t, qt.Equals(p.links[0].receive(t, 4), 4))
		qt.Check(t, qt.Equals(one.took(t, p.inside), 4))
		qt.Check(t, qt.Equals(two.took(t, p.inside), 4))
		qt.Assert(t, qt.IsNil(first.DetachContainer(p.container("a"))))
		qt.Check(t, qt.Equals(p.links[0].receive(t, 3), 3))
		qt.Check(t, qt.Equals(two.took(t, p.inside), 3))
	})
}
