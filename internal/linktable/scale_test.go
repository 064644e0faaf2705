// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// Each container costs one list of the links inside it and one question about its
// id, however many there are; the host is listed once, when the table is opened.
func TestResolveAllAsksOncePerContainer(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			home := testutil.Netns(t)
			containers := testutil.Containers(t, home, n)
			table := mustOpen(t, home, ignore)
			const opening = 1 // the home's own id
			homes := []*linktable.Table{table}

			checkResolved(t, containers, linktable.ResolveAll(containers, homes))
			qt.Check(t, qt.Equals(table.Asked(), linktable.Asked{
				Dumps: 1, Questions: int64(opening + n), Visits: int64(n),
			}))
			for _, container := range containers[:10] {
				mustResolve(t, container, table)
			}
			qt.Check(t, qt.Equals(table.Asked(), linktable.Asked{
				Dumps: 1, Questions: int64(opening + n + 10), Visits: int64(n + 10),
			}))
		})
	}
}

// The table's messages wait behind a slow receiver: each link is asked for.
func TestResolveAllOfABurstThatTheTableHasNotSeen(t *testing.T) {
	t.Parallel()
	home := testutil.Netns(t)
	gate := make(chan struct{})
	defer close(gate)
	table := mustOpen(t, home, func(linktable.Change) { <-gate })
	before := table.Asked().Questions
	const n = 100
	containers := testutil.Containers(t, home, n)
	checkResolved(t, containers, linktable.ResolveAll(containers, []*linktable.Table{table}))
	qt.Check(t, qt.Equals(table.Asked().Dumps, 1))
	// The id, the link, and the id once more.
	qt.Check(t, qt.IsTrue(table.Asked().Questions-before <= 3*n))
}

func TestResolveAllTellsOneFailureFromTheRest(t *testing.T) {
	t.Parallel()
	home, closed := testutil.Netns(t), testutil.Netns(t)
	fine := testutil.Containers(t, home, 1)[0]
	table := mustOpen(t, home, ignore)
	qt.Assert(t, qt.IsNil(closed.Close()))
	found := linktable.ResolveAll([]*netns.NS{closed, home, fine}, []*linktable.Table{table})
	qt.Check(t, qt.ErrorMatches(found[0].Err, "resolve netns .*"))
	qt.Check(t, qt.ErrorIs(found[1].Err, linktable.ErrHostNetwork))
	checkResolved(t, []*netns.NS{fine}, found[2:])
}

func checkResolved(t *testing.T, containers []*netns.NS, found []linktable.Found) {
	t.Helper()
	qt.Assert(t, qt.HasLen(found, len(containers)))
	for i, f := range found {
		qt.Assert(t, qt.IsNil(f.Err))
		qt.Assert(t, qt.HasLen(f.Places, 1))
		qt.Assert(t, qt.Equals(f.Places[0].Host.Name, testutil.HostLink(containers[i])))
		qt.Assert(t, qt.Equals(f.Places[0].Inner.Name, "eth0"))
		qt.Assert(t, qt.Equals(f.IDs[0], f.Places[0].Host.PeerNSID))
	}
}

// BenchmarkResolveAll finds the host ends of a thousand containers.
func BenchmarkResolveAll(b *testing.B) {
	home := testutil.Netns(b)
	containers := testutil.Containers(b, home, 1000)
	homes := []*linktable.Table{mustOpen(b, home, ignore)}
	for b.Loop() {
		linktable.ResolveAll(containers, homes)
	}
}
