//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Maps of the kinds that tc programs use, each one touched by every packet.
 * Requires at least Linux 5.16 (bloom filter).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define KEYED(kind, name)                          \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, 16);           \
		__type(key, __u32);                \
		__type(value, __u64);              \
	} name SEC(".maps")

KEYED(HASH, hash);
KEYED(ARRAY, array);
KEYED(PERCPU_HASH, percpu_hash);
KEYED(PERCPU_ARRAY, percpu_array);
KEYED(LRU_HASH, lru_hash);
KEYED(LRU_PERCPU_HASH, lru_percpu_hash);

struct prefix {
	__u32 bits;
	__u32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 16);
	__type(value, __u32);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__type(value, __u32);
} bloom SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} inner_zero SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} array_of_maps SEC(".maps") = {
	.values = {&inner_zero},
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} hash_of_maps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} sk_storage SEC(".maps");

/* Counts in any map whose values are __u64. */
static __always_inline void add(void *map, const void *key)
{
	__u64 one = 1, *n = bpf_map_lookup_elem(map, key);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(map, key, &one, BPF_NOEXIST);
}

static __always_inline void add_inner(void *outer)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(outer, &zero);

	if (inner)
		add(inner, &zero);
}

static __always_inline void add_to_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u64 *n;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return;
	n = bpf_sk_storage_get(&sk_storage, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("tc")
int touch_maps(struct __sk_buff *skb)
{
	struct prefix prefix = {.bits = 32, .addr = skb->len};
	__u32 zero = 0, len = skb->len;

	add(&hash, &zero);
	add(&array, &zero);
	add(&percpu_hash, &zero);
	add(&percpu_array, &zero);
	add(&lru_hash, &zero);
	add(&lru_percpu_hash, &zero);
	add(&lpm, &prefix);
	add_inner(&array_of_maps);
	add_inner(&hash_of_maps);
	add_to_socket(skb);
	/* BPF_EXIST makes room by dropping the oldest. */
	bpf_map_push_elem(&queue, &len, BPF_EXIST);
	bpf_map_push_elem(&stack, &len, BPF_EXIST);
	bpf_map_push_elem(&bloom, &len, BPF_ANY);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
