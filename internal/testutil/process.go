// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
)

// Process starts a process in ns that lives until the test ends or kills it, and
// returns its id.
func Process(tb testing.TB, ns *netns.NS) int {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "sleep", "infinity")
	qt.Assert(tb, qt.IsNil(ns.Do(cmd.Start)))
	tb.Cleanup(func() {
		_ = cmd.Process.Kill() //nolint:errcheck // it may have been killed
		_ = cmd.Wait()         //nolint:errcheck // reports the kill
	})
	return cmd.Process.Pid
}

// Listen opens a UDP socket at addr in ns, on some port, and closes it when the test
// ends.
func Listen(tb testing.TB, ns *netns.NS, addr netip.Addr) *net.UDPConn {
	tb.Helper()
	var conn *net.UDPConn
	qt.Assert(tb, qt.IsNil(ns.Do(func() error {
		var err error
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		return err
	})))
	tb.Cleanup(func() { _ = conn.Close() }) //nolint:errcheck // the test may have closed it
	return conn
}
