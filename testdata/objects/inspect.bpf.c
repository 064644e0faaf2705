//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * Stands for the large programs: more than a thousand instructions that parse
 * what flow exporters and tracers parse, VLAN, IPv4, IPv6 with extensions, TCP
 * with its options, UDP, ICMP, DNS queries with their names.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "packet.h"

#define DNS_PORT 53
#define NAME_BYTES 64
#define OPTION_BYTES 64 /* 40 at most, and what an option cut off at the end reads */
#define MAX_OPTIONS 8

/* RFC 9293 section 3.1, RFC 7323, RFC 2018. */
enum tcp_option {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WINDOW_SCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_TIMESTAMP = 8,
};

/* RFC 792 and RFC 4443 begin alike. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 check;
};

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

struct inspect_event {
	__u64 timestamp_ns;
	__u32 netns;
	__u32 len;
	__u8 saddr[16]; /* an IPv4 address is mapped: ::ffff:a.b.c.d */
	__u8 daddr[16];
	__be16 sport;
	__be16 dport;
	__be16 ethertype;
	__u8 l4proto;
	__u8 ttl;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 window_scale;
	bool sack_permitted;
	bool syn;
	bool ack;
	bool fin;
	bool rst;
	__u16 mss;
	__u16 window;
	__u32 tsval;
	__u32 tsecr;
	__u16 dns_id;
	__u16 dns_flags;
	char dns_name[NAME_BYTES];
	__u16 dns_qtype;
	__u8 pad[2];
};

_Static_assert(sizeof(struct inspect_event) == 152, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

const struct inspect_event *unused_event __attribute__((unused));

static __always_inline void map_ipv4(__u8 *to, __be32 addr)
{
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &addr, 4);
}

/* Returns the L4 protocol, -1 if there is none to parse. */
static __always_inline int l3(struct bh_cursor *c, struct inspect_event *ev)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;
	__u8 next = 0;

	if (ev->ethertype == bpf_htons(ETH_P_IP)) {
		ip4 = bh_ipv4(c);
		if (!ip4)
			return -1;
		map_ipv4(ev->saddr, ip4->saddr);
		map_ipv4(ev->daddr, ip4->daddr);
		ev->ttl = ip4->ttl;
		ev->l4proto = ip4->protocol;
		return bh_ipv4_later_fragment(ip4) ? -1 : ip4->protocol;
	}
	if (ev->ethertype != bpf_htons(ETH_P_IPV6))
		return -1;
	ip6 = bh_ipv6(c, &next);
	if (!ip6)
		return -1;
	__builtin_memcpy(ev->saddr, &ip6->saddr, 16);
	__builtin_memcpy(ev->daddr, &ip6->daddr, 16);
	ev->ttl = ip6->hop_limit;
	ev->l4proto = next;
	return next;
}

static __always_inline __u16 be16_at(const __u8 *p)
{
	return p[0] << 8 | p[1];
}

