// SPDX-License-Identifier: Apache-2.0

package session

import (
	"net/netip"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestParseSSHReadsWhatSshdWrites(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"192.0.2.7 51515 192.0.2.1 22":                 {"192.0.2.7:51515", "192.0.2.1:22"},
		"fe80::1%eth0 51515 fe80::2%eth0 22":           {"[fe80::1]:51515", "[fe80::2]:22"},
		"::ffff:192.0.2.7 51515 ::ffff:192.0.2.1 2222": {"192.0.2.7:51515", "192.0.2.1:2222"},
	} {
		ends, ok := parseSSH(text)
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(ends, [2]netip.AddrPort{netip.MustParseAddrPort(want[0]), netip.MustParseAddrPort(want[1])}))
	}
	for _, text := range []string{"", "UNKNOWN 65535 UNKNOWN 65535", "192.0.2.7 51515", "192.0.2.7 99999 192.0.2.1 22"} {
		_, ok := parseSSH(text)
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%q", text))
	}
}
