//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs split by tail calls: a prog array with initial
 * values, and a slot (TAIL_OTHER) that user space fills. The steps are no
 * candidates for attaching, handle_other is for --tail.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum tail {
	TAIL_IPV4,
	TAIL_IPV6,
	TAIL_OTHER,
	TAIL_MAX,
};

enum count {
	COUNT_IPV4,
	COUNT_IPV6,
	COUNT_OTHER,
	COUNT_MISSED,
	COUNT_MAX,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void add(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("tc")
int handle_ipv4(struct __sk_buff *skb)
{
	add(COUNT_IPV4);
	return TC_ACT_OK;
}

SEC("tc")
int handle_ipv6(struct __sk_buff *skb)
{
	add(COUNT_IPV6);
	return TC_ACT_OK;
}

/* Not an initial value of the prog array: its slot is empty until user space fills it. */
SEC("tc")
int handle_other(struct __sk_buff *skb)
{
	add(COUNT_OTHER);
	return TC_ACT_OK;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TAIL_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} steps SEC(".maps") = {
	.values =
		{
			[TAIL_IPV4] = (void *)&handle_ipv4,
			[TAIL_IPV6] = (void *)&handle_ipv6,
		},
};

SEC("tc")
int entry(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		bpf_tail_call(skb, &steps, TAIL_IPV4);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		bpf_tail_call(skb, &steps, TAIL_IPV6);
	else
		bpf_tail_call(skb, &steps, TAIL_OTHER);
	add(COUNT_MISSED);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
