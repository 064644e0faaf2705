// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

const (
	unspec = -1
	shot   = 2
)

// ownerVariable makes the test binary a child that attaches to the link with
// this index, in the namespace that it inherits as file 3, and waits for its end.
const ownerVariable = "BOATHOOK_TEST_OWNER_INDEX"

// emptied is a load whose slot was emptied, as the kernel does when its owner is gone.
func emptied(tb testing.TB, verdict int32, mode dispatch.Mode) *dispatch.Load {
	tb.Helper()
	load := newLoad(tb, returning(verdict), dispatch.LoadOptions{Mode: mode})
	slot := mapOf(tb, load.Program(), ebpf.ProgramArray)
	qt.Assert(tb, qt.IsNil(slot.Delete(uint32(0))))
	return load
}

// mapOf finds the only map of that type which prog uses.
func mapOf(tb testing.TB, prog *ebpf.Program, kind ebpf.MapType) *ebpf.Map {
	tb.Helper()
	info, err := prog.Info()
	qt.Assert(tb, qt.IsNil(err))
	ids, ok := info.MapIDs()
	qt.Assert(tb, qt.IsTrue(ok))
	for _, id := range ids {
		m, err := ebpf.NewMapFromID(id)
		qt.Assert(tb, qt.IsNil(err))
		if m.Type() == kind {
			tb.Cleanup(func() { qt.Check(tb, qt.IsNil(m.Close())) })
			return m
		}
		qt.Assert(tb, qt.IsNil(m.Close()))
	}
	tb.Fatalf("no map of type %s", kind)
	return nil
}

func TestEmptySlotLetsEverythingPass(t *testing.T) {
	t.Parallel()
	for _, mode := range []dispatch.Mode{dispatch.Observe, dispatch.Drop, dispatch.Enforce} {
		for _, verdict := range []int32{unspec, shot} { // without a return and with one
			t.Run(fmt.Sprintf("%s/%d", mode, verdict), func(t *testing.T) {
				t.Parallel()
				load := emptied(t, verdict, mode)
				qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
				qt.Check(t, qt.Equals(run(t, load), unspec))

				counters, err := load.Counters(loopback)
				qt.Assert(t, qt.IsNil(err))
				qt.Check(t, qt.Equals(counters, dispatch.Counters{Packets: 1, Bytes: 64, Segments: 1, NotRun: 1}))
			})
		}
	}
}

func TestClosedLoadLetsEverythingPass(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(shot), dispatch.LoadOptions{Mode: dispatch.Enforce})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
	onHook, err := load.Program().Clone()
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(onHook.Close())) })
	qt.Check(t, qt.Equals(run(t, load), shot))

	qt.Assert(t, qt.IsNil(load.Close()))
	qt.Assert(t, qt.IsNil(load.Close()))
	verdict := -2
	// The kernel empties the array from a worker of its own.
	testutil.Eventually(t, deadline, func() bool {
		got, err := onHook.Run(&ebpf.RunOptions{Data: make([]byte, 64)})
		verdict = int(int32(got))
		return err == nil && verdict == unspec
	}, "the packet passes")
}

// attachAndWait is the child: it drops everything behind a clsact filter.
func attachAndWait(index string) error {
	ns, err := netns.OpenPath("/proc/self/fd/3")
	if err != nil {
		return err
	}
	var ifindex int
	if _, err := fmt.Sscan(index, &ifindex); err != nil {
		return err
	}
	source, err := dispatch.NewSource(returning(shot), []string{"prog"}, dispatch.SourceOptions{})
	if err != nil {
		return err
	}
	load, err := dispatch.NewLoad(source, "prog", dispatch.LoadOptions{Mode: dispatch.Enforce})
	if err != nil {
		return err
	}
	if err := load.SetLink(ifindex, ns.Inode()); err != nil {
		return err
	}
	set, err := hook.Open(ns, hook.Clsact, hook.Options{Owner: hook.Owner{Instance: "child", BootID: "0-1"}})
	if err != nil {
		return err
	}
	_, errs := set.Attach(context.Background(), []hook.Request{{Index: ifindex, Point: hook.Ingress, Program: load.Program()}})
	if errs[0] != nil {
		return errs[0]
	}
	fmt.Fprintln(os.Stdout, "ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, errors.New("was not killed"), load.Close(), source.Close())
}

func TestFilterOfKilledOwnerLetsEverythingPass(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	child := testutil.Child(t, fmt.Sprintf("%s=%d", ownerVariable, w.farIndex), w.far)
	qt.Check(t, qt.IsFalse(w.pings()))

	qt.Assert(t, qt.IsNil(child.Process.Kill()))
	qt.Check(t, qt.ErrorMatches(child.Wait(), "signal: killed"))

	testutil.Eventually(t, deadline, w.pings, "packets pass")
	entries, err := hook.List(w.far, w.farIndex)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(entries, 1), qt.Commentf("the filter stays"))
	qt.Check(t, qt.Equals(entries[0].Owner.Instance, "child"))
}
