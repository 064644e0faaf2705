// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"testing"
	"time"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

// deadline bounds every wait of these tests; none comes near it.
const deadline = 20 * time.Second

const (
	nearAddr = "192.0.2.1"
	farAddr  = "192.0.2.2"
	nearMAC  = "02:00:00:00:00:01"
	farMAC   = "02:00:00:00:00:02"
)

// wire is a veth between two namespaces. Neighbours are fixed, so that it
// carries only what a test sends.
type wire struct {
	near, far           *netns.NS
	nearIndex, farIndex int // of near0 and far0
}

func newWire(tb testing.TB) wire {
	tb.Helper()
	w := wire{near: testutil.Netns(tb), far: testutil.Netns(tb)}
	w.nearIndex, w.farIndex = testutil.Veth(tb, w.near, "near0", w.far, "far0")
	for _, end := range []struct {
		ns                           *netns.NS
		link, addr, mac, peer, peerL string
	}{
		{w.near, "near0", nearAddr, nearMAC, farAddr, farMAC},
		{w.far, "far0", farAddr, farMAC, nearAddr, nearMAC},
	} {
		testutil.AddAddr(tb, end.ns, end.link, end.addr+"/24")
		testutil.Exec(tb, end.ns, "ip", "link", "set", end.link, "address", end.mac)
		testutil.Exec(tb, end.ns, "ip", "neigh", "replace", end.peer, "lladdr", end.peerL, "dev", end.link, "nud", "permanent")
	}
	return w
}

// pings reports whether a packet gets from the near end to the far and back.
func (w wire) pings() bool {
	_, err := testutil.ExecErr(w.near, "ping", "-c1", "-W1", "-q", farAddr)
	return err == nil
}
