/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocked writers: they sleep in percpu_rwsem_wait() on one of the superblock's three semaphores. A
 * writer that isn't blocked doesn't come there.
 */
#ifndef FW_WRITERS_H
#define FW_WRITERS_H

static __always_inline u32 fw_bucket(u64 wait_ns)
{
	u64 us = wait_ns / 1000;
	u32 i = 0;

	if (us >> 32)
		return FW_WAIT_BUCKETS - 1;
	if (us >> 16) { us >>= 16; i += 16; }
	if (us >> 8) { us >>= 8; i += 8; }
	if (us >> 4) { us >>= 4; i += 4; }
	if (us >> 2) { us >>= 2; i += 2; }
	return i + (us >> 1);
}

/* Of several at once the last to store may not be the longest: hence it looks again. */
static __always_inline void fw_longest(u64 *longest, u64 ns)
{
	int i;

	for (i = 0; i < 4 && *(volatile u64 *)longest < ns; i++)
		*(volatile u64 *)longest = ns;
}

static __always_inline void fw_count_wait(struct fw_stall *stall, u64 ns)
{
	__sync_fetch_and_add(&stall->histogram[fw_bucket(ns) & (FW_WAIT_BUCKETS - 1)], 1);
	__sync_fetch_and_add(&stall->total_ns, ns);
	fw_longest(&stall->longest_ns, ns);
	__sync_fetch_and_add(&stall->ended, 1);
}

static __always_inline bool fw_same_wait(const struct fw_writer *a, const struct fw_writer *b)
{
	return a && a->since_ns && a->superblock == b->superblock && a->phase == b->phase &&
	       a->freeze_ns == b->freeze_ns;
}

static __always_inline int do_wait_begins(u64 *args)
{
	u64 address = args[0];
	struct fw_semaphore *semaphore;
	struct fw_filesystem *fs;
	struct fw_writer writer = {};
	struct fw_frozen *entry;
	struct fw_totals *all;
	u32 thread = fw_thread();

	semaphore = bpf_map_lookup_elem(&semaphores, &address);
	if (!semaphore || !(bool)args[1])
		return 0;
	writer.device = semaphore->device;
	writer.phase = semaphore->phase;
	writer.superblock = semaphore->superblock;
	writer.set = (u32)fw_set;
	fw_current(&writer.by);
	writer.since_ns = bpf_ktime_get_boot_ns();
	fs = bpf_map_lookup_elem(&filesystems, &writer.device);
	if (fs)
		writer.freeze_ns = fs->last.since_ns;
	/* A thread waits once for a thaw: seen already. */
	if (fw_same_wait(bpf_map_lookup_elem(&writers, &thread), &writer))
		return 0;
	entry = bpf_map_lookup_elem(&frozen, &writer.device);
	writer.counted_ns = entry ? entry->since_ns : FW_NOT_COUNTED;
	if (bpf_map_update_elem(&writers, &thread, &writer, BPF_ANY))
		fw_lost_entry();

	all = fw_totals();
	if (all)
		__sync_fetch_and_add(&all->stall.waits, 1);
	if (fs) {
		__sync_fetch_and_add(&fs->stall.waits, 1);
		__sync_fetch_and_add(&fs->last.waits, 1);
	}
	if (entry) {
		__sync_fetch_and_add(&entry->blocked, 1);
		if (!entry->first_blocked_ns)
			entry->first_blocked_ns = writer.since_ns;
	}
	return 0;
}
FW_AT_ENTRY(percpu_rwsem_wait, wait_begins)

static __always_inline int do_wait_ends(int unused)
{
	u32 thread = fw_thread();
	struct fw_writer *writer = bpf_map_lookup_elem(&writers, &thread);
	struct fw_filesystem *fs;
	struct fw_frozen *entry;
	struct fw_totals *all;
	u64 since, ns;

	if (!writer)
		return 0;
	since = writer->since_ns;
	if (!since) {
		/* Its own end was not seen; this is that of another wait, somewhere else. */
		bpf_map_delete_elem(&writers, &thread);
		return 0;
	}
	ns = bpf_ktime_get_boot_ns() - since;
	all = fw_totals();
	if (all)
		fw_count_wait(&all->stall, ns);
	fs = bpf_map_lookup_elem(&filesystems, &writer->device);
	if (fs) {
		/* A slow one may go on when the next freeze has begun, which may have been asked for before. */
		if (writer->freeze_ns == fs->last.since_ns) {
			fw_longest(&fs->last.longest_ns, ns);
			__sync_fetch_and_add(&fs->last.ended, 1);
		}
		fw_count_wait(&fs->stall, ns);
	}
	entry = bpf_map_lookup_elem(&frozen, &writer->device);
	if (entry && entry->since_ns == writer->counted_ns)
		__sync_fetch_and_add(&entry->blocked, -1);
	bpf_map_delete_elem(&writers, &thread);
	return 0;
}
FW_AT_RETURN(percpu_rwsem_wait, 0, wait_ends)

/* Once more: of hundreds that wait, most are too many for the kretprobe. */
SEC("fexit/percpu_rwsem_wait")
int wait_ends_again(u64 *ctx)
{
	return fw_is_at_work() ? do_wait_ends(0) : 0;
}

/*
 * The end of a wait that began before the programs were attached, or while another set was at work: its
 * task goes on without their being run. A thaw calls this for every task that waits, and nobody freezes
 * again before it has done so.
 */
SEC("fentry/percpu_rwsem_wake_function")
int BPF_PROG(waiter_wakes, struct wait_queue_entry *waiter)
{
	struct task_struct *task = BPF_CORE_READ(waiter, private);
	struct fw_writer *writer;
	struct fw_frozen *entry;
	u32 thread;

	if (!task)
		return 0;
	thread = BPF_CORE_READ(task, pid);
	writer = bpf_map_lookup_elem(&writers, &thread);
	if (!writer || (writer->since_ns && writer->set == (u32)fw_set))
		return 0;
	entry = bpf_map_lookup_elem(&frozen, &writer->device);
	if (entry)
		__sync_fetch_and_add(&entry->blocked, -1);
	bpf_map_delete_elem(&writers, &thread);
	return 0;
}

#endif /* FW_WRITERS_H */
