//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * As many events as packets, 128 bytes each, for measuring what an event costs.
 * How it wakes the reader is a parameter: as boathook.h does, as the kernel does
 * by default, or never.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "boathook.h"

struct flood_event {
	__u64 timestamp_ns;
	__u64 bytes;
	__u64 packets;
	__u64 cookie;
	__u32 netns;
	__u32 len;
	__u32 mark;
	__u32 hash;
	__u8 saddr[16];
	__u8 daddr[16];
	__be16 sport;
	__be16 dport;
	__be16 ethertype;
	__u8 l4proto;
	__u8 ttl;
	__u32 seq;
	__u32 ack;
	__u16 window;
	__u8 flags;
	__u8 pad[5];
	char comm[16];
	__u64 number;
};

_Static_assert(sizeof(struct flood_event) == 128, "no hidden padding");

BH_RING(events, 4 * 1024 * 1024);
BH_EVENT(events, flood_event);

enum wakeups { WAKE_LIKE_BOATHOOK, WAKE_LIKE_KERNEL, WAKE_NEVER };

const volatile enum wakeups wakeups = WAKE_LIKE_BOATHOOK;

__u64 number; /* on one CPU at a time */

static __always_inline void describe(struct __sk_buff *skb, struct flood_event *ev)
{
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->timestamp_ns = bpf_ktime_get_ns();
	ev->netns = bh_netns(skb);
	ev->len = skb->len;
	ev->bytes = skb->len;
	ev->packets = 1;
	ev->ethertype = skb->protocol;
	ev->saddr[0] = 0xfd;
	ev->saddr[15] = 1;
	ev->daddr[0] = 0xfd;
	ev->daddr[15] = 2;
	ev->sport = 0x3412;
	ev->dport = 0x3500;
	ev->l4proto = 17;
	ev->ttl = 64;
	__builtin_memcpy(ev->comm, "flood", 6);
	ev->number = number++;
}

static __always_inline void submit(struct flood_event *ev)
{
	switch (wakeups) {
	case WAKE_LIKE_BOATHOOK:
		bh_submit(events, ev);
		break;
	case WAKE_LIKE_KERNEL:
		bpf_ringbuf_submit(ev, 0);
		break;
	default:
		bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
	}
}

SEC("tc")
int flood(struct __sk_buff *skb)
{
	struct flood_event *ev = bh_reserve(events, flood_event);

	if (ev) {
		describe(skb, ev);
		submit(ev);
	}
	return BH_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
