//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for CO-RE against types that only the loader knows: struct
 * gadget_process is relocatable, and the kernel has no such type, so it loads
 * only if the object's own types count as targets.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct gadget_process {
	__u32 pid;
	__u32 tid;
	char comm[16];
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct gadget_process);
} processes SEC(".maps");

__u32 last_pid;

SEC("tc")
int relocated(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct gadget_process *p = bpf_map_lookup_elem(&processes, &key);

	if (p)
		last_pid = p->pid;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
