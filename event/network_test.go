// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/event"
)

var (
	ip6     = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	mapped4 = []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 9}
)

func networkRecord(tb testing.TB) []byte {
	tb.Helper()
	return pack(tb,
		[]byte{10, 0, 0, 1}, []byte{192, 168, 7, 8}, uint32(1500), uint32(10<<24|2), []byte{0, 0, 1, 2},
		ip6, mapped4, []byte{2, 0, 0, 0, 0xab, 0xcd}, []byte{0x08, 0x00},
		uint16(0xdd86), uint8(6), uint8(99), uint16(53), []byte{0, 80},
		uint32(4026532281), uint64(99*time.Second), uint64(1500*time.Microsecond), uint64(130*time.Second+7),
	)
}

func TestNetworkTypesByNameAndType(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "network"), networkRecord(t)
	qt.Assert(t, qt.Equals(len(raw), s.Size()))
	want := `{"saddr":"10.0.0.1","dst_ip":"192.168.7.8","ip_len":1500,"daddr_host":"10.0.0.2","seq":258,` +
		`"saddr6":"2001:db8::1","in6":"10.0.0.9","smac":"02:00:00:00:ab:cd","h_proto":"IPv4","eth_type":"IPv6",` +
		`"proto":"TCP","ip_proto":99,"dport":53,"dport_be16":80,"netns_inum":4026532281,` +
		`"timestamp":"2026-01-02T03:04:04.000000000Z","rtt_ns":1500000,"boot_ts":"2026-01-02T03:04:05.000000007Z"}`
	qt.Assert(t, qt.Equals(string(s.AppendJSON(nil, raw)), want))
}

func TestKindsOfNetworkColumns(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "network")
	for column, want := range map[string]event.Kind{
		"saddr": event.Addr, "saddr6": event.Addr, "in6": event.Addr, "ip_len": event.Uint, "smac": event.MAC,
		"h_proto": event.Enum, "timestamp": event.Timestamp, "rtt_ns": event.Duration,
	} {
		qt.Check(t, qt.Equals(kindOf(s, column), want), qt.Commentf("column %s", column))
	}
	qt.Assert(t, qt.Equals(texts(s, networkRecord(t))["rtt_ns"], "1.5ms"))
}

func TestNetnsOfARecord(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "network"), networkRecord(t)
	inode, ok := s.Netns(raw)
	qt.Check(t, qt.IsTrue(s.HasNetns()))
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(inode, 4026532281))
	_, ok = s.Netns(make([]byte, s.Size()))
	qt.Check(t, qt.IsFalse(ok))
	_, ok = s.Netns(raw[:8])
	qt.Check(t, qt.IsFalse(ok))
	qt.Check(t, qt.IsFalse(mustFind(t, "mixed").HasNetns()))
}

func TestTimeOfARecord(t *testing.T) {
	t.Parallel()
	s, raw := mustFind(t, "network"), networkRecord(t)
	at, ok := s.Time(raw)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.IsTrue(at.Equal(time.Date(2026, 1, 2, 3, 4, 4, 0, time.UTC))))
	zero := make([]byte, s.Size())
	_, ok = s.Time(zero)
	qt.Check(t, qt.IsFalse(ok))
	qt.Check(t, qt.IsNil(mustTree(t, s.AppendJSON(nil, zero))["timestamp"]))
}

func TestFamilyBesideAnAddressDecides(t *testing.T) {
	t.Parallel()
	low := append([]byte{10, 0, 0, 3}, make([]byte, 12)...)
	dirty := append([]byte{10, 0, 0, 3}, "remains of be"[:12]...)
	for _, c := range []struct {
		name   string
		family uint16
		addr   []byte
		union  string
		whole  string
	}{
		{"AF_INET", 2, low, "10.0.0.3", "10.0.0.3"},
		{"AF_INET with unused bytes", 2, dirty, "10.0.0.3", "a00:3:7265:6d61:696e:7320:6f66:2062"},
		{"AF_INET6", 10, ip6, "2001:db8::1", "2001:db8::1"},
		{"AF_INET6 mapped", 10, mapped4, "10.0.0.9", "10.0.0.9"},
		{"unknown", 0, low, "10.0.0.3", "a00:3::"},
		{"unknown, all bytes", 0, ip6, "2001:db8::1", "2001:db8::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := mustFind(t, "mixed")
			raw := pack(t, c.addr, c.addr, c.family, uint16(0), c.addr)
			tree := mustTree(t, s.AppendJSON(nil, raw))
			qt.Check(t, qt.Equals(tree["saddr"], any(c.union)))
			qt.Check(t, qt.Equals(tree["daddr"], any(c.union)))
			qt.Check(t, qt.Equals(tree["addr"], any(c.whole)))
			qt.Check(t, qt.DeepEquals(columnNames(s), []string{"saddr", "daddr", "family", "addr"}))
		})
	}
}

func TestInspektorGadgetTypes(t *testing.T) {
	t.Parallel()
	s, err := event.Find(mustSpec(t, "gadget.o"), "flows", "")
	qt.Assert(t, qt.IsNil(err))
	s = s.WithClock(stillClock())
	v4 := append([]byte{172, 17, 0, 2}, make([]byte, 12)...)
	raw := pack(t,
		uint64(129*time.Second), uint32(4026531840), make([]byte, 4),
		v4, uint16(443), uint16(6), uint8(4), make([]byte, 11), // the __int128 of the union aligns to 16
		ip6, uint8(6), make([]byte, 15),
		[]byte("nginx\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint64(4026531841), uint32(1000), make([]byte, 4),
		int32(-2), uint32(9), uint64(2*time.Second), uint64(4096),
	)
	raw = append(raw, make([]byte, max(0, s.Size()-len(raw)))...)
	want := `{"timestamp":"2026-01-02T03:04:04.000000000Z","ns":4026531840,` +
		`"src":{"addr":"172.17.0.2","port":443,"proto":"TCP","version":4},"via":{"addr":"2001:db8::1","version":6},` +
		`"proc":{"comm":"nginx","mntns_id":4026531841,"uid":1000},` +
		`"error":"ENOENT","sig":"SIGKILL","took":2000000000,"size":4096}`
	qt.Check(t, qt.Equals(string(s.AppendJSON(nil, raw)), want))
	inode, ok := s.Netns(raw)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(inode, 4026531840))
	at, ok := s.Time(raw)
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(at.Second(), 4))
	qt.Check(t, qt.Equals(texts(s, raw)["src.addr"], "172.17.0.2"))
}
