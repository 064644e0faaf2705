//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * A bounded loop (Linux 5.3) and bpf_loop with a callback (Linux 5.17): sums
 * the bytes of the packet.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 last_sum;
__u64 last_bounded;

struct summing {
	struct __sk_buff *skb;
	__u64 sum;
};

static long add_byte(__u32 i, void *arg)
{
	struct summing *s = arg;
	__u8 byte;

	if (bpf_skb_load_bytes(s->skb, i, &byte, 1))
		return 1;
	s->sum += byte;
	return 0;
}

SEC("tc")
int sum_bytes(struct __sk_buff *skb)
{
	struct summing s = {.skb = skb};
	__u64 bounded = 0;
	__u8 byte;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 64; i++) {
		if (bpf_skb_load_bytes(skb, i, &byte, 1))
			break;
		bounded += byte;
	}
	bpf_loop(skb->len & 0xffff, add_byte, &s, 0);
	last_bounded = bounded;
	last_sum = s.sum;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
