/* SPDX-License-Identifier: Dual BSD/GPL */
/*
 * The contract between Boathook and a gadget, for authors of gadgets.
 *
 * A gadget is an ordinary tc program: it needs nothing from this file, runs
 * under `tc filter` as well, and Boathook runs programs that never heard of
 * it. What stands here is what a program may use when it knows where it runs:
 *
 *   bh_netns(skb)           the network namespace whose packet this is
 *   BH_EVENT(map, event)    says that records of map are struct event
 *   BH_RING(map, bytes)     a ring buffer with its counter of lost events
 *   bh_reserve(map, event)  a record in it, NULL (and counted) when it is full
 *   bh_submit(map, event)   hands it over, waking the reader when it pays
 *
 * Include <linux/bpf.h> and <bpf/bpf_helpers.h> first. Columns are named after
 * the fields of the event struct; give it explicit padding, so that no byte of
 * kernel memory is sent along, and a _Static_assert on its size. A field named
 * netns, netns_id or netns_inum holds bh_netns(skb); a program that has none
 * still gets its records named, by the ring they came through.
 *
 * `const volatile` globals are parameters: --set NAME=VALUE gives them a value
 * before the program is verified.
 *
 * A program that only watches returns TC_ACT_UNSPEC (BH_PASS).
 */
#ifndef BOATHOOK_H
#define BOATHOOK_H

/*
 * "No opinion": what runs next on the hook decides. TC_ACT_UNSPEC to cls_bpf
 * and TCX_NEXT to tcx, which have the same value.
 */
#define BH_PASS (-1)

/* The reader of a large ring is told when another this many bytes wait. */
#define BH_WAKEUP_BYTES (256 * 1024)

/*
 * Inode of the network namespace whose packet this is, the number in
 * /proc/PID/ns/net. It is the container's, also when the program runs on the
 * host's end of its veth. Means nothing when somebody else attached the program.
 *
 * Valid on entry: read it before anything writes to skb->cb.
 */
static __always_inline __u32 bh_netns(const struct __sk_buff *skb)
{
	return skb->cb[0];
}

/*
 * Says that records of the map are struct event. The variable carries nothing
 * but its name and its type; it costs the program no instruction.
 */
#define BH_EVENT(map, event) const struct event *bh_event_##map##___##event

/*
 * A ring buffer of that many bytes (a power of two, at least a page) and the
 * per-CPU counter of the events that found it full. Requires at least Linux 5.8.
 */
#define BH_RING(map, bytes)                         \
	struct {                                    \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, bytes);         \
	} map SEC(".maps");                         \
	BH_LOST_SAMPLES(map)

/*
 * The counter alone, for an event map that is defined by hand. Its name is
 * <map>_lost_samples: that is how Boathook finds it.
 */
#define BH_LOST_SAMPLES(map)                             \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, 1);                  \
		__type(key, __u32);                      \
		__type(value, __u64);                    \
	} map##_lost_samples SEC(".maps")

/* Counts one event that could not be written to the map. */
#define bh_lost(map) bh_count_lost(&map##_lost_samples)

static __always_inline void bh_count_lost(void *lost_samples)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(lost_samples, &key);

	if (count)
		(*count)++;
}

/*
 * A pointer to a struct event in the ring, NULL when the ring is full, which
 * is counted. Every record that is not NULL must be submitted or discarded.
 */
#define bh_reserve(map, event) \
	((struct event *)bh_reserve_bytes(&map, &map##_lost_samples, sizeof(struct event)))

static __always_inline void *bh_reserve_bytes(void *ring, void *lost_samples, __u64 size)
{
	void *record = bpf_ringbuf_reserve(ring, size, 0);

	if (!record)
		bh_count_lost(lost_samples);
	return record;
}

/* Hands the record over to the reader; it is no longer the program's. */
#define bh_submit(map, record) \
	bpf_ringbuf_submit(record, bh_wakeup(&map, BH_RING_BYTES(map), sizeof(*(record))))

/* The size that a ring buffer is defined with: __uint(max_entries, bytes). */
#define BH_RING_BYTES(map) (sizeof(*(map).max_entries) / sizeof(int))

/*
 * The flags with which a reserved record of size bytes is submitted: wake the
 * reader when the bytes that wait cross a multiple of the threshold, a quarter
 * of the ring (a power of two, as all rings are) and BH_WAKEUP_BYTES at most;
 * else leave it to the kernel, which wakes a reader that has caught up.
 *
 * Boathook's reader rests for up to a millisecond after each wake-up, so that the
 * kernel's default is not one wake-up for each record; the crossing ends the rest
 * in time when the ring fills faster than that. A flag that is set on every record
 * once the reader lags would cost more than the records. Two CPUs that reserve at
 * once may hide a crossing from each other; the next one, or the end of the rest,
 * makes up for it.
 *
 * Programs that submit with 0 are read as soon and nearly as fast, and save the
 * query; the records of those that submit with BPF_RB_NO_WAKEUP are looked for by the
 * clock, ten times in a second.
 */
static __always_inline __u64 bh_wakeup(void *ring, __u64 bytes, __u64 size)
{
	/* A record takes a header of 8 bytes (BPF_RINGBUF_HDR_SZ) and is rounded up to 8. */
	__u64 taken = (size + 8 + 7) & ~7ULL;
	__u64 threshold = bytes / 4 < BH_WAKEUP_BYTES ? bytes / 4 : BH_WAKEUP_BYTES;
	__u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	/* Both are powers of two, so a multiple was crossed if a bit at or above it differs. */
	return (waiting ^ (waiting - taken)) >= threshold ? BPF_RB_FORCE_WAKEUP : 0;
}

#endif
