//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL

/* The types and markers that objects written for Inspektor Gadget carry,
 * written afresh after its documentation. */
#include "defs.h"

typedef __u64 gadget_mntns_id;
typedef __u32 gadget_netns_id;
typedef __u64 gadget_timestamp;
typedef __u32 gadget_signal;
typedef __u32 gadget_errno;
typedef __u32 gadget_uid;
typedef char gadget_comm;
typedef __u64 gadget_bytes;
typedef __u64 gadget_duration;

union gadget_ip_addr_t {
	__u8 v6[16];
	unsigned __int128 v6_raw;
	__u32 v4;
};

struct gadget_l3endpoint_t {
	union gadget_ip_addr_t addr_raw;
	__u8 version;
};

struct gadget_l4endpoint_t {
	union gadget_ip_addr_t addr_raw;
	__u16 port;
	__u16 proto_raw;
	__u8 version;
};

struct gadget_process {
	gadget_comm comm[16];
	gadget_mntns_id mntns_id;
	gadget_uid uid;
};

struct flow {
	gadget_timestamp timestamp_raw;
	gadget_netns_id ns;
	struct gadget_l4endpoint_t src;
	struct gadget_l3endpoint_t via;
	struct gadget_process proc;
	gadget_errno error_raw;
	gadget_signal sig;
	gadget_duration took;
	gadget_bytes size;
};

struct own {
	__u32 id;
};

struct other_event {
	__u32 other;
};

struct valued {
	__u8 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} flows_lost_samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} tagged SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} my___ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct valued);
} by_value SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} unmarked SEC(".maps");

const void *gadget_tracer_trace_flow___flows___flow __attribute__((unused));
const struct flow *__gadget_tracer_type_trace_flow __attribute__((unused));
const int __ig_tracer_tag __attribute__((unused, btf_decl_tag("ig:tracer:tag___tagged___own"))) = 0;
const void *bh_event_my___ring___own;
const struct own *own_unused;
const struct other_event *other_unused;
