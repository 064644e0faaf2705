//go:build ignore
// SPDX-License-Identifier: Dual BSD/GPL
/*
 * The dispatcher: the program that sits on every hook. It finds out whose
 * link the packet is on, says so in cb[0], calls the user's program, and
 * decides what becomes of its verdict.
 *
 * The user's program is called by a tail call from a subprogram. Such a call
 * replaces only the frame of the subprogram, so the exit of the user's program
 * returns here. Requires at least Linux 5.10 on x86-64 and 6.0 on arm64. Where
 * nothing is left to do after the program it is called for good, since a return
 * costs more than all the rest.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "spare.h"

/* The value of miss: no verdict that a program would return. */
#define NOT_RUN 0x626f6174

/* struct traffic.verdicts: TC_ACT_UNSPEC (-1) to TC_ACT_TRAP (8), then all others. */
#define VERDICTS 11

enum mode {
	OBSERVE = 0, /* whatever the program says, the packet goes on */
	DROP = 1, /* TC_ACT_SHOT is honoured, all else goes on */
	ENFORCE = 2, /* the program's word is final */
};

/* What is left to do when the program has ended. */
enum after {
	/*
	 * Nothing: it returns TC_ACT_UNSPEC on every way, stores to no field of the
	 * skb and does not read cb[0].
	 */
	NOTHING = 0,
	VERDICT = 1, /* judge what it returned, put back cb[0] */
	FIELDS = 2, /* put back the other fields as well */
};

/*
 * Reads or writes one field of the context. The compiler would join neighbours
 * into one access of 64 bits, which the kernel refuses.
 */
#define FIELD(skb, name) (*(volatile __u32 *)&(skb)->name)

struct link {
	/*
	 * The ifindex, 0 if free, and above it the inode of the container's network
	 * namespace: read and written as one, so that no packet sees half a change.
	 */
	__u64 owner;
	__u32 counter; /* index in counters */
	__u32 pad;
};

/* The first cache line holds what most programs touch on every packet. */
struct traffic {
	__u64 packets;
	__u64 bytes;
	__u64 segments;
	__u64 not_run; /* packets that found the slot empty */
	__u64 verdicts[VERDICTS + 1]; /* as the program said; the last is padding */
};

_Static_assert(sizeof(struct link) == 16, "Go writes this layout");
_Static_assert(sizeof(struct traffic) == 128, "two cache lines");

const volatile __u32 mode = OBSERVE;
const volatile __u32 link_mask = 1; /* entries of links, less one */
const volatile __u32 allow_writes = 0; /* what the program puts in cb[0] stays */
const volatile __u32 counting = 1;

/*
 * Read when the slot is empty. It must lie in writable memory: the verifier does
 * not know that a tail call can return, takes the value behind it for the only
 * one there is, and would remove the code that handles any other.
 */
volatile __s32 miss = NOT_RUN;

/*
 * What is left to do, enum after. Go lowers it once no packet can be in a program
 * that needs more.
 */
volatile __u32 after = FIELDS;

/*
 * Direct-mapped by ifindex. Go makes the section larger before it loads it, a
 * power of two of entries: a global is read without a helper.
 */
struct link links[2] SEC(".data.links");

/* Links whose place in the array was taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct link);
} collisions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} counters SEC(".maps");

/*
 * The user's program. The kernel empties it when the last user-space reference
 * goes, so whatever is left on a hook lets everything pass once we are dead.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} slot SEC(".maps");

static __noinline int run_program(struct __sk_buff *skb)
{
	/* The key is constant, so that the JIT makes it a direct jump. */
	bpf_tail_call(skb, &slot, 0);
	return miss;
}

static __always_inline struct link *place_of(__u32 ifindex)
{
	struct link *first = links;

	/* The compiler must not rely on there being two. */
	barrier_var(first);
	return &first[ifindex & link_mask];
}

static __always_inline void count_packet(struct traffic *c, struct __sk_buff *skb)
{
	__u32 segments = skb->gso_segs;

	c->packets++;
	c->bytes += skb->len;
	c->segments += segments ? segments : 1;
}

