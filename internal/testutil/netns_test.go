// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

func TestVethCarriesPackets(t *testing.T) {
	t.Parallel()
	a, b := testutil.Netns(t), testutil.Netns(t)
	indexA, indexB := testutil.Veth(t, a, "left", b, "right")
	testutil.AddAddr(t, a, "left", "192.0.2.1/24")
	testutil.AddAddr(t, b, "right", "192.0.2.2/24")
	testutil.AddAddr(t, b, "right", "2001:db8::2/64")

	testutil.Exec(t, a, "ping", "-c1", "-W2", "192.0.2.2")

	qt.Assert(t, qt.Equals(testutil.Index(t, a, "left"), indexA))
	qt.Assert(t, qt.Equals(testutil.Index(t, b, "right"), indexB))
}

func TestVethWithinOneNetns(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	indexA, indexB := testutil.Veth(t, ns, "left", ns, "right")
	qt.Assert(t, qt.Not(qt.Equals(indexA, indexB)))
}

func TestVethIsQuiet(t *testing.T) {
	t.Parallel()
	a, b := testutil.Netns(t), testutil.Netns(t)
	testutil.Veth(t, a, "left", b, "right")
	out := testutil.Exec(t, a, "ip", "-6", "addr", "show", "dev", "left")
	qt.Assert(t, qt.Equals(out, ""))
}

func TestExecErrCarriesWhatTheCommandSaid(t *testing.T) {
	t.Parallel()
	ns := testutil.Netns(t)
	out, err := testutil.ExecErr(ns, "sh", "-c", "echo out; echo why >&2; exit 3")
	qt.Assert(t, qt.ErrorMatches(err, `sh -c .* in netns \d+: exit status 3: why`))
	qt.Assert(t, qt.Equals(out, "out\n"))
}

func TestExecInputFeedsTheCommand(t *testing.T) {
	t.Parallel()
	out, err := testutil.ExecInput(testutil.Netns(t), "text", "cat")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(strings.TrimSpace(out), "text"))
}

func TestEventuallyLooksUntilTheConditionHolds(t *testing.T) {
	t.Parallel()
	looks := 0
	testutil.Eventually(t, time.Minute, func() bool { looks++; return looks == 3 }, "three looks")
	qt.Assert(t, qt.Equals(looks, 3))
}
