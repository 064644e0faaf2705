// SPDX-License-Identifier: Apache-2.0

package event

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestAddressesAreWrittenAsTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b [16]byte
		for i := range b {
			if random.IntN(3) == 0 {
				b[i] = byte(random.Uint32()) >> random.IntN(8)
			}
		}
		a := netip.AddrFrom16(b)
		qt.Assert(t, qt.Equals(string(appendAddr(nil, a)), a.String()))
	}
	for _, text := range []string{"::", "::1", "1::", "1:0:0:2::", "1:0:2:0:3:0:4:0", "1:0:0:2:0:0:3:4", "::ffff:1.2.3.4", "10.0.0.1", "0:1::"} {
		a := netip.MustParseAddr(text)
		qt.Check(t, qt.Equals(string(appendAddr(nil, a)), a.String()))
	}
}
