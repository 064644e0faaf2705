//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Redirects every packet to the link ifindex (0: none, the packet is lost).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 ifindex;

SEC("tc")
int redirect_all(struct __sk_buff *skb)
{
	return bpf_redirect(ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
