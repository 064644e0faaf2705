//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Drops every packet, in both directions, and says so: the program that must
 * not harm anybody under observe. The event carries the netns and, of UDP, the
 * first bytes of the payload, where tests write a number in decimal.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "boathook.h"
#include "packet.h"

#define PAYLOAD_BYTES 16

struct drop_event {
	__u32 netns;
	__u32 len;
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__be16 ethertype;
	__u8 l4proto;
	__u8 pad;
	__u32 number; /* of the payload's leading decimal digits */
	char payload[PAYLOAD_BYTES];
};

_Static_assert(sizeof(struct drop_event) == 44, "no hidden padding");

BH_RING(events, 1024 * 1024);
BH_EVENT(events, drop_event);

static __always_inline __u32 decimal(const char *text)
{
	__u32 n = 0;

#pragma unroll
	for (int i = 0; i < PAYLOAD_BYTES; i++) {
		if (text[i] < '0' || text[i] > '9')
			break;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

static __always_inline void describe(struct __sk_buff *skb, struct drop_event *ev)
{
	struct bh_cursor c = bh_cursor(skb);
	struct udphdr *udp;
	struct iphdr *ip;
	__be16 proto;

	if (!bh_ethernet(&c, &proto))
		return;
	ev->ethertype = proto;
	if (proto != bpf_htons(ETH_P_IP))
		return;
	ip = bh_ipv4(&c);
	if (!ip)
		return;
	ev->l4proto = ip->protocol;
	ev->saddr = ip->saddr;
	ev->daddr = ip->daddr;
	if (ip->protocol != IPPROTO_UDP || bh_ipv4_later_fragment(ip))
		return;
	udp = bh_udp(&c);
	if (!udp || bpf_ntohs(udp->len) < sizeof(*udp))
		return;
	ev->sport = udp->source;
	ev->dport = udp->dest;
	if (bh_load(skb, bh_offset(&c), ev->payload, bpf_ntohs(udp->len) - sizeof(*udp),
		    PAYLOAD_BYTES))
		ev->number = decimal(ev->payload);
}

SEC("tc")
int drop_all(struct __sk_buff *skb)
{
	struct drop_event *ev = bh_reserve(events, drop_event);

	if (!ev)
		return TC_ACT_SHOT;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->netns = bh_netns(skb);
	ev->len = skb->len;
	describe(skb, ev);
	bh_submit(events, ev);
	/* The harm this object is for. */
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
