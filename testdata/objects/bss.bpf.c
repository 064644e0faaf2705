//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs that keep their state in globals: counters in .bss,
 * a threshold in .data, a table in .rodata.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 total_packets;
__u64 total_bytes;
__u64 long_packets;
__u64 by_type[8];
bool seen;

__u32 long_from = 1000;

static const __u8 interesting[8] = {
	[PACKET_HOST] = 1,
	[PACKET_BROADCAST] = 1,
	[PACKET_MULTICAST] = 1,
	[PACKET_OUTGOING] = 1,
};

SEC("tc")
int globals(struct __sk_buff *skb)
{
	__u32 type = skb->pkt_type & 7;

	seen = true;
	__sync_fetch_and_add(&total_packets, 1);
	__sync_fetch_and_add(&total_bytes, skb->len);
	if (skb->len >= long_from)
		__sync_fetch_and_add(&long_packets, 1);
	if (interesting[type])
		__sync_fetch_and_add(&by_type[type], 1);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
