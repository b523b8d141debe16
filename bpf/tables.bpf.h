/* SPDX-License-Identifier: GPL-2.0-only */
/* What "cat" shows: the iterators pinned as "status" and "blocked". */
#ifndef FW_TABLES_H
#define FW_TABLES_H

static const char fw_state_names[][12] = { "-", "freezing", "frozen" };
static const char fw_origin_names[][12] = {
	"unknown", "user", "kernel", "device", "suspend", "lease", "sysrq" };
static const char fw_phase_names[][12] = { "-", "write", "pagefault", "fs", "complete" };

#define FW_NAME(names, i) \
	((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : (names)[0])

static __always_inline u64 fw_ms_since(u64 then)
{
	u64 now = bpf_ktime_get_boot_ns();

	return then && now > then ? (now - then) / 1000000 : 0;
}

static __always_inline u64 fw_ms_until(u64 then)
{
	u64 now = bpf_ktime_get_boot_ns();

	return then > now ? (then - now) / 1000000 : 0;
}

/*
 * A freeze that was under way when the observer came, or another one took its place, isn't seen to fail; the
 * kernel's state tells, which is set before an entry is made. The address is that of a superblock that has
 * not been shut down: its entry would be gone.
 */
static __always_inline bool fw_entry_is_true(const struct fw_frozen *entry)
{
	return entry->state == FW_STATE_FROZEN ||
	       (entry->state == FW_STATE_FREEZING && fw_sb_phase((void *)entry->superblock));
}

/*
 * Whoever writes chooses the name of his thread, and whoever reads this has a terminal: what is no printable
 * ASCII becomes '?'. Without branches, which the verifier would follow one by one.
 */
static __always_inline void fw_printable(char *to, const char *from, u32 size)
{
	__s32 c, replace;
	u32 i;

	for (i = 0; i < size; i++) {
		c = (u8)from[i];
		/* the sign of what is too large or too small, and not 0 */
		replace = ((('~' - c) | (c - ' ')) & -c) >> 31;
		barrier_var(replace);
		to[i] = (c & ~replace) | ('?' & replace);
	}
}

SEC("iter/bpf_map_elem")
int status(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct fw_device *device = ctx->key;
	struct fw_frozen *entry = ctx->value;
	char comm[FW_COMM_LEN], source[FW_SOURCE_LEN];

	/* Called without an entry at the end, which of an empty map looks like that of one with one. */
	if (!device || !entry)
		return 0;
	if (ctx->meta->seq_num == 0)
		BPF_SEQ_PRINTF(seq, "  DEVICE   TYPE     STATE        FOR-MS HOW          PID COMM              LEASE    LEFT-MS BLOCKED   WAIT-MS SOURCE\n");
	if (!fw_entry_is_true(entry))
		return 0;
	fw_printable(comm, entry->by.comm, FW_COMM_LEN);
	fw_printable(source, entry->source, FW_SOURCE_LEN);
	BPF_SEQ_PRINTF(seq, "%4u:%-6u %-8s %-8s ", device->major, device->minor,
		       entry->filesystem, FW_NAME(fw_state_names, entry->state));
	BPF_SEQ_PRINTF(seq, "%10llu %-7s %8u %-16s ", fw_ms_since(entry->since_ns),
		       FW_NAME(fw_origin_names, entry->origin), entry->by.pid, comm);
	BPF_SEQ_PRINTF(seq, "%6llu %10llu %7llu %9llu %s\n", entry->lease.number,
		       fw_ms_until(entry->lease.deadline_ns), entry->blocked,
		       fw_ms_since(entry->first_blocked_ns), source);
	return 0;
}

static __always_inline bool fw_task_waits(struct task_struct *task)
{
	u32 state = BPF_CORE_READ(task, __state);

	return (state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD);
}

/*
 * A writer whose wait began before the observer came isn't seen to go on: it is shown as long as it
 * sleeps and its filesystem is frozen.
 */
SEC("iter/task")
int blocked(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct fw_writer *writer;
	char comm[FW_COMM_LEN];
	u32 thread;

	if (!task)
		return 0;
	if (ctx->meta->seq_num == 0)
		BPF_SEQ_PRINTF(seq, "     PID   THREAD COMM             DEVICE        WAIT-MS STOPPED-AT\n");
	if (!fw_task_waits(task))
		return 0;
	thread = BPF_CORE_READ(task, pid);
	writer = bpf_map_lookup_elem(&writers, &thread);
	if (!writer || (!writer->since_ns && !bpf_map_lookup_elem(&frozen, &writer->device)))
		return 0;
	fw_printable(comm, writer->by.comm, FW_COMM_LEN);
	BPF_SEQ_PRINTF(seq, "%8u %8u %-16s %4u:%-6u ", writer->by.pid, thread, comm,
		       writer->device.major, writer->device.minor);
	BPF_SEQ_PRINTF(seq, "%9llu %s%s\n", fw_ms_since(writer->since_ns),
		       FW_NAME(fw_phase_names, writer->phase),
		       writer->since_ns ? "" : " (since before the observer)");
	return 0;
}

#endif /* FW_TABLES_H */
