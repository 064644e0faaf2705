//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Starts a timer with the first packet (Linux 5.15); it goes on by itself.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define PERIOD_NS 10000000ULL

struct ticking {
	struct bpf_timer timer;
	__u64 started;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ticking);
} timers SEC(".maps");

__u64 ticks;

static int tick(void *map, __u32 *key, struct ticking *t)
{
	__sync_fetch_and_add(&ticks, 1);
	bpf_timer_start(&t->timer, PERIOD_NS, 0);
	return 0;
}

SEC("tc")
int start_timer(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct ticking *t = bpf_map_lookup_elem(&timers, &key);

	if (!t || __sync_lock_test_and_set(&t->started, 1))
		return TC_ACT_OK;
	bpf_timer_init(&t->timer, &timers, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&t->timer, tick);
	bpf_timer_start(&t->timer, PERIOD_NS, 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
