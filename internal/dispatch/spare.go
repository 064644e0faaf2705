// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// Connection is a TCP connection by its two ends. The zero value is none.
type Connection struct{ A, B netip.AddrPort }

// spare makes the dispatcher let the packets of c pass, unseen and uncounted.
func spare(spec *ebpf.CollectionSpec, c Connection) error {
	if !c.A.IsValid() && !c.B.IsValid() {
		return nil
	}
	a, b := c.A.Addr().Unmap(), c.B.Addr().Unmap()
	if !a.IsValid() || a.Is4() != b.Is4() {
		return fmt.Errorf("spare connection: %s and %s are not two ends of one", c.A, c.B)
	}
	version := uint32(6)
	if a.Is4() {
		version = 4
	}
	raw := binary.NativeEndian.AppendUint32(nil, version)
	for _, addr := range []netip.Addr{a, b} {
		var words [16]byte
		copy(words[:], addr.AsSlice())
		raw = append(raw, words[:]...)
	}
	raw = binary.BigEndian.AppendUint16(raw, c.A.Port())
	raw = binary.BigEndian.AppendUint16(raw, c.B.Port())
	if err := spec.Variables["spared"].Set(raw); err != nil {
		return fmt.Errorf("spare connection: %w", err)
	}
	return nil
}
