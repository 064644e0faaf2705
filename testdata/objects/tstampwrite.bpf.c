//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Writes the departure time, as the programs that shape do. Restoring it would
 * change its type. The protocol test is what makes 5.18 and newer take it as a
 * delivery time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u64 delay_ns = 1000000;

SEC("tc")
int delay_departure(struct __sk_buff *skb)
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	skb->tstamp = bpf_ktime_get_ns() + delay_ns;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
