// SPDX-License-Identifier: Apache-2.0

package bpf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/testutil"
)

// inspectEvent is struct inspect_event of testdata/objects/inspect.bpf.c, which
// parses with packet.h.
type inspectEvent struct {
	Timestamp     uint64
	Netns, Len    uint32
	Saddr, Daddr  [16]byte
	Sport, Dport  [2]byte
	EtherType     [2]byte
	L4Proto, TTL  uint8
	ICMPType      uint8
	ICMPCode      uint8
	WindowScale   uint8
	SackPermitted bool
	Syn, Ack      bool
	Fin, Rst      bool
	MSS, Window   uint16
	TSVal, TSEcr  uint32
	DNSID         uint16
	DNSFlags      uint16
	DNSName       [64]byte
	DNSQType      uint16
	_             [2]byte
}

func ethernet(etherType uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, etherType)
}

func vlan(id, etherType uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id), etherType)
}

// ipv4 is a header from 10.0.0.1 to 10.0.0.2 with options, whose length is a
// multiple of 4.
func ipv4(proto uint8, fragment uint16, options ...byte) []byte {
	header := []byte{0x45 + byte(len(options)/4), 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(header[6:], fragment)
	return append(header, options...)
}

// ipv6 is a header from fd00::1 to fd00::2.
func ipv6(next uint8) []byte {
	header := make([]byte, 40)
	header[0], header[6], header[7] = 0x60, next, 63
	header[8], header[23] = 0xfd, 1
	header[24], header[39] = 0xfd, 2
	return header
}

func udp(sport, dport uint16, payload ...byte) []byte {
	header := binary.BigEndian.AppendUint16(nil, sport)
	header = binary.BigEndian.AppendUint16(header, dport)
	header = binary.BigEndian.AppendUint16(header, uint16(8+len(payload)))
	return append(append(header, 0, 0), payload...)
}

func tcpSyn(options ...byte) []byte {
	header := []byte{0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, byte(5+len(options)/4) << 4, 0x02, 0x20, 0, 0, 0, 0, 0}
	return append(header, options...)
}

// collection loads an object as the runtime does: of type SchedCLS, for any hook.
func collection(t *testing.T, name string) *ebpf.Collection {
	t.Helper()

	spec := testutil.Object(t, name)
	for _, program := range spec.Programs {
		program.AttachType = ebpf.AttachNone
	}
	loaded, err := ebpf.NewCollection(spec)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(loaded.Close)
	return loaded
}

// run sends the packet through the program that many times.
func run(t *testing.T, program *ebpf.Program, packet []byte, times uint32) {
	t.Helper()

	_, err := program.Run(&ebpf.RunOptions{Data: packet, Repeat: times})
	qt.Assert(t, qt.IsNil(err))
}

func records(t *testing.T, ring *ebpf.Map) [][]byte {
	t.Helper()

	reader, err := ringbuf.NewReader(ring)
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(reader.Close())) }()
	var all [][]byte
	for {
		// In the past: what is there is read, nothing is waited for.
		reader.SetDeadline(time.Unix(1, 0))
		record, err := reader.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		qt.Assert(t, qt.IsNil(err))
		all = append(all, record.RawSample)
	}
}

func inspect(t *testing.T, parts ...[]byte) inspectEvent {
	t.Helper()

	// The kernel takes no test packet without a byte behind the Ethernet header.
	packet := append(slices.Concat(parts...), 0)
	loaded := collection(t, "inspect")
	run(t, loaded.Programs["inspect"], packet, 1)
	all := records(t, loaded.Maps["events"])
	qt.Assert(t, qt.HasLen(all, 1))
	var event inspectEvent
	qt.Assert(t, qt.IsNil(binary.Read(bytes.NewReader(all[0]), binary.NativeEndian, &event)))
	return event
}

func TestTagsAndOptionsAreSteppedOver(t *testing.T) {
	t.Parallel()

	noOps := []byte{1, 1, 1, 1}
	query := append([]byte{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, "\x03www\x07example\x03com\x00\x00\x1c\x00\x01"...)
	hopByHop := []byte{60, 0, 0, 0, 0, 0, 0, 0}
	destination := []byte{17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		name  string
		parts [][]byte
	}{
		{"plain", [][]byte{ethernet(0x800), ipv4(17, 0)}},
		{"options", [][]byte{ethernet(0x800), ipv4(17, 0, noOps...)}},
		{"first fragment", [][]byte{ethernet(0x800), ipv4(17, 0x2000)}},
		{"vlan", [][]byte{ethernet(0x8100), vlan(5, 0x800), ipv4(17, 0)}},
		{"two vlans", [][]byte{ethernet(0x88a8), vlan(5, 0x8100), vlan(6, 0x800), ipv4(17, 0)}},
		{"ipv6", [][]byte{ethernet(0x86dd), ipv6(17)}},
		{"ipv6 extensions", [][]byte{ethernet(0x86dd), ipv6(0), hopByHop, destination}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			event := inspect(t, append(c.parts, udp(5353, 53, query...))...)
			qt.Check(t, qt.Equals(event.L4Proto, 17))
			qt.Check(t, qt.Equals(event.Dport, [2]byte{0, 53}))
			qt.Check(t, qt.Equals(event.DNSID, 7))
			qt.Check(t, qt.Equals(string(bytes.TrimRight(event.DNSName[:], "\x00")), "www.example.com"))
			qt.Check(t, qt.Equals(event.DNSQType, 28))
		})
	}
}

