//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Calls bpf_throw (Linux 6.7), which unwinds past a caller that tail-called it:
 * refused in every mode.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

extern void bpf_throw(__u64 cookie) __ksym __attribute__((noreturn));

SEC("tc")
int throws(struct __sk_buff *skb)
{
	if (skb->len > 100)
		bpf_throw(TC_ACT_SHOT);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
