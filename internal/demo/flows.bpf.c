//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * What `boathook demo` runs: it reports the first packet of every TCP and UDP
 * conversation of a network namespace, whichever way it goes. And it asks for
 * every packet to be dropped, to show that under observe this changes nothing.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <packet.h>
#include <boathook.h>

struct event {
	__u64 timestamp; /* since boot, in nanoseconds */
	__u32 netns;
	__u32 len; /* of the packet, with its Ethernet header */
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};

_Static_assert(sizeof(struct event) == 32, "no hidden padding");

/* A conversation: the same for both ways, which the order of its ends ensures. */
struct flow {
	__u32 netns;
	__be32 addr[2];
	__be16 port[2];
	__u32 proto;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u8);
} flows SEC(".maps");

BH_RING(events, 64 * 1024);
BH_EVENT(events, event);

/* Reads addresses and ports; -1 for what is neither TCP nor UDP over IPv4. */
static __always_inline int parse(const struct __sk_buff *skb, struct event *ev)
{
	struct bh_cursor c = bh_cursor(skb);
	struct udphdr *ports;
	struct iphdr *ip;
	__be16 proto;

	if (!bh_ethernet(&c, &proto) || proto != bpf_htons(ETH_P_IP))
		return -1;
	ip = bh_ipv4(&c);
	if (!ip || bh_ipv4_later_fragment(ip))
		return -1;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return -1;
	/* TCP begins with the same two ports. */
	ports = bh_udp(&c);
	if (!ports)
		return -1;
	ev->saddr = ip->saddr;
	ev->daddr = ip->daddr;
	ev->sport = ports->source;
	ev->dport = ports->dest;
	ev->proto = ip->protocol;
	return 0;
}

/* Says that this is the first packet of its conversation in this namespace. */
static __always_inline int is_first(const struct event *ev)
{
	int high = ev->saddr > ev->daddr || (ev->saddr == ev->daddr && ev->sport > ev->dport);
	struct flow flow = {
		.netns = ev->netns,
		.addr = {high ? ev->daddr : ev->saddr, high ? ev->saddr : ev->daddr},
		.port = {high ? ev->dport : ev->sport, high ? ev->sport : ev->dport},
		.proto = ev->proto,
	};
	__u8 seen = 1;

	return bpf_map_update_elem(&flows, &flow, &seen, BPF_NOEXIST) == 0;
}

static __always_inline void report(const struct event *first)
{
	struct event *ev = bh_reserve(events, event);

	if (!ev)
		return;
	*ev = *first;
	bh_submit(events, ev);
}

SEC("tc")
int conversations(struct __sk_buff *skb)
{
	struct event ev = {.netns = bh_netns(skb), .len = skb->len};

	if (parse(skb, &ev) == 0 && is_first(&ev)) {
		ev.timestamp = bpf_ktime_get_boot_ns();
		report(&ev);
	}
	/* Nothing that a program answers is obeyed under observe; this one shows it. */
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
