//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL

/* Every kind of field that a program may send, through a perf event array
 * whose struct is found by its name. */
#include "defs.h"

enum verdict { PASS = 0, DROP = 2, AGAIN = 2, MINUS = -1 };
enum wide { SMALL = 1, BIG = 0x100000000 };

struct in6_addr {
	__u8 s6_addr[16];
};

struct point {
	__s16 x;
	__s16 y;
};

struct kinds_event {
	__u8 a_u8;
	__s8 a_s8;
	__u16 a_u16;
	__s32 a_s32;
	__u64 a_u64;
	__s64 a_s64;
	bool flag;
	__u8 low : 3;
	__u8 high : 5;
	__u16 _pad;
	enum verdict verdict;
	enum wide wide;
	double ratio;
	char comm[8];
	char names[2][4];
	__u8 blob[3];
	__u8 more;
	struct point at;
	struct point path[2];
	union {
		__u32 whole;
		__u16 halves[2];
	};
	struct {
		__u32 inner;
	};
	union {
		__u16 icmp;
		__u8 bytes[2];
	} u;
	__be16 sport;
	const void *ptr;
};

struct network {
	__be32 saddr;
	__u32 dst_ip;
	__u32 ip_len;
	__u32 daddr_host;
	__be32 seq;
	__u8 saddr6[16];
	struct in6_addr in6;
	__u8 smac[6];
	__be16 h_proto;
	__u16 eth_type;
	__u8 proto;
	__u8 ip_proto;
	__u16 dport;
	__be16 dport_be16;
	__u32 netns_inum;
	__u64 timestamp;
	__u64 rtt_ns;
	__u64 boot_ts;
};

struct mixed {
	union {
		__be32 saddr_v4;
		__u8 saddr_v6[16];
	};
	union {
		__be32 v4;
		__u32 v6[4];
	} daddr;
	__u16 family;
	__u16 pad1;
	__u8 addr[16];
};

struct flexible {
	__u32 length;
	__u8 payload[];
};

struct flexible_of_eight {
	__u64 id;
	char payload[];
};

struct bits {
	__u64 first : 5;
	__s64 second : 40;
	__u64 third : 19;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

const struct kinds_event *kinds_unused;
const struct network *network_unused;
const struct mixed *mixed_unused;
const struct flexible *flexible_unused;
const struct flexible_of_eight *flexible_of_eight_unused;
const struct bits *bits_unused;
