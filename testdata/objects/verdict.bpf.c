//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Returns the verdict it is told to (--set verdict=N), and counts.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

const volatile int verdict = TC_ACT_UNSPEC;

__u64 packets;

SEC("tc")
int fixed_verdict(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&packets, 1);
	return verdict;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
