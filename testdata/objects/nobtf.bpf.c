//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for what is compiled without -g: no BTF of its types, map definitions
 * in section maps because .maps needs BTF, events that can only be shown as hex.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* As libbpf's bpf_helpers.h had it before 1.0. */
struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct bpf_map_def SEC("maps") events = {
	.type = BPF_MAP_TYPE_RINGBUF,
	.max_entries = 64 * 1024,
};

struct length_event {
	__u32 netns;
	__u32 len;
};

SEC("tc")
int report_length(struct __sk_buff *skb)
{
	struct length_event ev = {.netns = skb->cb[0], .len = skb->len};

	bpf_ringbuf_output(&events, &ev, sizeof(ev), 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
