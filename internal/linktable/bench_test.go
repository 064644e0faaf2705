// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/testutil"
)

// BenchmarkResolve finds the host end of one container on a host with 1,000
// other links. The time must not depend on their number.
func BenchmarkResolve(b *testing.B) {
	home, container := testutil.Netns(b), testutil.Netns(b)
	addVeths(b, home, 500)
	testutil.Veth(b, home, "host", container, "eth0")
	homes := []*linktable.Table{mustOpen(b, home, ignore)}
	for b.Loop() {
		places, err := linktable.Resolve(container, homes)
		qt.Assert(b, qt.IsNil(err))
		qt.Assert(b, qt.HasLen(places, 1))
	}
}

// BenchmarkDump lists 1,000 links.
func BenchmarkDump(b *testing.B) {
	ns := testutil.Netns(b)
	addVeths(b, ns, 500)
	for b.Loop() {
		_, err := linktable.Dump(ns)
		qt.Assert(b, qt.IsNil(err))
	}
}
