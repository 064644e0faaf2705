//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Eight frames of BPF-to-BPF calls (MAX_CALL_FRAMES), the last of them global
 * and verified on its own.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 depth_sum;

__noinline int frame8(struct __sk_buff *skb)
{
	volatile int depth = 8;

	if (!skb)
		return 0;
	__sync_fetch_and_add(&depth_sum, skb->len);
	return depth;
}

#define FRAME(n, next)                                        \
	static __noinline int frame##n(struct __sk_buff *skb) \
	{                                                     \
		volatile int depth = n;                       \
                                                              \
		return next(skb) + depth;                     \
	}

FRAME(7, frame8)
FRAME(6, frame7)
FRAME(5, frame6)
FRAME(4, frame5)
FRAME(3, frame4)
FRAME(2, frame3)

SEC("tc")
int eight_frames(struct __sk_buff *skb)
{
	/* 2 + 3 + ... + 8 */
	return frame2(skb) == 35 ? TC_ACT_OK : TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