static __always_inline void count_verdict(struct traffic *c, int verdict)
{
	__u32 kind = (__u32)verdict + 1;

	if (kind >= VERDICTS)
		kind = VERDICTS - 1;
	c->verdicts[kind]++;
}

static __always_inline int judge(int verdict)
{
	switch (mode) {
	case ENFORCE:
		return verdict;
	case DROP:
		return verdict == TC_ACT_SHOT ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	default:
		return TC_ACT_UNSPEC;
	}
}

/* The fields that a program may store to, without cb[0]. */
struct fields {
	__u32 cb1, cb2, cb3, cb4;
	__u32 mark, priority, queue_mapping, tc_index, tc_classid;
};

static __always_inline void save(struct fields *f, struct __sk_buff *skb)
{
	f->cb1 = FIELD(skb, cb[1]);
	f->cb2 = FIELD(skb, cb[2]);
	f->cb3 = FIELD(skb, cb[3]);
	f->cb4 = FIELD(skb, cb[4]);
	f->mark = FIELD(skb, mark);
	f->priority = FIELD(skb, priority);
	f->queue_mapping = FIELD(skb, queue_mapping);
	f->tc_index = FIELD(skb, tc_index);
	f->tc_classid = FIELD(skb, tc_classid);
}

static __always_inline void restore(struct __sk_buff *skb, const struct fields *f)
{
	FIELD(skb, cb[1]) = f->cb1;
	FIELD(skb, cb[2]) = f->cb2;
	FIELD(skb, cb[3]) = f->cb3;
	FIELD(skb, cb[4]) = f->cb4;
	FIELD(skb, mark) = f->mark;
	FIELD(skb, priority) = f->priority;
	FIELD(skb, queue_mapping) = f->queue_mapping;
	FIELD(skb, tc_index) = f->tc_index;
	FIELD(skb, tc_classid) = f->tc_classid;
}

static __always_inline int run_as(struct __sk_buff *skb, __u32 netns)
{
	__u32 cb0 = FIELD(skb, cb[0]);
	struct fields before;
	int verdict;

	if (after == FIELDS) {
		save(&before, skb);
		FIELD(skb, cb[0]) = netns;
		verdict = run_program(skb);
		restore(skb, &before);
	} else {
		FIELD(skb, cb[0]) = netns;
		verdict = run_program(skb);
	}
	/* Ours goes. */
	if (!allow_writes || FIELD(skb, cb[0]) == netns)
		FIELD(skb, cb[0]) = cb0;
	return verdict;
}

/* Does not return unless the slot is empty. */
static __always_inline int run_for_good(struct __sk_buff *skb, struct traffic *c)
{
	if (c)
		c->verdicts[0]++;
	bpf_tail_call(skb, &slot, 0);
	if (c) {
		c->verdicts[0]--;
		c->not_run++;
	}
	return TC_ACT_UNSPEC;
}

SEC("tc")
int boathook(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct link *link = place_of(ifindex);
	__u64 owner = *(volatile __u64 *)&link->owner;
	struct traffic *c = NULL;
	int verdict;

	if ((__u32)owner != ifindex) {
		link = bpf_map_lookup_elem(&collisions, &ifindex);
		/* A link that is not in the table is not wanted (yet): let it pass. */
		if (!link)
			return TC_ACT_UNSPEC;
		owner = link->owner;
	}
	if (is_spared(skb))
		return TC_ACT_UNSPEC;
	if (counting) {
		__u32 counter = link->counter;

		c = bpf_map_lookup_elem(&counters, &counter);
		if (!c)
			return TC_ACT_UNSPEC;
		count_packet(c, skb);
	}

	if (after == NOTHING)
		return run_for_good(skb, c);
	verdict = run_as(skb, owner >> 32);
	if (verdict == NOT_RUN) {
		if (c)
			c->not_run++;
		return TC_ACT_UNSPEC;
	}
	if (c)
		count_verdict(c, verdict);
	return judge(verdict);
}

char _license[] SEC("license") = "Dual BSD/GPL";
