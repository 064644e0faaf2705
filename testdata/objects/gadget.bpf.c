//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the gadgets written for Inspektor Gadget: sections
 * classifier/DIRECTION/NAME, the netns from skb->cb[0], a tracer marker that
 * ties the ring buffer to its struct, types named gadget_*.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "packet.h"

typedef __u32 gadget_netns_id;
typedef __u64 gadget_timestamp;

struct gadget_l3endpoint_t {
	union {
		__u8 v6[16];
		__be32 v4;
	} addr_raw;
	__u8 version; /* 4 or 6 */
	__u8 pad[3];
};

struct gadget_l4endpoint_t {
	struct gadget_l3endpoint_t l3;
	__u16 port; /* host order */
	__u16 proto_raw;
};

struct packet {
	gadget_timestamp timestamp_raw;
	gadget_netns_id netns_id;
	__u32 len;
	struct gadget_l4endpoint_t src;
	struct gadget_l4endpoint_t dst;
	__u8 pkt_type;
	bool egress;
	__u8 pad[6];
};

_Static_assert(sizeof(struct packet) == 72, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

const void *gadget_tracer_packets___events___packet __attribute__((unused));
const struct packet *gadget_tracer_type_packets __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} events_lost_samples SEC(".maps");

static __always_inline void lost(void)
{
	__u32 key = 0;
	__u64 *n = bpf_map_lookup_elem(&events_lost_samples, &key);

	if (n)
		(*n)++;
}

static __always_inline int l3(struct bh_cursor *c, __be16 proto, struct packet *ev)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;
	__u8 next = 0;

	if (proto == bpf_htons(ETH_P_IP)) {
		ip4 = bh_ipv4(c);
		if (!ip4 || bh_ipv4_later_fragment(ip4))
			return -1;
		ev->src.l3.version = 4;
		ev->dst.l3.version = 4;
		ev->src.l3.addr_raw.v4 = ip4->saddr;
		ev->dst.l3.addr_raw.v4 = ip4->daddr;
		return ip4->protocol;
	}
	if (proto != bpf_htons(ETH_P_IPV6))
		return -1;
	ip6 = bh_ipv6(c, &next);
	if (!ip6)
		return -1;
	ev->src.l3.version = 6;
	ev->dst.l3.version = 6;
	__builtin_memcpy(ev->src.l3.addr_raw.v6, &ip6->saddr, 16);
	__builtin_memcpy(ev->dst.l3.addr_raw.v6, &ip6->daddr, 16);
	return next;
}

static __always_inline int parse(const struct __sk_buff *skb, struct packet *ev)
{
	struct bh_cursor c = bh_cursor(skb);
	struct udphdr *ports;
	__be16 proto;
	int l4;

	if (!bh_ethernet(&c, &proto))
		return -1;
	l4 = l3(&c, proto, ev);
	if (l4 != IPPROTO_TCP && l4 != IPPROTO_UDP)
		return -1;
	/* TCP begins with the same two ports. */
	ports = bh_udp(&c);
	if (!ports)
		return -1;
	ev->src.proto_raw = l4;
	ev->dst.proto_raw = l4;
	ev->src.port = bpf_ntohs(ports->source);
	ev->dst.port = bpf_ntohs(ports->dest);
	return 0;
}

static __always_inline int report(struct __sk_buff *skb, bool egress)
{
	struct packet *ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);

	if (!ev) {
		lost();
		return TC_ACT_UNSPEC;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	if (parse(skb, ev)) {
		bpf_ringbuf_discard(ev, 0);
		return TC_ACT_UNSPEC;
	}
	ev->timestamp_raw = bpf_ktime_get_boot_ns();
	ev->netns_id = skb->cb[0];
	ev->len = skb->len;
	ev->pkt_type = skb->pkt_type;
	ev->egress = egress;
	bpf_ringbuf_submit(ev, 0);
	return TC_ACT_UNSPEC;
}

SEC("classifier/ingress/packets")
int ingress_packets(struct __sk_buff *skb)
{
	return report(skb, false);
}

SEC("classifier/egress/packets")
int egress_packets(struct __sk_buff *skb)
{
	return report(skb, true);
}

char LICENSE[] SEC("license") = "GPL";
