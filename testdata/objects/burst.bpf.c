//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * An event of 128 bytes for each packet, with nothing in it but its number, as
 * fast as a program can: for measuring who reads them.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "boathook.h"

struct burst_event {
	__u64 number;
	__u64 rest[15];
};

_Static_assert(sizeof(struct burst_event) == 128, "no hidden padding");

BH_RING(events, 4 * 1024 * 1024);
BH_EVENT(events, burst_event);

__u64 number; /* on one CPU at a time */

SEC("tc")
int burst(struct __sk_buff *skb)
{
	struct burst_event *ev = bh_reserve(events, burst_event);

	if (ev) {
		ev->number = number++;
		bpf_ringbuf_submit(ev, 0);
	}
	return BH_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
