//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs with tail calls written for iproute2's loader: prog
 * arrays with an id, and tail-called programs in sections ID/INDEX, where the id
 * is written as in C, in any base.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* As iproute2's bpf_elf.h has it. */
struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
};

#define STEPS_ENTRIES 4

struct bpf_elf_map steps SEC("maps") = {
	.type = BPF_MAP_TYPE_PROG_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u32),
	.max_elem = STEPS_ENTRIES,
	.id = 0xabccba,
};

struct bpf_elf_map more_steps SEC("maps") = {
	.type = BPF_MAP_TYPE_PROG_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u32),
	.max_elem = STEPS_ENTRIES,
	.id = 7,
};

struct bpf_elf_map counts SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u64),
	.max_elem = 3,
};

static __always_inline void add(__u32 key)
{
	__u64 *sum = bpf_map_lookup_elem(&counts, &key);

	if (sum)
		__sync_fetch_and_add(sum, 1);
}

SEC("0xabccba/2")
int second(struct __sk_buff *skb)
{
	add(1);
	bpf_tail_call(skb, &more_steps, 0);
	return TC_ACT_OK;
}

SEC("7/0")
int third(struct __sk_buff *skb)
{
	add(2);
	return TC_ACT_OK;
}

SEC("classifier")
int first(struct __sk_buff *skb)
{
	add(0);
	bpf_tail_call(skb, &steps, 2);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
