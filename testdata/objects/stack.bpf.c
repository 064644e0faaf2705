//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Uses all 512 bytes of stack (MAX_BPF_STACK) in one frame.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 sum;

SEC("tc")
int full_stack(struct __sk_buff *skb)
{
	volatile __u64 words[63];
	__u64 total = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 63; i++)
		words[i] = i;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 63; i++)
		total += words[i];
	/* clang 19 stops short of the last word, the kernel does not. */
	asm volatile("*(u64 *)(r10 - 512) = %1; %0 = *(u64 *)(r10 - 512)"
		     : "=r"(total)
		     : "r"(total));
	sum = total;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
