//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Asks for its map to be pinned by name, as programs do that share state with
 * another tool.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} shared_by_mark SEC(".maps");

SEC("tc")
int count_marks(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u64 one = 1, *n = bpf_map_lookup_elem(&shared_by_mark, &mark);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&shared_by_mark, &mark, &one, BPF_NOEXIST);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
