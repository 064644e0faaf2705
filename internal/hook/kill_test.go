// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// childVariable makes the test binary a child that attaches to the link with
// this index and then waits for its end.
const childVariable = "BOATHOOK_TEST_ATTACH_INDEX"

// windowVariable makes it a child that waits for its end inside a window.
const windowVariable = "BOATHOOK_TEST_STAY_IN_WINDOW"

func TestMain(m *testing.M) {
	if index := os.Getenv(childVariable); index != "" {
		if err := attachAndWait(index); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1) //nolint:forbidigo // a child is a main of its own
		}
		return
	}
	if os.Getenv(windowVariable) != "" {
		stayInWindow()
		return
	}
	testutil.Main(m)
}

// attachAndWait drops everything with TCX and watches with clsact, in the
// namespace that was inherited as file 3.
func attachAndWait(index string) error {
	ns, err := netns.OpenPath("/proc/self/fd/3")
	if err != nil {
		return err
	}
	reqs := make([]hook.Request, 1)
	if _, err := fmt.Sscan(index, &reqs[0].Index); err != nil {
		return err
	}
	for backend, verdict := range map[hook.Backend]int32{hook.TCX: shot, hook.Clsact: unspec} {
		reqs[0].Program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
			Type:         ebpf.SchedCLS,
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()},
			License:      "Apache-2.0",
		})
		if err != nil {
			return err
		}
		set, err := hook.Open(ns, backend, hook.Options{Owner: hook.Owner{Instance: "child", BootID: "0-1"}})
		if err != nil {
			return err
		}
		if _, errs := set.Attach(context.Background(), reqs); errs[0] != nil {
			return errs[0]
		}
	}
	return waitForEnd()
}

// stayInWindow tries more than once: a burst of other tests may keep the lock for
// longer than a window waits.
func stayInWindow() {
	for range 20 {
		err := hook.NewWindow().Do(100, func() error {
			if raw, err := os.ReadFile(expedited); err != nil || strings.TrimSpace(string(raw)) == "0" {
				return err
			}
			return waitForEnd()
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func waitForEnd() error {
	fmt.Fprintln(os.Stdout, "ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, errors.New("was not killed"))
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	mustOpen(t, p.near, hook.TCX, hook.Options{}) // or skip, before the child fails
	child := testutil.Child(t, fmt.Sprintf("%s=%d", childVariable, p.nearIndex), p.near)
	entries, err := hook.List(p.near, p.nearIndex)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(entries, 2))
	qt.Check(t, qt.IsFalse(p.pings()))

	qt.Assert(t, qt.IsNil(child.Process.Kill()))
	qt.Check(t, qt.ErrorMatches(child.Wait(), "signal: killed"))

	// The kernel takes the links off when it gets to the dead process's files.
	testutil.Eventually(t, 10*time.Second, func() bool {
		entries, err = hook.List(p.near, p.nearIndex)
		return err == nil && len(entries) == 1
	}, "only the filter left")
	qt.Check(t, qt.IsTrue(p.pings()))
	qt.Check(t, qt.Equals(entries[0].Backend, hook.ByClsact))
	qt.Assert(t, qt.IsNotNil(entries[0].Owner))
	qt.Check(t, qt.Equals(entries[0].Owner.Instance, "child"))
}

func TestRepairAfterAKillInsideTheWindow(t *testing.T) {
	t.Parallel()
	guardSetting(t)
	child := testutil.Child(t, windowVariable+"=1", testutil.Netns(t))
	qt.Check(t, qt.IsNil(hook.Repair())) // it lives: nothing to repair
	raw, err := os.ReadFile(expedited)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(strings.TrimSpace(string(raw)), "45223"))

	qt.Assert(t, qt.IsNil(child.Process.Kill()))
	qt.Check(t, qt.ErrorMatches(child.Wait(), "signal: killed"))
	qt.Assert(t, qt.IsNil(hook.Repair()))
	qt.Check(t, qt.Equals(readSetting(t, ""), "0"))
}
