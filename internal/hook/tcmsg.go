// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/binary"
	"errors"

	"github.com/cilium/ebpf"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From include/uapi/linux/pkt_sched.h and pkt_cls.h.
const (
	handleClsact  = 0xffff0000 // TC_H_MAKE(TC_H_CLSACT, 0)
	parentClsact  = 0xfffffff1 // TC_H_CLSACT, the place of the ingress qdisc, too
	parentIngress = 0xfffffff2 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
	parentEgress  = 0xfffffff3 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

	bpfFD    = 6  // TCA_BPF_FD
	bpfName  = 7  // TCA_BPF_NAME
	bpfFlags = 8  // TCA_BPF_FLAGS
	bpfID    = 11 // TCA_BPF_ID

	flagDirectAction = 1 // TCA_BPF_FLAG_ACT_DIRECT
)

const (
	kindBPF     = "bpf"
	kindClsact  = "clsact"
	kindIngress = "ingress"

	tcmsgLen = 20 // struct tcmsg of include/uapi/linux/rtnetlink.h
)

var errShortMessage = errors.New("short rtnetlink message")

// tcmsg is the part of struct tcmsg that is in use.
type tcmsg struct {
	index                int
	handle, parent, info uint32
}

func (m tcmsg) encode() []byte {
	b := make([]byte, tcmsgLen)
	binary.NativeEndian.PutUint32(b[4:], uint32(int32(m.index)))
	binary.NativeEndian.PutUint32(b[8:], m.handle)
	binary.NativeEndian.PutUint32(b[12:], m.parent)
	binary.NativeEndian.PutUint32(b[16:], m.info)
	return b
}

func decodeTCMsg(b []byte) (tcmsg, []byte, error) {
	if len(b) < tcmsgLen {
		return tcmsg{}, nil, errShortMessage
	}
	m := tcmsg{
		index:  int(int32(binary.NativeEndian.Uint32(b[4:]))),
		handle: binary.NativeEndian.Uint32(b[8:]),
		parent: binary.NativeEndian.Uint32(b[12:]),
		info:   binary.NativeEndian.Uint32(b[16:]),
	}
	return m, b[tcmsgLen:], nil
}

func (p Point) parent() uint32 {
	if p == Egress {
		return parentEgress
	}
	return parentIngress
}

// filter is one tc filter on a point of a link.
type filter struct {
	index    int
	parent   uint32
	chain    uint32
	priority uint16
	protocol uint16 // EtherType in host order
	handle   uint32
	kind     string
	// The fields below are those of kind bpf.
	name    string
	program ebpf.ProgramID
}

// message returns a request about f that carries its kind and, if there are
// any, options.
func (f filter) message(typ netlink.HeaderType, options func(*netlink.AttributeEncoder) error) (netlink.Message, error) {
	m := tcmsg{
		index: f.index, handle: f.handle, parent: f.parent,
		info: uint32(f.priority)<<16 | uint32(swap16(f.protocol)),
	}
	ae := netlink.NewAttributeEncoder()
	ae.String(unix.TCA_KIND, f.kind)
	if options != nil {
		ae.Nested(unix.TCA_OPTIONS, options)
	}
	attrs, err := ae.Encode()
	if err != nil {
		return netlink.Message{}, err
	}
	return netlink.Message{Header: netlink.Header{Type: typ}, Data: append(m.encode(), attrs...)}, nil
}

// addMessage asks for f, with the program behind fd deciding by its return
// value alone. The kernel refuses if the place is taken.
func (f filter) addMessage(fd int) (netlink.Message, error) {
	m, err := f.message(unix.RTM_NEWTFILTER, func(ae *netlink.AttributeEncoder) error {
		ae.Uint32(bpfFD, uint32(fd))
		ae.String(bpfName, f.name)
		ae.Uint32(bpfFlags, flagDirectAction)
		return nil
	})
	m.Header.Flags = netlink.Create | netlink.Excl
	return m, err
}

// deleteMessage names the handle: without one the kernel deletes all filters
// of the priority.
func (f filter) deleteMessage() (netlink.Message, error) {
	return f.message(unix.RTM_DELTFILTER, nil)
}

// parseFilter reads an RTM_NEWTFILTER message.
func parseFilter(data []byte) (filter, error) {
	m, attrs, err := decodeTCMsg(data)
	if err != nil {
		return filter{}, err
	}
	f := filter{
		index: m.index, parent: m.parent, handle: m.handle,
		priority: uint16(m.info >> 16), protocol: swap16(uint16(m.info)),
	}
	ad, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return filter{}, err
	}
	var options []byte
	for ad.Next() {
		switch ad.Type() {
		case unix.TCA_KIND:
			f.kind = ad.String()
		case unix.TCA_CHAIN:
			f.chain = ad.Uint32()
		case unix.TCA_OPTIONS:
			options = ad.Bytes()
		}
	}
	if err := ad.Err(); err != nil {
		return filter{}, err
	}
	if f.kind == kindBPF { // other kinds number their options differently
		f.name, f.program, err = parseOptions(options)
	}
	return f, err
}

// parseOptions returns the name and the program of a filter of kind bpf.
func parseOptions(options []byte) (string, ebpf.ProgramID, error) {
	ad, err := netlink.NewAttributeDecoder(options)
	if err != nil {
		return "", 0, err
	}
	var name string
	var program ebpf.ProgramID
	for ad.Next() {
		switch ad.Type() {
		case bpfName:
			name = ad.String()
		case bpfID:
			program = ebpf.ProgramID(ad.Uint32())
		}
	}
	return name, program, ad.Err()
}

// qdiscMessage is a request about the qdisc in the ingress slot of a link. An
// empty kind names none.
func qdiscMessage(typ netlink.HeaderType, index int, kind string) (netlink.Message, error) {
	m := tcmsg{index: index, parent: parentClsact}
	ae := netlink.NewAttributeEncoder()
	if kind != "" {
		m.handle = handleClsact
		ae.String(unix.TCA_KIND, kind)
	}
	attrs, err := ae.Encode()
	if err != nil {
		return netlink.Message{}, err
	}
	return netlink.Message{Header: netlink.Header{Type: typ}, Data: append(m.encode(), attrs...)}, nil
}

// parseQdiscKind reads the kind out of an RTM_NEWQDISC message.
func parseQdiscKind(data []byte) (string, error) {
	_, attrs, err := decodeTCMsg(data)
	if err != nil {
		return "", err
	}
	ad, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return "", err
	}
	kind := ""
	for ad.Next() {
		if ad.Type() == unix.TCA_KIND {
			kind = ad.String()
		}
	}
	return kind, ad.Err()
}

// swap16 converts between host and network order.
func swap16(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