static __always_inline __u32 be32_at(const __u8 *p)
{
	return (__u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* One option at opt, of which size bytes are there. Returns its length, 0 at the end. */
static __always_inline __u32 tcp_option(const __u8 *opt, __u32 size, struct inspect_event *ev)
{
	__u32 len;

	if (opt[0] == OPT_END)
		return 0;
	if (opt[0] == OPT_NOP)
		return 1;
	len = opt[1];
	if (len < 2 || len > size)
		return 0;
	if (opt[0] == OPT_MSS && len == 4)
		ev->mss = be16_at(opt + 2);
	else if (opt[0] == OPT_WINDOW_SCALE && len == 3)
		ev->window_scale = opt[2];
	else if (opt[0] == OPT_SACK_PERMITTED && len == 2)
		ev->sack_permitted = true;
	else if (opt[0] == OPT_TIMESTAMP && len == 10) {
		ev->tsval = be32_at(opt + 2);
		ev->tsecr = be32_at(opt + 6);
	}
	return len;
}

static __always_inline void tcp_options(struct __sk_buff *skb, __u32 offset, __u32 size,
					struct inspect_event *ev)
{
	__u8 options[OPTION_BYTES] = {};
	__u32 at = 0, len;

	size = bh_load(skb, offset, options, size, OPTION_BYTES);
#pragma unroll
	for (int i = 0; i < MAX_OPTIONS; i++) {
		/* Ten bytes of the longest option that is read stay inside of the array. */
		if (at >= size || at > OPTION_BYTES - 10)
			return;
		len = tcp_option(options + at, size - at, ev);
		if (len == 0)
			return;
		at += len;
	}
}

static __always_inline void tcp(struct __sk_buff *skb, struct bh_cursor *c,
				struct inspect_event *ev)
{
	__u32 offset = bh_offset(c) + sizeof(struct tcphdr);
	struct tcphdr *t = bh_tcp(c);

	if (!t)
		return;
	ev->sport = t->source;
	ev->dport = t->dest;
	ev->syn = t->syn;
	ev->ack = t->ack;
	ev->fin = t->fin;
	ev->rst = t->rst;
	ev->window = bpf_ntohs(t->window);
	tcp_options(skb, offset, t->doff * 4 - sizeof(*t), ev);
}

/*
 * Turns the labels of a name, each behind its length, into text with dots, in
 * place. The length of the first is dropped. RFC 1035 section 3.1. Returns the
 * length of the name on the wire, 0 if it does not end here.
 */
static __always_inline __u32 dns_name(char *name, const __u8 *wire)
{
	__u32 left = wire[0];

	if (left == 0 || left > 63)
		return 0;
#pragma unroll
	for (int i = 1; i < NAME_BYTES; i++) {
		if (left > 0) {
			name[i - 1] = wire[i];
			left--;
			continue;
		}
		left = wire[i];
		if (left == 0)
			return i + 1;
		if (left > 63)
			return 0;
		name[i - 1] = '.';
	}
	return 0;
}

static __always_inline void dns(struct __sk_buff *skb, __u32 offset, struct inspect_event *ev)
{
	__u8 wire[NAME_BYTES] = {};
	struct dns_header h;
	__be16 qtype;
	__u32 len;

	if (bpf_skb_load_bytes(skb, offset, &h, sizeof(h)) || h.questions != bpf_htons(1))
		return;
	ev->dns_id = bpf_ntohs(h.id);
	ev->dns_flags = bpf_ntohs(h.flags);
	offset += sizeof(h);
	len = skb->len - offset;
	if (!bh_load(skb, offset, wire, len, NAME_BYTES))
		return;
	len = dns_name(ev->dns_name, wire);
	if (len && !bpf_skb_load_bytes(skb, offset + len, &qtype, sizeof(qtype)))
		ev->dns_qtype = bpf_ntohs(qtype);
}

static __always_inline void udp(struct __sk_buff *skb, struct bh_cursor *c,
				struct inspect_event *ev)
{
	struct udphdr *u = bh_udp(c);

	if (!u)
		return;
	ev->sport = u->source;
	ev->dport = u->dest;
	if (u->source == bpf_htons(DNS_PORT) || u->dest == bpf_htons(DNS_PORT))
		dns(skb, bh_offset(c), ev);
}

static __always_inline void icmp(struct bh_cursor *c, struct inspect_event *ev)
{
	struct icmp_header *i = bh_take(c, sizeof(*i));

	if (!i)
		return;
	ev->icmp_type = i->type;
	ev->icmp_code = i->code;
}

static __always_inline void parse(struct __sk_buff *skb, struct inspect_event *ev)
{
	struct bh_cursor c = bh_cursor(skb);
	__be16 proto;

	if (!bh_ethernet(&c, &proto))
		return;
	ev->ethertype = proto;
	switch (l3(&c, ev)) {
	case IPPROTO_TCP:
		tcp(skb, &c, ev);
		break;
	case IPPROTO_UDP:
		udp(skb, &c, ev);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		icmp(&c, ev);
		break;
	}
}

SEC("tc")
int inspect(struct __sk_buff *skb)
{
	struct inspect_event *ev = bpf_ringbuf_reserve(&events, sizeof(*ev), 0);

	if (!ev)
		return TC_ACT_OK;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->timestamp_ns = bpf_ktime_get_ns();
	ev->netns = skb->cb[0];
	ev->len = skb->len;
	parse(skb, ev);
	bpf_ringbuf_submit(ev, 0);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
