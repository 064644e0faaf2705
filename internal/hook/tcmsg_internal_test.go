// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func testFilter() filter {
	return filter{
		index: 7, parent: parentEgress, priority: 8, protocol: unix.ETH_P_ALL,
		handle: ownHandle, kind: kindBPF, name: "name",
	}
}

// kernelMessage is m as the kernel would give it back, with id for a program.
func kernelMessage(tb testing.TB, f filter) []byte {
	tb.Helper()
	m, err := f.message(unix.RTM_NEWTFILTER, func(ae *netlink.AttributeEncoder) error {
		ae.String(bpfName, f.name)
		ae.Uint32(bpfID, uint32(f.program))
		return nil
	})
	qt.Assert(tb, qt.IsNil(err))
	return m.Data
}

func TestAddMessageBytes(t *testing.T) {
	t.Parallel()
	u16 := func(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }
	u32 := func(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
	m, err := testFilter().addMessage(5)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(m.Header.Type, unix.RTM_NEWTFILTER))
	qt.Check(t, qt.Equals(m.Header.Flags, netlink.Create|netlink.Excl))
	qt.Check(t, qt.DeepEquals(m.Data, slices.Concat(
		u32(0), u32(7), // family, index
		u32(0xb0a7), u32(0xfffffff3), // handle, parent
		u32(8<<16|uint32(binary.NativeEndian.Uint16([]byte{0, 3}))), // priority, protocol in network order
		u16(8), u16(1), []byte("bpf\x00"), // TCA_KIND
		u16(32), u16(2|unix.NLA_F_NESTED), // TCA_OPTIONS
		u16(8), u16(6), u32(5), // TCA_BPF_FD
		u16(9), u16(7), []byte("name\x00\x00\x00\x00"), // TCA_BPF_NAME
		u16(8), u16(8), u32(1), // TCA_BPF_FLAGS
	)))
}

func TestDeleteMessageNamesOneFilter(t *testing.T) {
	t.Parallel()
	m, err := testFilter().deleteMessage()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(m.Header.Type, unix.RTM_DELTFILTER))
	got, err := parseFilter(m.Data)
	qt.Assert(t, qt.IsNil(err))
	want := testFilter()
	want.name = ""
	qt.Check(t, qt.Equals(got, want))
}

func TestParseFilterReadsItBack(t *testing.T) {
	t.Parallel()
	want := testFilter()
	want.program = 4711
	got, err := parseFilter(kernelMessage(t, want))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))
}

func TestParseFilterLeavesOptionsOfOtherKindsAlone(t *testing.T) {
	t.Parallel()
	want := testFilter()
	want.kind, want.program = "u32", 4711
	got, err := parseFilter(kernelMessage(t, want))
	qt.Assert(t, qt.IsNil(err))
	want.name, want.program = "", 0
	qt.Check(t, qt.Equals(got, want))
}

func TestParseFilterOfAShortMessage(t *testing.T) {
	t.Parallel()
	full := kernelMessage(t, testFilter())
	for n := range tcmsgLen {
		_, err := parseFilter(full[:n])
		qt.Check(t, qt.ErrorIs(err, errShortMessage))
		_, err = parseQdiscKind(full[:n])
		qt.Check(t, qt.ErrorIs(err, errShortMessage))
	}
	_, err := parseFilter(full[:len(full)-3])
	qt.Check(t, qt.IsNotNil(err))
}

func FuzzParseFilter(f *testing.F) {
	f.Add(kernelMessage(f, testFilter()))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, data []byte) {
		// Must not panic, whatever the bytes; both results are those of some
		// message.
		_, _ = parseFilter(data)
		_, _ = parseQdiscKind(data)
	})
}
