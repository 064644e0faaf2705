// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/pkt_sched.h and pkt_cls.h.
const (
	clsactParent  = 0xFFFFFFF1 // TC_H_CLSACT
	clsactHandle  = 0xFFFF0000 // what the kernel gives the qdisc
	ingressParent = 0xFFFFFFF2 // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
	bpfFd         = 6          // TCA_BPF_FD
	bpfFlags      = 8          // TCA_BPF_FLAGS
	bpfDirect     = 1          // TCA_BPF_FLAG_ACT_DIRECT
)

// attributes fills in the attributes of a message.
type attributes func(*netlink.AttributeEncoder)

func clsactQdisc() (netlink.Message, error) {
	return newMessage(unix.RTM_NEWQDISC, tcHeader(clsactHandle, clsactParent, 0),
		func(a *netlink.AttributeEncoder) { a.String(unix.TCA_KIND, "clsact") })
}

// bpfFilter is a direct-action filter for all protocols on ingress.
func bpfFilter(fd int) (netlink.Message, error) {
	const priority = 1 << 16
	allProtocols := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}) // network order
	return newMessage(unix.RTM_NEWTFILTER, tcHeader(0, ingressParent, priority|uint32(allProtocols)),
		func(a *netlink.AttributeEncoder) {
			a.String(unix.TCA_KIND, "bpf")
			a.Nested(unix.TCA_OPTIONS, func(options *netlink.AttributeEncoder) error {
				options.Uint32(bpfFd, uint32(fd))
				options.Uint32(bpfFlags, bpfDirect)
				return nil
			})
		})
}

// netkitPair names neither end, so that the kernel does.
func netkitPair() (netlink.Message, error) {
	return newMessage(unix.RTM_NEWLINK, make([]byte, unix.SizeofIfInfomsg),
		func(a *netlink.AttributeEncoder) {
			a.Nested(unix.IFLA_LINKINFO, func(info *netlink.AttributeEncoder) error {
				info.String(unix.IFLA_INFO_KIND, "netkit")
				return nil
			})
		})
}

func newMessage(kind netlink.HeaderType, header []byte, fill attributes) (netlink.Message, error) {
	encoder := netlink.NewAttributeEncoder()
	fill(encoder)
	encoded, err := encoder.Encode()
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encode netlink message: %w", err)
	}
	return netlink.Message{
		Header: netlink.Header{
			Type:  kind,
			Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl,
		},
		Data: append(header, encoded...),
	}, nil
}

// tcHeader is a struct tcmsg (include/uapi/linux/rtnetlink.h) for lo.
func tcHeader(handle, parent, info uint32) []byte {
	const size = 20
	header := make([]byte, 4, size) // family and padding
	for _, v := range []uint32{loopbackIndex, handle, parent, info} {
		header = binary.NativeEndian.AppendUint32(header, v)
	}
	return header
}
