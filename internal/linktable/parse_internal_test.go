// SPDX-License-Identifier: Apache-2.0

package linktable

import (
	"encoding/binary"
	"testing"

	"github.com/go-quicktest/qt"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestParseRefusesAShortMessage(t *testing.T) {
	t.Parallel()
	_, _, err := parse(make([]byte, unix.SizeofIfInfomsg-1))
	qt.Assert(t, qt.ErrorIs(err, errShort))
}

func TestParseLeavesOutOtherFamilies(t *testing.T) {
	t.Parallel()
	_, isLink, err := parse(linkMessage(t, unix.AF_BRIDGE, 3))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsFalse(isLink))
}

func TestParseLeavesOutImpossibleIndexes(t *testing.T) {
	t.Parallel()
	for _, index := range []int32{0, -1} {
		_, isLink, err := parse(linkMessage(t, unix.AF_UNSPEC, index))
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsFalse(isLink))
	}
}

func TestParseReportsBadNesting(t *testing.T) {
	t.Parallel()
	data := append(linkMessage(t, unix.AF_UNSPEC, 3), 6, 0, unix.IFLA_LINKINFO, 0, 1, 2, 0, 0)
	_, _, err := parse(data)
	qt.Assert(t, qt.ErrorMatches(err, "parse link 3: .*"))
}

func FuzzParse(f *testing.F) {
	f.Add(linkMessage(f, unix.AF_UNSPEC, 3))
	f.Add(linkMessage(f, unix.AF_BRIDGE, -1))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, isLink, err := parse(data)
		if err != nil && isLink {
			t.Errorf("both a link and an error: %v", err)
		}
		if isLink && m.link.Index <= 0 {
			t.Errorf("index %d", m.link.Index)
		}
	})
}

func FuzzParseNSID(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 8, 0, 1, 0, 5, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 8, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, err := parseNSID(data); err != nil && id != NoNSID {
			t.Errorf("both id %d and an error: %v", id, err)
		}
	})
}

// linkMessage is what follows the header of RTM_NEWLINK for a veth.
func linkMessage(tb testing.TB, family uint8, index int32) []byte {
	tb.Helper()
	attrs := netlink.NewAttributeEncoder()
	attrs.String(unix.IFLA_IFNAME, "eth0")
	attrs.Int32(unix.IFLA_LINK, 7)
	attrs.Int32(unix.IFLA_LINK_NETNSID, 0)
	attrs.Nested(unix.IFLA_LINKINFO, func(info *netlink.AttributeEncoder) error {
		info.String(unix.IFLA_INFO_KIND, "veth")
		return nil
	})
	data, err := attrs.Encode()
	qt.Assert(tb, qt.IsNil(err))
	head := make([]byte, unix.SizeofIfInfomsg, unix.SizeofIfInfomsg+len(data))
	head[0] = family
	binary.NativeEndian.PutUint32(head[4:8], uint32(index))
	return append(head, data...)
}
