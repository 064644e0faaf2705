// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestContainersAreLinkedToTheirHost(t *testing.T) { //nolint:tparallel // the end of its subtest is looked at
	t.Parallel()
	host := testutil.Netns(t)
	var some, more []*netns.NS
	t.Run("made", func(t *testing.T) {
		some, more = testutil.Containers(t, host, 70), testutil.Containers(t, host, 3)
		links := testutil.Exec(t, host, "ip", "-o", "link", "show", "type", "veth")
		qt.Check(t, qt.Equals(strings.Count(links, "LOWER_UP"), 73))
		for _, ns := range []*netns.NS{some[0], some[69], more[2]} {
			qt.Check(t, qt.StringContains(links, testutil.HostLink(ns)))
			inside := testutil.Exec(t, ns, "ip", "-o", "link")
			qt.Check(t, qt.Equals(strings.Count(inside, "LOWER_UP"), 2), qt.Commentf("%s", inside))
			qt.Check(t, qt.Equals(testutil.Exec(t, ns, "ip", "-6", "addr", "show", "dev", "eth0"), ""))
		}
		qt.Check(t, qt.Equals(testutil.Exec(t, host, "ip", "-6", "addr", "show", "scope", "link"), ""))
	})
	qt.Check(t, qt.Equals(testutil.Exec(t, host, "ip", "link", "show", "type", "veth"), ""))
	qt.Check(t, qt.Equals(some[0].Fd(), -1))
}

func BenchmarkThousandContainers(b *testing.B) {
	host := testutil.Netns(b)
	for b.Loop() {
		b.Run("", func(b *testing.B) { testutil.Containers(b, host, 1000) })
	}
}
