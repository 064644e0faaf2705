//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * A policy, for the modes that honour verdicts: drops UDP to one port, has no
 * opinion on the rest, reports what it drops and counts both.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "boathook.h"
#include "packet.h"

const volatile __u16 port = 9;

__u64 denied;
__u64 passed;

struct deny_event {
	__u32 netns;
	__be32 saddr;
	__be32 daddr;
	__be16 dport;
	__u16 pad;
};

_Static_assert(sizeof(struct deny_event) == 16, "no hidden padding");

BH_RING(denials, 64 * 1024);
BH_EVENT(denials, deny_event);

/* The IPv4 header of a packet that must not pass, else NULL. */
static __always_inline struct iphdr *unwanted(const struct __sk_buff *skb)
{
	struct bh_cursor c = bh_cursor(skb);
	struct udphdr *udp;
	struct iphdr *ip;
	__be16 proto;

	if (!bh_ethernet(&c, &proto) || proto != bpf_htons(ETH_P_IP))
		return NULL;
	ip = bh_ipv4(&c);
	if (!ip || ip->protocol != IPPROTO_UDP || bh_ipv4_later_fragment(ip))
		return NULL;
	udp = bh_udp(&c);
	if (!udp || udp->dest != bpf_htons(port))
		return NULL;
	return ip;
}

SEC("tc")
int deny_port(struct __sk_buff *skb)
{
	struct iphdr *ip = unwanted(skb);
	struct deny_event *ev;

	if (!ip) {
		__sync_fetch_and_add(&passed, 1);
		return BH_PASS;
	}
	__sync_fetch_and_add(&denied, 1);
	ev = bh_reserve(denials, deny_event);
	if (ev) {
		ev->netns = bh_netns(skb);
		ev->saddr = ip->saddr;
		ev->daddr = ip->daddr;
		ev->dport = bpf_htons(port);
		ev->pad = 0;
		bh_submit(denials, ev);
	}
	/* The policy says so. */
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
