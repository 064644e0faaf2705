//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Writes every field of the context that a tc program may write and that
 * observe must therefore restore.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int write_context(struct __sk_buff *ctx)
{
	/* volatile, because the kernel takes no two fields written at once. */
	volatile struct __sk_buff *skb = ctx;

	skb->mark = 0xdead;
	skb->priority = 0x10007;
	skb->queue_mapping = 3;
	skb->tc_index = 5;
	skb->tc_classid = 0x10010;
#pragma unroll
	for (int i = 0; i < 5; i++)
		skb->cb[i] = 0xbad0 + i;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
