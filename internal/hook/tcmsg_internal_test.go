// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/binary"
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
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are those of a little-endian machine")
	}
	m, err := testFilter().addMessage(5)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(m.Header.Type, unix.RTM_NEWTFILTER))
	qt.Check(t, qt.Equals(m.Header.Flags, netlink.Create|netlink.Excl))
	qt.Check(t, qt.DeepEquals(m.Data, []byte{
		0, 0, 0, 0, 7, 0, 0, 0, // family, index
		0xa7, 0xb0, 0, 0, 0xf3, 0xff, 0xff, 0xff, // handle, parent
		0, 3, 8, 0, // protocol in network order, priority
		8, 0, 1, 0, 'b', 'p', 'f', 0, // TCA_KIND
		32, 0, 2, 0x80, // TCA_OPTIONS, nested
		8, 0, 6, 0, 5, 0, 0, 0, // TCA_BPF_FD
		9, 0, 7, 0, 'n', 'a', 'm', 'e', 0, 0, 0, 0, // TCA_BPF_NAME
		8, 0, 8, 0, 1, 0, 0, 0, // TCA_BPF_FLAGS
	}))
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
