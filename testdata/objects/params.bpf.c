//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs with parameters: const volatile globals of the types
 * that occur, with what they came out as in a map of results.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

enum sampling {
	SAMPLING_OFF,
	SAMPLING_RANDOM,
	SAMPLING_ALL = 7,
};

struct limits {
	__u32 min_len;
	__u32 max_len;
};

const volatile bool enabled = true;
const volatile __u8 level = 3;
const volatile __s16 offset = -5;
const volatile __u16 port = 80;
const volatile __u32 ratio = 1;
const volatile int verdict = TC_ACT_OK;
const volatile __u64 big = 1ULL << 40;
const volatile __s64 delta = -1;
const volatile char name[16] = "eth0";
const volatile __be32 target_addr;
const volatile enum sampling mode = SAMPLING_ALL;
const volatile struct limits limits = {0, 65535};

struct results {
	__u64 packets;
	__u64 big;
	__s64 delta;
	__s32 offset;
	__u32 mode;
	__u32 ratio;
	__be32 target_addr;
	__u16 port;
	__u8 level;
	char name[16];
	__u8 pad[5];
};

_Static_assert(sizeof(struct results) == 64, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct results);
} results SEC(".maps");

SEC("tc")
int with_params(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct results *r = bpf_map_lookup_elem(&results, &key);

	if (!r || !enabled || skb->len < limits.min_len || skb->len > limits.max_len)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(&r->packets, 1);
	r->big = big;
	r->delta = delta;
	r->offset = offset;
	r->mode = mode;
	r->ratio = ratio;
	r->target_addr = target_addr;
	r->port = port;
	r->level = level;
	for (int i = 0; i < (int)sizeof(name); i++)
		r->name[i] = name[i];
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
