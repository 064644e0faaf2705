//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * The predecessor's dispatcher: one copy for each interface and direction, with
 * the network namespace as a constant. What it calls does not return here.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Set before each load. */
const volatile __u32 netns = 0;

/* Shared by all copies of a handler. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} slot SEC(".maps");

SEC("tc")
int baseline(struct __sk_buff *skb)
{
	skb->cb[0] = netns;
	bpf_tail_call(skb, &slot, 0);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
