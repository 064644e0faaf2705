// SPDX-License-Identifier: Apache-2.0

package linktable_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// batchSize is how many pairs one command makes: it takes some seconds in an emulator.
const batchSize = 50

// addVeths makes n pairs, named a0, b0, a1 and so on.
func addVeths(tb testing.TB, ns *netns.NS, n int) {
	tb.Helper()
	for start := 0; start < n; start += batchSize {
		var batch strings.Builder
		for i := start; i < min(start+batchSize, n); i++ {
			fmt.Fprintf(&batch, "link add a%d type veth peer name b%d\n", i, i)
		}
		_, err := testutil.ExecInput(ns, batch.String(), "ip", "-batch", "-")
		qt.Assert(tb, qt.IsNil(err))
	}
}

// addVethAt makes a pair with the given interface indexes.
func addVethAt(tb testing.TB, a *netns.NS, indexA int, b *netns.NS, indexB int) {
	tb.Helper()
	testutil.Exec(tb, a, "ip", "link", "add", "name", "decoy", "index", strconv.Itoa(indexA), "type", "veth",
		"peer", "name", "decoy", "index", strconv.Itoa(indexB), "netns", testutil.Path(b))
}
