// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// tcxPrograms are the programs on a link, ingress first, in the order they run.
func tcxPrograms(tb testing.TB, ns *netns.NS, ifindex int) []ebpf.ProgramID {
	tb.Helper()
	var ids []ebpf.ProgramID
	err := ns.Do(func() error {
		for _, point := range []ebpf.AttachType{ebpf.AttachTCXIngress, ebpf.AttachTCXEgress} {
			result, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: point})
			if err != nil {
				return err
			}
			for _, p := range result.Programs {
				ids = append(ids, p.ID)
			}
		}
		return nil
	})
	qt.Assert(tb, qt.IsNil(err))
	return ids
}

// hooked says whether a program of ours is on both points of the host end.
func (b *box) hooked(tb testing.TB, l *linkInfo) bool {
	tb.Helper()
	return len(tcxPrograms(tb, b.world.host, l.HostIfindex)) == 2
}

// awaitHooked waits until the program is on the container's link.
func (b *box) awaitHooked(tb testing.TB, l *linkInfo) {
	tb.Helper()
	testutil.Eventually(tb, patience, func() bool { return b.hooked(tb, l) }, "programs are on "+l.Host)
}

// awaitFree waits until no program is on the container's link.
func (b *box) awaitFree(tb testing.TB, l *linkInfo) {
	tb.Helper()
	testutil.Eventually(tb, patience, func() bool {
		return len(tcxPrograms(tb, b.world.host, l.HostIfindex)) == 0
	}, "no program is on "+l.Host)
}

// packetsOf are the records with a packet's number in one direction on a link.
func packetsOf(records []record, direction string, l *linkInfo) []record {
	return slices.DeleteFunc(slices.Clone(records), func(r record) bool {
		return r.number() == 0 || r.Direction != direction || r.Link == nil || *r.Link != *l
	})
}
