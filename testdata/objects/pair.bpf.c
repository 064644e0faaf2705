//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the accounting pairs: two programs in section tc, one per
 * direction by its name, that share a hash of flows.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "packet.h"

struct flow_key {
	__be32 local_addr;
	__be32 remote_addr;
	__u8 proto;
	__u8 pad[3];
};

struct flow_stats {
	__u64 in_packets;
	__u64 in_bytes;
	__u64 out_packets;
	__u64 out_bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, struct flow_stats);
} flows SEC(".maps");

static __always_inline struct flow_stats *flow_of(const struct flow_key *key)
{
	struct flow_stats *stats = bpf_map_lookup_elem(&flows, key);
	struct flow_stats none = {};

	if (stats)
		return stats;
	bpf_map_update_elem(&flows, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, key);
}

static __always_inline struct iphdr *ipv4_of(const struct __sk_buff *skb)
{
	struct bh_cursor c = bh_cursor(skb);
	__be16 proto;

	if (!bh_ethernet(&c, &proto) || proto != bpf_htons(ETH_P_IP))
		return NULL;
	return bh_ipv4(&c);
}

SEC("tc")
int handle_ingress(struct __sk_buff *skb)
{
	struct iphdr *ip = ipv4_of(skb);
	struct flow_key key = {};
	struct flow_stats *stats;

	if (!ip)
		return TC_ACT_OK;
	key.local_addr = ip->daddr;
	key.remote_addr = ip->saddr;
	key.proto = ip->protocol;
	stats = flow_of(&key);
	if (!stats)
		return TC_ACT_OK;
	__sync_fetch_and_add(&stats->in_packets, 1);
	__sync_fetch_and_add(&stats->in_bytes, skb->len);
	return TC_ACT_OK;
}

SEC("tc")
int handle_egress(struct __sk_buff *skb)
{
	struct iphdr *ip = ipv4_of(skb);
	struct flow_key key = {};
	struct flow_stats *stats;

	if (!ip)
		return TC_ACT_OK;
	key.local_addr = ip->saddr;
	key.remote_addr = ip->daddr;
	key.proto = ip->protocol;
	stats = flow_of(&key);
	if (!stats)
		return TC_ACT_OK;
	__sync_fetch_and_add(&stats->out_packets, 1);
	__sync_fetch_and_add(&stats->out_bytes, skb->len);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