func TestNoPortsWhereNoHeaderFollows(t *testing.T) {
	t.Parallel()

	laterFragment := []byte{17, 0, 0x01, 0x00, 0, 0, 0, 1}
	ports := udp(1000, 2000)
	for _, c := range []struct {
		name  string
		parts [][]byte
	}{
		{"later fragment", [][]byte{ethernet(0x800), ipv4(17, 0x2003), ports}},
		{"later fragment of ipv6", [][]byte{ethernet(0x86dd), ipv6(44), laterFragment, ports}},
		{"udp cut off", [][]byte{ethernet(0x800), ipv4(17, 0), ports[:6]}},
		{"options cut off", [][]byte{ethernet(0x800), append([]byte{0x4f}, ipv4(17, 0)[1:]...), ports}},
		{"header too short", [][]byte{ethernet(0x800), append([]byte{0x44}, ipv4(17, 0)[1:]...), ports}},
		{"not what it says", [][]byte{ethernet(0x86dd), ipv4(17, 0), ports, make([]byte, 40)}},
		{"three vlans", [][]byte{ethernet(0x8100), vlan(5, 0x8100), vlan(5, 0x8100), vlan(6, 0x800), ipv4(17, 0), ports}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			event := inspect(t, c.parts...)
			qt.Check(t, qt.Equals(event.Sport, [2]byte{}))
			qt.Check(t, qt.Equals(event.Dport, [2]byte{}))
		})
	}
}

func TestTCPOptionsAreRead(t *testing.T) {
	t.Parallel()

	options := []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 3, 1, 3, 3, 7}
	event := inspect(t, ethernet(0x800), ipv4(6, 0), tcpSyn(options...))
	qt.Check(t, qt.Equals(event.Dport, [2]byte{0, 80}))
	qt.Check(t, qt.IsTrue(event.Syn))
	qt.Check(t, qt.IsTrue(event.SackPermitted))
	qt.Check(t, qt.Equals(event.MSS, 1460))
	qt.Check(t, qt.Equals(event.WindowScale, 7))
	qt.Check(t, qt.Equals(event.TSVal, 9))
	qt.Check(t, qt.Equals(event.TSEcr, 3))
}

// 1 MiB of ring with records of 44 bytes, which take 56: the reader is to be
// woken for the first and at 256 KiB, after 4,681 of them, and 18,724 fit.
func TestReaderIsWokenForTheFirstRecordAndWhenTheThresholdIsCrossed(t *testing.T) {
	t.Parallel()

	loaded := collection(t, "dropall")
	packet := slices.Concat(ethernet(0x800), ipv4(17, 0), udp(1, 2, '1', '7'))
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(unix.Close(epoll))) }()
	ring := loaded.Maps["events"].FD()
	// Edge triggered: says that somebody was woken, not that there is data.
	err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, ring, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET})
	qt.Assert(t, qt.IsNil(err))
	woken := func(wait time.Duration) int {
		n, err := unix.EpollWait(epoll, make([]unix.EpollEvent, 1), int(wait.Milliseconds()))
		qt.Assert(t, qt.IsNil(err))
		return n
	}

	run(t, loaded.Programs["drop_all"], packet, 1)
	qt.Check(t, qt.Equals(woken(5*time.Second), 1))
	run(t, loaded.Programs["drop_all"], packet, 4600)
	qt.Check(t, qt.Equals(woken(0), 0))
	run(t, loaded.Programs["drop_all"], packet, 100)
	qt.Check(t, qt.Equals(woken(5*time.Second), 1))
	run(t, loaded.Programs["drop_all"], packet, 100)
	qt.Check(t, qt.Equals(woken(0), 0))
}

func TestEventsThatFindTheRingFullAreCounted(t *testing.T) {
	t.Parallel()

	loaded := collection(t, "dropall")
	packet := slices.Concat(ethernet(0x800), ipv4(17, 0), udp(1, 2, '1', '7'))
	const sent = 20000
	run(t, loaded.Programs["drop_all"], packet, sent)

	var perCPU []uint64
	qt.Assert(t, qt.IsNil(loaded.Maps["events_lost_samples"].Lookup(uint32(0), &perCPU)))
	var lost uint64
	for _, n := range perCPU {
		lost += n
	}
	got := records(t, loaded.Maps["events"])
	qt.Check(t, qt.Equals(uint64(len(got))+lost, sent))
	qt.Check(t, qt.Not(qt.Equals(lost, 0)))
	// The number that the payload begins with, at offset 24 of struct drop_event.
	qt.Check(t, qt.Equals(binary.NativeEndian.Uint32(got[0][24:]), 17))
}
