// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// mustList returns one line per entry: point, position, backend, program.
func mustList(tb testing.TB, ns *netns.NS, index int) ([]hook.Entry, []string) {
	tb.Helper()
	entries, err := hook.List(ns, index)
	qt.Assert(tb, qt.IsNil(err))
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %d %s %s", e.Point, e.Position, e.Backend, e.ProgramName))
	}
	return entries, lines
}

func TestListInExecutionOrder(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	filters := mustOpen(t, p.near, hook.Clsact, hook.Options{})
	links := mustOpen(t, p.near, hook.TCX, hook.Options{})
	last := hook.Order{Position: hook.Last}
	mustAttach(t, filters,
		hook.Request{Index: p.nearIndex, Program: mustProgram(t, "filter2", unspec)},
		hook.Request{Index: p.nearIndex, Program: mustProgram(t, "filter1", unspec)},
		hook.Request{Index: p.nearIndex, Program: mustProgram(t, "filter4", unspec), Order: last})
	addForeign(t, p.near, hook.Ingress) // priority 49152
	mustAttach(t, links,
		hook.Request{Index: p.nearIndex, Program: mustProgram(t, "link2", unspec)},
		hook.Request{Index: p.nearIndex, Program: mustProgram(t, "link1", unspec)},
		hook.Request{Index: p.nearIndex, Point: hook.Egress, Program: mustProgram(t, "out", unspec)})

	_, lines := mustList(t, p.near, p.nearIndex)

	qt.Assert(t, qt.DeepEquals(lines, []string{
		"ingress 0 tcx link1",
		"ingress 1 tcx link2",
		"ingress 2 clsact filter1",
		"ingress 3 clsact filter2",
		"ingress 4 clsact ",
		"ingress 5 clsact filter4",
		"egress 0 tcx out",
	}))
}

func TestListWithinOnePriorityGivesTheLastAttachedFirst(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
	for _, handle := range []string{"1", "3", "2"} {
		addForeign(t, p.near, hook.Egress, "pref", "1", "handle", handle)
	}

	entries, _ := mustList(t, p.near, p.nearIndex)

	var handles []uint32
	for _, e := range entries {
		handles = append(handles, e.Handle)
	}
	qt.Assert(t, qt.DeepEquals(handles, []uint32{2, 3, 1}))
}

func TestListDescribesFiltersAndPrograms(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	owner := hook.Owner{Instance: "list", BootID: "0-1"}
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{Owner: owner})
	prog := mustProgram(t, "described", unspec)
	mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: prog})
	addForeign(t, p.near, hook.Ingress, "pref", "77", "chain", "5", "protocol", "ip", "handle", "0x9")

	entries, _ := mustList(t, p.near, p.nearIndex)

	info, err := prog.Info()
	qt.Assert(t, qt.IsNil(err))
	loaded, ok := info.LoadTime()
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.HasLen(entries, 2))
	qt.Check(t, qt.DeepEquals(entries[0], hook.Entry{
		Point: hook.Ingress, Backend: hook.ByClsact,
		ProgramID: mustID(t, prog), ProgramName: "described", ProgramTag: info.Tag, LoadTime: loaded,
		Kind: "bpf", Name: "boathook/list/0-1/q=1", Priority: 8, Handle: 0xb0a7, Protocol: unix.ETH_P_ALL,
		Owner: &owner,
	}))
	qt.Check(t, qt.DeepEquals(entries[1], hook.Entry{
		Point: hook.Ingress, Position: 1, Backend: hook.ByClsact,
		Kind: "bpf", Priority: 77, Handle: 9, Protocol: unix.ETH_P_IP, Chain: 5,
	}))
}

func TestListGivesChainZeroFirst(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
	addForeign(t, p.near, hook.Ingress, "chain", "2", "pref", "1")
	addForeign(t, p.near, hook.Ingress, "chain", "0", "pref", "9")

	entries, _ := mustList(t, p.near, p.nearIndex)

	qt.Assert(t, qt.HasLen(entries, 2))
	qt.Check(t, qt.Equals(entries[0].Chain, 0))
	qt.Check(t, qt.Equals(entries[1].Chain, 2))
}

