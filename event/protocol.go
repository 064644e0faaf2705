// SPDX-License-Identifier: Apache-2.0

package event

import (
	"math/bits"

	"golang.org/x/sys/unix"
)

// protocolName names an IP protocol number, "" if it is not common.
// IANA, Assigned Internet Protocol Numbers.
func protocolName(v int64) string {
	switch v {
	case unix.IPPROTO_ICMP:
		return "ICMP"
	case unix.IPPROTO_IGMP:
		return "IGMP"
	case unix.IPPROTO_IPIP:
		return "IPIP"
	case unix.IPPROTO_TCP:
		return "TCP"
	case unix.IPPROTO_UDP:
		return "UDP"
	case unix.IPPROTO_DCCP:
		return "DCCP"
	case unix.IPPROTO_IPV6:
		return "IPv6"
	case unix.IPPROTO_GRE:
		return "GRE"
	case unix.IPPROTO_ESP:
		return "ESP"
	case unix.IPPROTO_AH:
		return "AH"
	case unix.IPPROTO_ICMPV6:
		return "ICMPv6"
	case 89: // no constant in the kernel's headers
		return "OSPF"
	case 112:
		return "VRRP"
	case unix.IPPROTO_SCTP:
		return "SCTP"
	case unix.IPPROTO_UDPLITE:
		return "UDP-Lite"
	case unix.IPPROTO_MPTCP:
		return "MPTCP"
	}
	return ""
}

// etherTypeName names the type of an Ethernet frame, "" if it is not common.
// Programs store it in either byte order whatever the C type says. The two
// cannot be confused: the names below are all above 0x600, and swapped they
// are no other's.
func etherTypeName(v int64) string {
	if name := knownEtherType(v); name != "" {
		return name
	}
	return knownEtherType(int64(bits.ReverseBytes16(uint16(v))))
}

func knownEtherType(v int64) string {
	switch v {
	case unix.ETH_P_IP:
		return "IPv4"
	case unix.ETH_P_ARP:
		return "ARP"
	case unix.ETH_P_8021Q:
		return "VLAN"
	case unix.ETH_P_8021AD:
		return "QinQ"
	case unix.ETH_P_IPV6:
		return "IPv6"
	case unix.ETH_P_MPLS_UC, unix.ETH_P_MPLS_MC:
		return "MPLS"
	case unix.ETH_P_PPP_SES, unix.ETH_P_PPP_DISC:
		return "PPPoE"
	case unix.ETH_P_PAE:
		return "EAPOL"
	case unix.ETH_P_LLDP:
		return "LLDP"
	case unix.ETH_P_1588:
		return "PTP"
	}
	return ""
}

// anyProtocolName serves fields called protocol that are wide enough for
// either: EtherTypes begin at 0x600, IP protocols end at 255.
func anyProtocolName(v int64) string {
	if v >= 0x600 {
		return etherTypeName(v)
	}
	return protocolName(v)
}

// errnoName names an error number, also one that was stored negative.
func errnoName(v int64) string {
	v = int64(int32(v)) // the C type is __u32: -ENOENT comes as 0xfffffffe
	if v < 0 {
		v = -v
	}
	return unix.ErrnoName(unix.Errno(v))
}

func signalName(v int64) string {
	return unix.SignalName(unix.Signal(v))
}
