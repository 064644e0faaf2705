// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
)

// tcpPacket is an Ethernet frame with a TCP header of nothing but ports.
func tcpPacket(from, to netip.AddrPort) []byte {
	frame := make([]byte, 14, 128)
	if from.Addr().Is4() {
		frame[12], frame[13] = 0x08, 0x00
		ip := make([]byte, 20)
		ip[0], ip[9] = 0x45, 6
		copy(ip[12:], from.Addr().AsSlice())
		copy(ip[16:], to.Addr().AsSlice())
		frame = append(frame, ip...)
	} else {
		frame[12], frame[13] = 0x86, 0xdd
		ip := make([]byte, 40)
		ip[0], ip[6] = 0x60, 6
		copy(ip[8:], from.Addr().AsSlice())
		copy(ip[24:], to.Addr().AsSlice())
		frame = append(frame, ip...)
	}
	frame = binary.BigEndian.AppendUint16(frame, from.Port())
	frame = binary.BigEndian.AppendUint16(frame, to.Port())
	return append(frame, make([]byte, 16)...)
}

func TestTheSparedConnectionPassesUnseen(t *testing.T) {
	t.Parallel()
	for _, ends := range [][3]string{
		{"192.0.2.1:22", "192.0.2.2:40000", "192.0.2.2:40001"},
		{"[2001:db8::1]:22", "[2001:db8::2]:40000", "[2001:db8::3]:40000"},
	} {
		a, b, other := netip.MustParseAddrPort(ends[0]), netip.MustParseAddrPort(ends[1]), netip.MustParseAddrPort(ends[2])
		load := newLoad(t, returning(2), dispatch.LoadOptions{Mode: dispatch.Enforce, Spare: dispatch.Connection{A: a, B: b}})
		qt.Assert(t, qt.IsNil(load.SetLink(loopback, 1)))
		for _, packet := range []struct {
			from, to netip.AddrPort
			want     int32
		}{{a, b, -1}, {b, a, -1}, {a, other, 2}, {other, a, 2}, {a, a, 2}} {
			verdict, err := load.Program().Run(&ebpf.RunOptions{Data: tcpPacket(packet.from, packet.to)})
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.Equals(int32(verdict), packet.want), qt.Commentf("%s to %s", packet.from, packet.to))
		}
		counters, err := load.Counters(loopback)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(counters.Packets, 3))
	}
}

func TestAConnectionOfTwoKindsIsRefused(t *testing.T) {
	t.Parallel()
	source := newSource(t, returning(0), dispatch.SourceOptions{})
	_, err := dispatch.NewLoad(source, "prog", dispatch.LoadOptions{Spare: dispatch.Connection{
		A: netip.MustParseAddrPort("192.0.2.1:22"), B: netip.MustParseAddrPort("[2001:db8::1]:22"),
	}})
	qt.Check(t, qt.ErrorMatches(err, "spare connection: .* are not two ends of one"))
}