func TestListGivesTheLinkOfATCXProgram(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.TCX, hook.Options{})
	mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "linked", unspec)})

	entries, _ := mustList(t, p.near, p.nearIndex)

	qt.Assert(t, qt.HasLen(entries, 1))
	qt.Check(t, qt.Not(qt.Equals(entries[0].LinkID, 0)))
	qt.Check(t, qt.IsNil(entries[0].Owner))
}

func TestListNamesAnIngressQdisc(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "ingress")
	addForeign(t, p.near, hook.Ingress, "pref", "3")

	entries, lines := mustList(t, p.near, p.nearIndex)

	qt.Check(t, qt.DeepEquals(lines, []string{"ingress 0 ingress ", "ingress 1 ingress "}))
	qt.Check(t, qt.Equals(entries[1].Priority, 3))
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	entries, _ := mustList(t, p.near, p.nearIndex)
	qt.Check(t, qt.HasLen(entries, 0))

	// A qdisc that was there once leaves its place behind in the kernel.
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
	testutil.Exec(t, p.near, "tc", "qdisc", "del", "dev", "near0", "clsact")
	entries, _ = mustList(t, p.near, p.nearIndex)
	qt.Check(t, qt.HasLen(entries, 0))
}

func TestListOfALinkThatDoesNotExist(t *testing.T) {
	t.Parallel()
	_, err := hook.List(testutil.Netns(t), 4242)
	qt.Check(t, qt.ErrorIs(err, unix.ENODEV))
	qt.Check(t, qt.ErrorMatches(err, `list programs of ifindex 4242 in netns \d+: .*`))
}

func TestListOfManyLinksIsThatOfEach(t *testing.T) {
	t.Parallel()
	ns, indexes := mustLinks(t, 2)
	filters := mustOpen(t, ns, hook.Clsact, hook.Options{})
	links := mustOpen(t, ns, hook.TCX, hook.Options{})
	prog := mustProgram(t, "many", unspec)
	for _, set := range []*hook.Set{filters, links} {
		mustAttach(t, set, hook.Request{Index: indexes[0], Program: prog})
	}
	mustAttach(t, filters, hook.Request{Index: indexes[2], Point: hook.Egress, Program: prog})
	testutil.Exec(t, ns, "tc", "qdisc", "add", "dev", "v103", "ingress")

	lists, errs := hook.ListLinks(ns, []int{indexes[0], 4242, indexes[1], indexes[2], indexes[3], indexes[0]})

	qt.Assert(t, qt.HasLen(lists, 6))
	qt.Check(t, qt.ErrorIs(errs[1], unix.ENODEV))
	qt.Check(t, qt.ErrorMatches(errs[1], `list programs of ifindex 4242 in netns \d+: .*`))
	qt.Check(t, qt.HasLen(lists[1], 0))
	for list, index := range map[int]int{0: indexes[0], 2: indexes[1], 3: indexes[2], 4: indexes[3], 5: indexes[0]} {
		want, _ := mustList(t, ns, index)
		qt.Check(t, qt.IsNil(errs[list]))
		qt.Check(t, qt.DeepEquals(lists[list], want))
	}
	qt.Check(t, qt.HasLen(lists[0], 2))
	qt.Check(t, qt.HasLen(lists[2], 0))
	qt.Check(t, qt.Equals(lists[4][0].Backend, hook.ByIngress))
}

func TestListInAClosedNamespace(t *testing.T) {
	t.Parallel()
	ns, err := netns.New()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(ns.Close()))
	_, errs := hook.ListLinks(ns, []int{1, 2})
	qt.Check(t, qt.ErrorIs(errs[0], os.ErrClosed))
	qt.Check(t, qt.ErrorIs(errs[1], os.ErrClosed))
}
