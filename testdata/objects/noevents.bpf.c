//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Has neither events nor maps: there is nothing to print.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int nothing(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
