//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Reads and writes fields of the context whose places are known only when the
 * program is loaded: the loader moves them from where these structs have them to
 * where the kernel does.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define MOVED __attribute__((preserve_access_index))

struct __sk_buff___cb {
	__u32 cb[5];
} MOVED;

struct __sk_buff___time {
	__u64 tstamp;
} MOVED;

struct __sk_buff___mark {
	__u32 cb[12];
	__u32 mark; /* at offset 48, which is that of cb[0] */
} MOVED;

__u32 last;

SEC("tc")
int read_cb(struct __sk_buff *skb)
{
	last = ((struct __sk_buff___cb *)skb)->cb[0];
	return TC_ACT_UNSPEC;
}

SEC("tc")
int write_time(struct __sk_buff *skb)
{
	((struct __sk_buff___time *)skb)->tstamp = 1;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int write_mark(struct __sk_buff *skb)
{
	((struct __sk_buff___mark *)skb)->mark = 1;
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
