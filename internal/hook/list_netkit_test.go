// SPDX-License-Identifier: Apache-2.0

//go:build vm

package hook_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/testutil"
)

// Many kernels are built without netkit, so that this runs only where a kernel
// is chosen: in a virtual machine, from Linux 6.7 on.
func TestListGivesBothProgramsOfANetkit(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	testutil.Exec(t, ns, "ip", "link", "add", "name", "near0", "type", "netkit")
	index := testutil.Index(t, ns, "near0")
	set := mustOpen(t, ns, hook.TCX, hook.Options{})
	for name, attach := range map[string]ebpf.AttachType{
		"primary": ebpf.AttachNetkitPrimary, "peer": ebpf.AttachNetkitPeer,
	} {
		prog := mustProgram(t, name, unspec)
		var l link.Link
		err := ns.Do(func() (err error) {
			l, err = link.AttachNetkit(link.NetkitOptions{Interface: index, Program: prog, Attach: attach})
			return err
		})
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { qt.Check(t, qt.IsNil(l.Close())) })
	}
	tcx := mustProgram(t, "tcx", unspec)
	mustAttach(t, set,
		hook.Request{Index: index, Point: hook.Ingress, Program: tcx},
		hook.Request{Index: index, Point: hook.Egress, Program: tcx})

	_, lines := mustList(t, ns, index)

	qt.Assert(t, qt.DeepEquals(lines, []string{
		"ingress 0 netkit peer", "ingress 1 tcx tcx",
		"egress 0 tcx tcx", "egress 1 netkit primary",
	}))
}
