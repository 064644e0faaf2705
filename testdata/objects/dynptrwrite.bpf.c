//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Writes to the packet through a dynptr (Linux 6.4): a kfunc and a helper that
 * are harmless or not by what the dynptr points to.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

SEC("tc")
int write_dynptr(struct __sk_buff *skb)
{
	__u8 mac[6] = {0x02, 0, 0, 0, 0, 0x01};
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return TC_ACT_OK;
	bpf_dynptr_write(&ptr, 6, mac, sizeof(mac), 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
