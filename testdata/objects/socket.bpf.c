//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the socket filters of Inspektor Gadget's network tracers: section
 * socket1, LD_ABS, the netns from skb->cb[0], everything accepted.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* LD_ABS: reads in network order, ends the program when the offset is beyond the packet. */
unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long off) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long off) asm("llvm.bpf.load.word");

#define ETH_HLEN 14
#define ETHERTYPE_OFFSET 12
#define ETHERTYPE_IPV4 0x0800
#define PROTO_UDP 17

struct dns_event {
	__u32 netns;
	__u32 saddr_host; /* host order, as LD_ABS gives it */
	__u32 daddr_host;
	__u16 sport_host;
	__u16 dport_host;
	__u16 id;
	__u16 flags;
};

_Static_assert(sizeof(struct dns_event) == 20, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

const struct dns_event *unused_dns_event __attribute__((unused));

SEC("socket1")
int trace_dns(struct __sk_buff *skb)
{
	struct dns_event ev = {};
	__u32 udp;

	/* skb->cb is read first: LD_ABS may end the program. */
	ev.netns = skb->cb[0];
	if (load_half(skb, ETHERTYPE_OFFSET) != ETHERTYPE_IPV4)
		return 0;
	if (load_byte(skb, ETH_HLEN + 9) != PROTO_UDP)
		return 0;
	udp = ETH_HLEN + (load_byte(skb, ETH_HLEN) & 0xf) * 4;
	ev.saddr_host = load_word(skb, ETH_HLEN + 12);
	ev.daddr_host = load_word(skb, ETH_HLEN + 16);
	ev.sport_host = load_half(skb, udp);
	ev.dport_host = load_half(skb, udp + 2);
	if (ev.sport_host != 53 && ev.dport_host != 53)
		return 0;
	ev.id = load_half(skb, udp + 8);
	ev.flags = load_half(skb, udp + 10);
	bpf_perf_event_output(skb, &events, BPF_F_CURRENT_CPU, &ev, sizeof(ev));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
