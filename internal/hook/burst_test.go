// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

const expedited = "/sys/kernel/rcu_expedited"

// mustLinks makes a namespace with pairs of veths and returns their indexes.
func mustLinks(tb testing.TB, pairs int) (*netns.NS, []int) {
	tb.Helper()
	ns := testutil.Netns(tb)
	var batch strings.Builder
	var indexes []int
	for i := range pairs {
		a, b := 100+2*i, 101+2*i
		fmt.Fprintf(&batch, "link add v%d index %d type veth peer name v%d index %d\n", a, a, b, b)
		indexes = append(indexes, a, b)
	}
	_, err := testutil.ExecInput(ns, batch.String(), "ip", "-batch", "-")
	qt.Assert(tb, qt.IsNil(err))
	return ns, indexes
}

func TestBurst(t *testing.T) {
	t.Parallel()
	guardSetting(t)
	for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
		t.Run(backend.String(), func(t *testing.T) {
			t.Parallel()
			const pairs = 40 // with both points more than fit into two sends
			ns, indexes := mustLinks(t, pairs)
			prog := mustProgram(t, "burst", unspec)
			set := mustOpen(t, ns, backend, hook.Options{
				Expedite: hook.NewWindow(), LinkAge: old,
			})
			reqs := []hook.Request{{Index: 99, Program: prog}}
			for _, index := range indexes {
				reqs = append(reqs,
					hook.Request{Index: index, Point: hook.Ingress, Program: prog},
					hook.Request{Index: index, Point: hook.Egress, Program: prog})
			}

			start := time.Now()
			hooks, errs := set.Attach(t.Context(), reqs)
			t.Logf("attached %d in %v", len(reqs), time.Since(start))

			qt.Check(t, qt.ErrorIs(errs[0], unix.ENODEV))
			for i := 1; i < len(reqs); i++ {
				qt.Assert(t, qt.IsNil(errs[i]))
				qt.Assert(t, qt.IsFalse(hooks[i].Gone()))
			}
			qt.Check(t, qt.DeepEquals(set.Gone(hooks[1:]), make([]bool, len(hooks)-1)))
			for _, index := range indexes {
				_, lines := mustList(t, ns, index)
				qt.Assert(t, qt.DeepEquals(lines, []string{
					fmt.Sprintf("ingress 0 %s burst", backend), fmt.Sprintf("egress 0 %s burst", backend),
				}))
			}
			start = time.Now()
			qt.Assert(t, qt.IsNil(set.Close()))
			t.Logf("detached %d in %v", len(reqs), time.Since(start))
			for _, index := range indexes {
				_, lines := mustList(t, ns, index)
				qt.Assert(t, qt.HasLen(lines, 0))
			}
			qt.Check(t, qt.IsFalse(strings.Contains(testutil.Exec(t, ns, "tc", "qdisc", "show"), "clsact")))
		})
	}
}

func TestGoneOfManySaysWhichLinksVanished(t *testing.T) {
	t.Parallel()
	for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
		t.Run(backend.String(), func(t *testing.T) {
			t.Parallel()
			ns, indexes := mustLinks(t, 2)
			set := mustOpen(t, ns, backend, hook.Options{})
			prog := mustProgram(t, "some", unspec)
			var reqs []hook.Request
			for _, index := range indexes {
				reqs = append(reqs, hook.Request{Index: index, Program: prog})
			}
			hooks := mustAttach(t, set, reqs...)
			testutil.Exec(t, ns, "ip", "link", "del", "v100") // and its peer
			qt.Check(t, qt.DeepEquals(set.Gone(hooks), []bool{true, true, false, false}))
		})
	}
}

func TestWindowOnTheHostRestoresItsSetting(t *testing.T) {
	t.Parallel()
	guardSetting(t)
	opened := ""
	err := hook.NewWindow().Do(100, func() error {
		raw, err := os.ReadFile(expedited)
		opened = strings.TrimSpace(string(raw))
		return err
	})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(opened, "45223"))
}

// guardSetting sees to it that the host's setting is the same after the test
// as before, even if what is tested does not.
func guardSetting(tb testing.TB) {
	tb.Helper()
	before := readSetting(tb, "")
	tb.Cleanup(func() {
		qt.Check(tb, qt.Equals(readSetting(tb, before), before))
	})
}

// readSetting returns the host's setting at a moment when no window is open,
// and then sets it to value if it is something else.
func readSetting(tb testing.TB, value string) string {
	tb.Helper()
	f, err := os.OpenFile(expedited, os.O_RDWR, 0)
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	defer func() { qt.Check(tb, qt.IsNil(f.Close())) }()
	testutil.Eventually(tb, 10*time.Second, func() bool {
		return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	}, "no window open")
	raw, err := os.ReadFile(expedited)
	qt.Assert(tb, qt.IsNil(err))
	got := strings.TrimSpace(string(raw))
	if value != "" && got != value {
		_, err = f.WriteString(value)
		qt.Check(tb, qt.IsNil(err))
	}
	return got
}
