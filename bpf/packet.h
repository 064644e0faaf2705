/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * Bounds-checked packet parsing: Ethernet, VLAN, IPv4, IPv6, TCP, UDP.
 *
 * A cursor walks over the linear part of a packet. Every function returns the
 * header at the cursor and moves past it, or returns NULL and leaves the cursor
 * where it was if the header is cut off or not what it claims to be, so a
 * program never sees a byte outside of the packet:
 *
 *	struct bh_cursor c = bh_cursor(skb);
 *	struct ethhdr *eth = bh_ethernet(&c, &proto);
 *	...
 *	struct iphdr *ip = bh_ipv4(&c);
 *
 * Fields stay in wire order. The linear part may end inside of a header: call
 * bpf_skb_pull_data(skb, bytes) first where that matters (it changes no byte of
 * the packet), or read with bpf_skb_load_bytes, for which bh_offset gives the
 * offset. Links without Ethernet header (tun, wireguard) begin with bh_ipv4 or
 * bh_ipv6, by skb->protocol.
 *
 * A VLAN tag that the hardware has taken off is not in the packet but in
 * skb->vlan_tci.
 */
#ifndef BOATHOOK_PACKET_H
#define BOATHOOK_PACKET_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#ifndef NULL
#define NULL ((void *)0)
#endif

/* Tags and extension headers beyond these are not followed (NULL is returned). */
#define BH_MAX_VLANS 2
#define BH_MAX_EXTENSIONS 4

/* Where in the linear part of a packet parsing stands. */
struct bh_cursor {
	void *data;
	void *pos;
	void *end;
};

/* IEEE 802.1Q tag as it follows the addresses. */
struct bh_vlan {
	__be16 tci;
	__be16 proto;
};

/* First bytes of an IPv6 extension header; RFC 8200 section 4. */
struct bh_extension {
	__u8 next;
	__u8 len; /* in units of 8 bytes, without the first; in units of 4 for AH */
	__be16 fragment; /* of a fragment header: offset, flags */
};

/*
 * Copies the len bytes at offset, max of them at most (a constant power of
 * two), out of the packet, its non-linear part included. Returns how many came,
 * 0 if there are none or the packet ends before.
 *
 * A length that was read from a packet needs both bounds in a form that the
 * verifier of every kernel believes and that clang does not optimise away.
 */
static __always_inline __u32 bh_load(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len,
				     __u32 max)
{
	if (len == 0)
		return 0;
	if (len > max)
		len = max;
	len--;
	asm volatile("" : "+r"(len));
	len = (len & (max - 1)) + 1;
	if (bpf_skb_load_bytes(skb, offset, to, len))
		return 0;
	return len;
}

/* A cursor at the first byte of the packet. */
static __always_inline struct bh_cursor bh_cursor(const struct __sk_buff *skb)
{
	struct bh_cursor c = {
		.data = (void *)(long)skb->data,
		.pos = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
	};

	return c;
}

/* Offset of the cursor in the packet, for bpf_skb_load_bytes. */
static __always_inline __u32 bh_offset(const struct bh_cursor *c)
{
	return c->pos - c->data;
}

/* Takes size bytes, a constant. NULL if there are fewer. */
static __always_inline void *bh_take(struct bh_cursor *c, __u32 size)
{
	void *at = c->pos;

	if (at + size > c->end)
		return NULL;
	c->pos = at + size;
	return at;
}

/*
 * Moves the cursor by a number of bytes that was read from the packet. The mask
 * is for the verifier, which must see a bound before it lets a number be added
 * to a pointer; no header here is longer.
 */
static __always_inline int bh_skip(struct bh_cursor *c, __u32 size)
{
	void *to = c->pos + (size & 0xfff);

	if (size > 0xfff || to > c->end)
		return -1;
	c->pos = to;
	return 0;
}

