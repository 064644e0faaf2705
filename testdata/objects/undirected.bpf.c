//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Two programs of unknown direction: they cannot be attached without --program.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

__u64 alphas;
__u64 betas;

SEC("tc")
int alpha(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&alphas, 1);
	return TC_ACT_OK;
}

SEC("tc")
int beta(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&betas, 1);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
