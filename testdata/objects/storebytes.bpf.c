//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Writes to the packet through a helper: overwrites the source MAC address.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int overwrite(struct __sk_buff *skb)
{
	__u8 mac[ETH_ALEN] = {0x02, 0, 0, 0, 0, 0x01};

	bpf_skb_store_bytes(skb, ETH_ALEN, mac, sizeof(mac), 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
