//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the programs that still report through perf events: a struct and,
 * behind it, the first bytes of the packet.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define SNAP_BYTES 64

struct packet_event {
	__u64 timestamp_ns;
	__u32 ifindex;
	__u32 len;
	__be16 protocol;
	__u16 captured;
	__u32 mark;
};

_Static_assert(sizeof(struct packet_event) == 24, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} perf_events SEC(".maps");

/* Keeps the type in BTF: the event lives on the stack only. */
const struct packet_event *unused_event __attribute__((unused));

SEC("classifier")
int sample(struct __sk_buff *skb)
{
	__u64 captured = skb->len < SNAP_BYTES ? skb->len : SNAP_BYTES;
	struct packet_event ev = {
		.timestamp_ns = bpf_ktime_get_ns(),
		.ifindex = skb->ifindex,
		.len = skb->len,
		.protocol = skb->protocol,
		.captured = captured,
		.mark = skb->mark,
	};

	/* The upper half of the flags is the number of packet bytes to append. */
	bpf_perf_event_output(skb, &perf_events, BPF_F_CURRENT_CPU | (captured << 32), &ev,
			      sizeof(ev));
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
