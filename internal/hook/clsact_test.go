// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// old makes every link look old enough for its qdisc to be removed.
func old(int) time.Duration { return time.Hour }

func young(int) time.Duration { return 9 * time.Second }

// qdiscs returns what tc(8) says about the qdisc in the ingress slot of near0.
func qdiscs(tb testing.TB, ns *netns.NS) string {
	tb.Helper()
	var lines []string
	for line := range strings.Lines(testutil.Exec(tb, ns, "tc", "qdisc", "show", "dev", "near0")) {
		if strings.Contains(line, "clsact") || strings.Contains(line, "qdisc ingress") {
			lines = append(lines, strings.Join(strings.Fields(line)[1:3], " "))
		}
	}
	return strings.Join(lines, ",")
}

// filters returns what tc(8) says about the filters on one point of near0.
func filters(tb testing.TB, ns *netns.NS, point hook.Point) string {
	tb.Helper()
	return testutil.Exec(tb, ns, "tc", "filter", "show", "dev", "near0", point.String())
}

func TestClsactRunsOnItsPointUntilDetached(t *testing.T) {
	t.Parallel()
	for _, point := range []hook.Point{hook.Ingress, hook.Egress} {
		t.Run(point.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
			drop := mustProgram(t, "drop", shot)

			hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Point: point, Program: drop})

			qt.Check(t, qt.Equals(hooks[0].Program(), mustID(t, drop)))
			qt.Check(t, qt.IsFalse(hooks[0].Gone()))
			qt.Check(t, qt.IsFalse(p.pings()))
			out := filters(t, p.near, point)
			qt.Check(t, qt.StringContains(out, "boathook/test/0-1/q=1 direct-action"))
			qt.Check(t, qt.StringContains(out, fmt.Sprintf(" id %d ", mustID(t, drop))))
			qt.Check(t, qt.StringContains(out, "protocol all pref 8 bpf chain 0"))

			qt.Assert(t, qt.IsNil(set.Detach(hooks)))
			qt.Check(t, qt.IsTrue(hooks[0].Gone()))
			qt.Check(t, qt.IsTrue(p.pings()))
			qt.Check(t, qt.Equals(qdiscs(t, p.near), ""))
		})
	}
}

func TestClsactQdiscStaysForTheSecondPoint(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	prog := mustProgram(t, "both", unspec)
	in := mustAttach(t, set, hook.Request{Index: p.nearIndex, Point: hook.Ingress, Program: prog})
	out := mustAttach(t, set, hook.Request{Index: p.nearIndex, Point: hook.Egress, Program: prog})

	qt.Assert(t, qt.IsNil(set.Detach(in)))
	qt.Check(t, qt.Equals(qdiscs(t, p.near), "clsact ffff:"))
	qt.Check(t, qt.IsFalse(out[0].Gone()))

	qt.Assert(t, qt.IsNil(set.Detach(out)))
	qt.Check(t, qt.Equals(qdiscs(t, p.near), ""))
}

func TestClsactQdiscOfOthersStays(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "guest", unspec)})
	qt.Check(t, qt.StringContains(filters(t, p.near, hook.Ingress), "/q=0"))

	qt.Assert(t, qt.IsNil(set.Detach(hooks)))

	qt.Check(t, qt.Equals(qdiscs(t, p.near), "clsact ffff:"))
	qt.Check(t, qt.Equals(filters(t, p.near, hook.Ingress), ""))
}

func TestClsactQdiscWithForeignFilterStays(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "host", unspec)})
	addForeign(t, p.near, hook.Egress)

	qt.Assert(t, qt.IsNil(set.Detach(hooks)))

	qt.Check(t, qt.StringContains(filters(t, p.near, hook.Egress), "bytecode"))
}

func TestClsactQdiscOfAYoungLinkStays(t *testing.T) {
	t.Parallel()
	for name, age := range map[string]func(int) time.Duration{"young": young, "unknown": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: age})
			hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "young", unspec)})

			qt.Assert(t, qt.IsNil(set.Detach(hooks)))

			qt.Check(t, qt.Equals(qdiscs(t, p.near), "clsact ffff:"))
			qt.Check(t, qt.Equals(filters(t, p.near, hook.Ingress), ""))
		})
	}
}

