//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs written for iproute2's loader: maps as struct
 * bpf_elf_map in section maps, with an id and pinning, no BTF for the maps,
 * section classifier.
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

#define PIN_GLOBAL_NS 2

enum {
	ACC_PACKETS,
	ACC_BYTES,
	ACC_MAX,
};

struct bpf_elf_map acc_map SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = sizeof(__u32),
	.size_value = sizeof(__u64),
	.max_elem = ACC_MAX,
	.id = 1,
	.pinning = PIN_GLOBAL_NS,
};

static __always_inline void add(__u32 key, __u64 what)
{
	__u64 *sum = bpf_map_lookup_elem(&acc_map, &key);

	if (sum)
		__sync_fetch_and_add(sum, what);
}

SEC("classifier")
int account(struct __sk_buff *skb)
{
	add(ACC_PACKETS, 1);
	add(ACC_BYTES, skb->len);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
