// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// mustManyLinks makes a namespace with n links, a multiple of 200, in batches
// that an emulated machine makes in time, too.
func mustManyLinks(tb testing.TB, n int) (*netns.NS, []int) {
	tb.Helper()
	ns := testutil.Netns(tb)
	indexes := make([]int, n)
	var batch strings.Builder
	for i := 0; i < n; i += 2 {
		indexes[i], indexes[i+1] = 100+i, 101+i
		fmt.Fprintf(&batch, "link add v%d index %d type veth peer name v%d index %d\n", i, 100+i, i+1, 101+i)
		if (i+2)%200 == 0 {
			_, err := testutil.ExecInput(ns, batch.String(), "ip", "-batch", "-")
			qt.Assert(tb, qt.IsNil(err))
			batch.Reset()
		}
	}
	return ns, indexes
}

func mustClsact(tb testing.TB, ns *netns.NS, instance string) (*Set, *clsact) {
	tb.Helper()
	set, err := Open(ns, Clsact, Options{
		Owner: Owner{Instance: instance, BootID: "b"}, LinkAge: func(int) time.Duration { return time.Hour },
	})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(set.Close())) })
	via, ok := set.via.(*clsact)
	qt.Assert(tb, qt.IsTrue(ok))
	return set, via
}

func bothPoints(indexes []int, prog *ebpf.Program) []Request {
	var reqs []Request
	for _, index := range indexes {
		reqs = append(reqs, Request{Index: index, Program: prog}, Request{Index: index, Point: Egress, Program: prog})
	}
	return reqs
}

// TestFiltersAskTheKernelInProportion counts what each of n links costs with a
// filter on both points.
func TestFiltersAskTheKernelInProportion(t *testing.T) {
	t.Parallel()
	ns, indexes := mustManyLinks(t, 1000)
	prog := mustProgram(t)
	for _, n := range []int{10, 100, len(indexes)} {
		reqs := bothPoints(indexes[:n], prog)
		own, ownVia := mustClsact(t, ns, "own")
		guest, guestVia := mustClsact(t, ns, "guest")
		attach := func(set *Set) (hooks []*Hook) {
			hooks, errs := set.Attach(t.Context(), reqs)
			qt.Assert(t, qt.IsNil(firstOf(errs)))
			return hooks
		}
		// check says what fn may ask for, per link.
		check := func(what string, via *clsact, want spent, fn func()) {
			before := via.spent
			fn()
			got := spent{
				requests: via.spent.requests - before.requests,
				dumps:    via.spent.dumps - before.dumps,
				sends:    via.spent.sends - before.sends,
			}
			comment := qt.Commentf("%s, %d links: %+v", what, n, got)
			qt.Check(t, qt.Equals(got.requests, want.requests*n), comment)
			qt.Check(t, qt.Equals(got.dumps, want.dumps*n), comment)
			qt.Check(t, qt.IsTrue(got.sends <= want.sends*n+n/8+4), comment)
		}
		var hooks, guests []*Hook
		check("attach to bare links", ownVia, spent{requests: 3}, func() { hooks = attach(own) })
		check("attach beside others", guestVia, spent{requests: 6, dumps: 2, sends: 2}, func() { guests = attach(guest) })
		check("ask whether they are gone", ownVia, spent{requests: 2}, func() { own.Gone(hooks) })
		check("detach beside others", guestVia, spent{requests: 4}, func() { qt.Check(t, qt.IsNil(guest.Detach(guests))) })
		check("detach the last", ownVia, spent{requests: 7, dumps: 2, sends: 3}, func() { qt.Check(t, qt.IsNil(own.Detach(hooks))) })
	}
}

func TestListsAskTheKernelInProportion(t *testing.T) {
	t.Parallel()
	ns, indexes := mustManyLinks(t, 1000)
	set, _ := mustClsact(t, ns, "listed")
	used := len(indexes) / 2
	_, errs := set.Attach(t.Context(), bothPoints(indexes[:used], mustProgram(t)))
	qt.Assert(t, qt.IsNil(firstOf(errs)))
	err := withConn(ns, func(c *conn) error {
		found := c.listTC(indexes)
		for _, link := range found {
			qt.Assert(t, qt.IsNil(link.err))
		}
		qt.Check(t, qt.HasLen(found[used-1].points[Egress], 1))
		qt.Check(t, qt.HasLen(found[used].points[Egress], 0))
		qt.Check(t, qt.Equals(c.spent.dumps, 2*used))
		qt.Check(t, qt.Equals(c.spent.requests, len(indexes)+2*used))
		return nil
	})
	qt.Assert(t, qt.IsNil(err))
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
