//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs written for tcx: sections tcx/ingress and
 * tcx/egress, TCX_NEXT, packets counted by length in a histogram.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* enum tcx_action_base of linux/bpf.h, Linux 6.6 and newer. */
#define TCX_NEXT (-1)

#define BUCKETS 16

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

static __always_inline void count(__u32 first, __u32 len)
{
	__u32 bucket = 0;
	__u64 *n;

	for (int i = 0; i < BUCKETS - 1; i++)
		bucket += len >= (64U << i);
	bucket += first;
	n = bpf_map_lookup_elem(&lengths, &bucket);
	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("tcx/ingress")
int lengths_in(struct __sk_buff *skb)
{
	count(0, skb->len);
	return TCX_NEXT;
}

SEC("tcx/egress")
int lengths_out(struct __sk_buff *skb)
{
	count(BUCKETS, skb->len);
	return TCX_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