/*
 * Ethernet header with up to BH_MAX_VLANS tags after it. proto becomes the
 * EtherType of what follows.
 */
static __always_inline struct ethhdr *bh_ethernet(struct bh_cursor *c, __be16 *proto)
{
	struct bh_cursor at = *c;
	struct ethhdr *eth = bh_take(&at, sizeof(*eth));
	struct bh_vlan *vlan;

	if (!eth)
		return NULL;
	*proto = eth->h_proto;
#pragma unroll
	for (int i = 0; i < BH_MAX_VLANS; i++) {
		if (*proto != bpf_htons(ETH_P_8021Q) && *proto != bpf_htons(ETH_P_8021AD))
			break;
		vlan = bh_take(&at, sizeof(*vlan));
		if (!vlan)
			return NULL;
		*proto = vlan->proto;
	}
	*c = at;
	return eth;
}

/* IPv4 header; its options are skipped. */
static __always_inline struct iphdr *bh_ipv4(struct bh_cursor *c)
{
	struct bh_cursor at = *c;
	struct iphdr *ip = bh_take(&at, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return NULL;
	if (bh_skip(&at, ip->ihl * 4 - sizeof(*ip)))
		return NULL;
	*c = at;
	return ip;
}

/* Says that this is a fragment but the first, so no L4 header follows. */
static __always_inline int bh_ipv4_later_fragment(const struct iphdr *ip)
{
	return (ip->frag_off & bpf_htons(0x1fff)) != 0;
}

/* Says that an extension header of this number is one that can be stepped over. */
static __always_inline int bh_is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* Length in bytes of the extension header number next. */
static __always_inline __u32 bh_extension_size(__u8 next, const struct bh_extension *ext)
{
	if (next == IPPROTO_FRAGMENT)
		return 8;
	if (next == IPPROTO_AH)
		return (ext->len + 2) * 4;
	return (ext->len + 1) * 8;
}

/*
 * IPv6 header with up to BH_MAX_EXTENSIONS extension headers after it. next
 * becomes the protocol of what follows; IPPROTO_NONE for a fragment but the
 * first, where no L4 header follows.
 */
static __always_inline struct ipv6hdr *bh_ipv6(struct bh_cursor *c, __u8 *next)
{
	struct bh_cursor at = *c;
	struct ipv6hdr *ip = bh_take(&at, sizeof(*ip));
	struct bh_extension *ext;
	__u32 size;

	if (!ip || ip->version != 6)
		return NULL;
	*next = ip->nexthdr;
#pragma unroll
	for (int i = 0; i < BH_MAX_EXTENSIONS; i++) {
		if (!bh_is_extension(*next))
			break;
		ext = bh_take(&at, sizeof(*ext));
		if (!ext)
			return NULL;
		size = bh_extension_size(*next, ext);
		if (bh_skip(&at, size - sizeof(*ext)))
			return NULL;
		if (*next == IPPROTO_FRAGMENT && (ext->fragment & bpf_htons(0xfff8))) {
			*next = IPPROTO_NONE;
			break;
		}
		*next = ext->next;
	}
	if (bh_is_extension(*next))
		return NULL;
	*c = at;
	return ip;
}

/* TCP header; its options are skipped. */
static __always_inline struct tcphdr *bh_tcp(struct bh_cursor *c)
{
	struct bh_cursor at = *c;
	struct tcphdr *tcp = bh_take(&at, sizeof(*tcp));

	if (!tcp || tcp->doff < 5)
		return NULL;
	if (bh_skip(&at, tcp->doff * 4 - sizeof(*tcp)))
		return NULL;
	*c = at;
	return tcp;
}

/* UDP header. */
static __always_inline struct udphdr *bh_udp(struct bh_cursor *c)
{
	struct bh_cursor at = *c;
	struct udphdr *udp = bh_take(&at, sizeof(*udp));

	if (!udp)
		return NULL;
	*c = at;
	return udp;
}

#endif
