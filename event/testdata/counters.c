//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL

/* A program that only counts: global variables, per-CPU maps, maps without
 * BTF, and two structs that could be its events. */
#include "defs.h"

struct key {
	__be32 saddr;
	__be16 sport;
	__u8 proto;
	__u8 pad;
};

struct stats {
	__u64 packets;
	__u64 bytes;
	__u64 last_seen_ns;
	char ifname[8];
};

struct first_event {
	__u32 a;
};

typedef struct {
	__u32 b;
} second_event_t;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, struct stats);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 12);
} plain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

__u64 packets;
__u32 drops;

const struct first_event *first_unused;
const second_event_t *second_unused;