func TestClsactIngressQdiscIsInTheWay(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "ingress")
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})

	_, errs := set.Attach(t.Context(), []hook.Request{{Index: p.nearIndex, Point: hook.Egress, Program: mustProgram(t, "way", unspec)}})

	qt.Check(t, qt.ErrorIs(errs[0], hook.ErrIngressQdisc))
	qt.Check(t, qt.Equals(qdiscs(t, p.near), "ingress ffff:"))
	qt.Check(t, qt.Equals(filters(t, p.near, hook.Ingress), ""))
}

// addForeign adds a filter to near0 that never matches, as others would, with a
// priority given or chosen by the kernel.
func addForeign(tb testing.TB, ns *netns.NS, point hook.Point, args ...string) {
	tb.Helper()
	args = append([]string{"filter", "add", "dev", "near0", point.String()}, args...)
	testutil.Exec(tb, ns, "tc", append(args, "bpf", "bytecode", "1,6 0 0 0")...)
}

func TestClsactOrderAmongForeignFilters(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		foreign []string // priorities
		order   hook.Order
		want    string // ours
	}{
		"first on an empty point": {nil, hook.Order{}, "8"},
		"last on an empty point":  {nil, hook.Order{Position: hook.Last}, "61440"},
		"first, others high":      {[]string{"49152"}, hook.Order{}, "8"},
		"first, others low":       {[]string{"3", "5"}, hook.Order{}, "2"},
		"first, others at 1":      {[]string{"1", "2"}, hook.Order{}, "3"},
		"last, others low":        {[]string{"1"}, hook.Order{Position: hook.Last}, "61440"},
		"last, others high":       {[]string{"65000"}, hook.Order{Position: hook.Last}, "65001"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
			for _, pref := range test.foreign {
				addForeign(t, p.near, hook.Ingress, "pref", pref)
			}
			before := filters(t, p.near, hook.Ingress)
			set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})

			hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "order", unspec), Order: test.order})

			qt.Check(t, qt.StringContains(filters(t, p.near, hook.Ingress), "pref "+test.want+" bpf"))
			qt.Check(t, qt.IsNil(set.Detach(hooks)))
			qt.Check(t, qt.Equals(filters(t, p.near, hook.Ingress), before))
		})
	}
}

func TestClsactOrderAroundAProgram(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	middle := mustProgram(t, "middle", unspec)
	prog := mustProgram(t, "around", unspec)
	id := mustID(t, middle)
	mustAttach(t, set,
		hook.Request{Index: p.nearIndex, Program: middle},
		hook.Request{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.Before, Program: id}},
		hook.Request{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.After, Program: id}},
		hook.Request{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.After, Program: id}})
	out := filters(t, p.near, hook.Ingress)
	for pref, want := range map[int]ebpf.ProgramID{7: mustID(t, prog), 8: id, 9: mustID(t, prog), 10: mustID(t, prog)} {
		qt.Check(t, qt.Matches(out, fmt.Sprintf(`(?s).*pref %d bpf [^\n]*handle 0xb0a7[^\n]* id %d .*`, pref, want)))
	}
}

func TestClsactOrderThatCannotBe(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")
	addForeign(t, p.near, hook.Ingress, "pref", "65535")
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	prog := mustProgram(t, "cannot", unspec)

	_, errs := set.Attach(t.Context(), []hook.Request{
		{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.Last}},
		{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.Before, Program: mustID(t, prog)}},
		{Index: p.nearIndex, Program: prog, Order: hook.Order{Position: hook.After}},
	})

	for _, err := range errs {
		qt.Check(t, qt.ErrorIs(err, hook.ErrOrder))
	}
	qt.Check(t, qt.IsFalse(strings.Contains(filters(t, p.near, hook.Ingress), "boathook")))
}

