//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs whose sections say nothing of a type (run with
 * --as sched_cls): sections ingress and egress, as iproute2's manual has them.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} acc_map SEC(".maps");

static __always_inline int account(const struct __sk_buff *skb, __u32 dir)
{
	__u64 *bytes = bpf_map_lookup_elem(&acc_map, &dir);

	if (bytes)
		__sync_fetch_and_add(bytes, skb->len);
	return TC_ACT_OK;
}

SEC("ingress")
int acc_in(struct __sk_buff *skb)
{
	return account(skb, 0);
}

SEC("egress")
int acc_out(struct __sk_buff *skb)
{
	return account(skb, 1);
}

char LICENSE[] SEC("license") = "GPL";
