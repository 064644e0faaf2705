// SPDX-License-Identifier: Apache-2.0

package event

import (
	"slices"
	"strings"
)

// The names of C fields say what BTF cannot: that four bytes are an address.
// A name is looked at word by word, so that ip_len is not taken for an address.

// words splits a name at underscores, in lower case, without empty words and
// without the suffixes that say nothing about the meaning.
func words(name string) []string {
	w := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' })
	for len(w) > 1 && oneOf(w[len(w)-1], "raw", "be", "n") {
		w = w[:len(w)-1]
	}
	return w
}

func oneOf(word string, list ...string) bool {
	return slices.Contains(list, word)
}

// namesAddr is true for saddr, src_ip, ip_dst, remote_addr4, but not for
// ip_len or addr_family: one word says address, the others say whose.
func namesAddr(name string) bool {
	found := false
	for _, w := range words(name) {
		switch strings.TrimRight(w, "46v") {
		case "addr", "ip", "saddr", "daddr", "laddr", "raddr", "sip", "dip", "srcip", "dstip", "srcaddr", "dstaddr", "ipaddr", "naddr", "ipaddress", "address":
			found = true
		case "", "s", "d", "src", "dst", "source", "dest", "destination", "local", "remote", "client", "server",
			"orig", "reply", "peer", "gw", "gateway", "nat", "inner", "outer", "host", "h", "hbo", "le", "my", "from", "to", "in", "out",
			"skc", "rcv", "backend", "virtual", "target", "first", "last", "net", "pod", "node", "svc", "service":
		default:
			return false
		}
	}
	return found
}

// namesHostOrder is true for saddr_host, what programs call an address that
// they have turned into a number of the machine.
func namesHostOrder(name string) bool {
	w := words(name)
	return len(w) > 1 && oneOf(w[len(w)-1], "host", "h", "hbo", "le")
}

// namesMAC is true for what programs call six bytes of a link-layer address.
func namesMAC(name string) bool {
	for _, w := range words(name) {
		switch w {
		case "mac", "smac", "dmac", "srcmac", "dstmac", "macaddr", "hwaddr", "lladdr", "addr", "ether", "eth", "source", "dest", "src", "dst", "shost", "dhost", "ha", "sha", "tha":
			return true
		}
	}
	return false
}

// namesText is true for byte arrays that hold characters.
func namesText(name string) bool {
	w := words(name)
	return len(w) > 0 && oneOf(w[len(w)-1], "comm", "name", "ifname", "hostname", "filename", "str", "string", "text", "path")
}

// namesProtocol is true for the number that IP headers carry for what is in them.
func namesProtocol(name string) bool {
	return oneOf(strings.Join(words(name), ""), "proto", "protocol", "l4proto", "l4protocol", "ipproto", "ipprotocol",
		"transport", "transportproto", "transportprotocol", "nexthdr", "nextheader", "nexthdrproto", "ipp")
}

// namesEtherType is true for the number that Ethernet headers carry.
func namesEtherType(name string) bool {
	return oneOf(strings.Join(words(name), ""), "ethertype", "ethtype", "ethproto", "ethprotocol", "hproto", "l3proto", "l3protocol",
		"networkproto", "etherproto")
}

// namesTimestamp is true for 64-bit numbers that count nanoseconds since boot.
func namesTimestamp(name string) bool {
	w := words(name)
	if len(w) == 0 {
		return false
	}
	last := w[len(w)-1]
	if last != "ns" {
		return oneOf(last, "timestamp", "ts", "ktime", "tstamp")
	}
	if len(w) == 1 {
		return false
	}
	if oneOf(w[len(w)-2], "timestamp", "ts", "ktime", "tstamp", "start", "end", "begin", "seen") {
		return true
	}
	return oneOf(strings.Join(w, "_"), "time_ns", "start_time_ns", "end_time_ns", "event_time_ns", "boot_ns", "mono_ns")
}

// namesRecordTime is true for the timestamp that says when a record was made.
func namesRecordTime(name string) bool {
	return oneOf(strings.Join(words(name), "_"), "timestamp", "ts", "ktime", "tstamp", "timestamp_ns", "ts_ns", "ktime_ns",
		"tstamp_ns", "time_ns", "event_time_ns", "event_ts", "event_timestamp", "boot_ns", "mono_ns")
}

// namesBootClock tells the two clocks apart where a name does.
func namesBootClock(name string) bool {
	return oneOf("boot", words(name)...)
}

// namesDuration is true for other 64-bit numbers whose name ends in ns.
func namesDuration(name string) bool {
	w := words(name)
	return len(w) > 1 && w[len(w)-1] == "ns"
}

// namesNetns is true for the fields that name a network namespace by inode.
func namesNetns(name string) bool {
	return oneOf(name, "netns", "netns_id", "netns_inum")
}

// namesPadding is true for fields that only fill a gap.
func namesPadding(name string) bool {
	name = strings.TrimLeft(strings.ToLower(name), "_")
	name = strings.TrimRight(name, "0123456789_")
	return name == "pad" || name == "padding"
}