func TestClsactDetachLeavesWhatReplacedOurs(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "replaced", unspec)})
	theirs := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old, Owner: hook.Owner{Instance: "theirs", BootID: "0-1"}})
	testutil.Exec(t, p.near, "tc", "filter", "del", "dev", "near0", "ingress", "pref", "8")
	mustAttach(t, theirs, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "theirs", unspec)})

	qt.Check(t, qt.IsTrue(hooks[0].Gone()))
	qt.Assert(t, qt.IsNil(set.Detach(hooks)))

	qt.Check(t, qt.StringContains(filters(t, p.near, hook.Ingress), "boathook/theirs/0-1/q=0"))
}

func TestClsactDetachAfterTheQdiscWent(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "bare", unspec)})
	testutil.Exec(t, p.near, "tc", "qdisc", "del", "dev", "near0", "clsact")

	qt.Check(t, qt.IsTrue(hooks[0].Gone()))
	qt.Assert(t, qt.IsNil(set.Detach(hooks)))
}

func TestClsactDetachAfterTheQdiscWasMadeAnew(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "anew", unspec)})
	testutil.Exec(t, p.near, "tc", "qdisc", "del", "dev", "near0", "clsact")
	testutil.Exec(t, p.near, "tc", "qdisc", "add", "dev", "near0", "clsact")

	qt.Assert(t, qt.IsNil(set.Detach(hooks)))

	qt.Check(t, qt.Equals(qdiscs(t, p.near), "clsact ffff:"))
}

func TestClsactOfAVanishedLinkIsGoneAndDetaches(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	hooks := mustAttach(t, set, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "gone", unspec)})
	testutil.Exec(t, p.near, "ip", "link", "del", "near0")

	qt.Check(t, qt.IsTrue(hooks[0].Gone()))
	qt.Assert(t, qt.IsNil(set.Detach(hooks)))
}

func TestClsactBadRequestsFailAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})
	prog := mustProgram(t, "mixed", unspec)

	hooks, errs := set.Attach(t.Context(), []hook.Request{
		{Index: 4242, Program: prog},
		{Index: p.nearIndex, Program: prog},
	})

	qt.Check(t, qt.ErrorIs(errs[0], unix.ENODEV))
	qt.Check(t, qt.IsNil(hooks[0]))
	qt.Check(t, qt.IsNil(errs[1]))
	qt.Check(t, qt.IsFalse(hooks[1].Gone()))
}

func TestClsactFailedAttachTakesItsQdiscBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	set := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old})

	_, errs := set.Attach(t.Context(), []hook.Request{{
		Index: p.nearIndex, Program: mustProgram(t, "undo", unspec),
		Order: hook.Order{Position: hook.Before, Program: 1 << 30},
	}})

	qt.Check(t, qt.ErrorIs(errs[0], hook.ErrOrder))
	qt.Check(t, qt.Equals(qdiscs(t, p.near), ""))
}

func TestClsactTwoInstancesOnOneLink(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	drop := mustProgram(t, "drop", shot)
	one := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old, Owner: hook.Owner{Instance: "one", BootID: "b"}})
	two := mustOpen(t, p.near, hook.Clsact, hook.Options{LinkAge: old, Owner: hook.Owner{Instance: "two", BootID: "b"}})
	mustAttach(t, one, hook.Request{Index: p.nearIndex, Program: mustProgram(t, "watch", unspec)})
	mustAttach(t, two, hook.Request{Index: p.nearIndex, Program: drop})
	qt.Check(t, qt.IsFalse(p.pings()))

	qt.Assert(t, qt.IsNil(one.Close()))

	qt.Check(t, qt.IsFalse(p.pings()))
	qt.Assert(t, qt.IsNil(two.Close()))
	qt.Check(t, qt.IsTrue(p.pings()))
}

func TestClsactNeedsAnOwner(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	for _, owner := range []hook.Owner{
		{},
		{Instance: "a"},
		{Instance: "a/b", BootID: "c"},
		{Instance: "a b", BootID: "c"},
		{Instance: strings.Repeat("a", 250), BootID: "c"},
	} {
		_, err := hook.Open(ns, hook.Clsact, hook.Options{Owner: owner})
		qt.Check(t, qt.ErrorMatches(err, `open clsact in netns \d+: check owner.*`))
	}
}
