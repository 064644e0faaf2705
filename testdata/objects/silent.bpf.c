//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Knows nothing of Boathook: an event for each packet, without netns, direction
 * or marker. The struct is found by its name, the container by the ring.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct length_event {
	__u64 timestamp_ns;
	__u32 len;
	__be16 ethertype;
	__u16 pad;
};

_Static_assert(sizeof(struct length_event) == 16, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} rb SEC(".maps");

SEC("tc")
int lengths(struct __sk_buff *skb)
{
	struct length_event *ev = bpf_ringbuf_reserve(&rb, sizeof(*ev), 0);

	if (!ev)
		return TC_ACT_OK;
	ev->timestamp_ns = bpf_ktime_get_ns();
	ev->len = skb->len;
	ev->ethertype = skb->protocol;
	ev->pad = 0;
	bpf_ringbuf_submit(ev, 0);
	return TC_ACT_OK;
}

const struct length_event *unused_event __attribute__((unused));

char LICENSE[] SEC("license") = "GPL";
