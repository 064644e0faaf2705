//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Writes to the packet directly, no helper involved: sets the DSCP of IPv4.
 * Only the kernel's unclone prologue shows it.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "packet.h"

const volatile __u8 dscp = 46;

SEC("tc")
int set_dscp(struct __sk_buff *skb)
{
	struct bh_cursor c = bh_cursor(skb);
	struct iphdr *ip;
	__be16 proto;
	__u32 sum;
	__u8 tos;

	if (!bh_ethernet(&c, &proto) || proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	ip = bh_ipv4(&c);
	if (!ip)
		return TC_ACT_OK;
	tos = (dscp << 2) | (ip->tos & 3);
	/* RFC 1624, equation 3; tos is the low byte of the first 16 bits. */
	sum = bpf_ntohs(~ip->check & 0xffff) + (~ip->tos & 0xff) + 0xff00 + tos;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~bpf_htons(sum) & 0xffff;
	ip->tos = tos;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
