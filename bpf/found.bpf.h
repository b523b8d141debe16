/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was frozen before the observer came, and who waited for it then. The loader opens a file on each
 * mounted filesystem and runs this iterator once, when everything else is attached.
 */
#ifndef FW_FOUND_H
#define FW_FOUND_H

const volatile __u32 fw_loader;	/* its pid; set by the loader */

static __always_inline bool fw_know_filesystem(struct super_block *sb, struct fw_device *device);
static __always_inline void fw_tell_its_freeze(struct super_block *sb, struct fw_frozen *entry,
					       struct fw_filesystem *fs);

/* No more than so many per semaphore. */
#define FW_MAX_FOUND_WRITERS 512

/*
 * The waiting tasks' queue entries lie on their own stacks, and their lock isn't ours to take: an
 * entry may go while it is read. So one is believed only if it points back to the one before it.
 *
 * Returns the place of the waiter behind @previous; 0: there is none. Not static: so the verifier looks at
 * it once, and not in each turn of the loop.
 */
__noinline u64 fw_find_waiter(u64 previous, u64 head, u32 major, u32 minor, u32 phase)
{
	struct list_head *at = (void *)previous, *next = BPF_CORE_READ(at, next);
	struct fw_device device = { .major = major, .minor = minor };
	struct wait_queue_entry *queued;
	struct fw_writer writer = {};
	struct fw_frozen *entry;
	struct task_struct *task;
	u32 thread;

	if (!next || (u64)next == head || BPF_CORE_READ(next, prev) != at)
		return 0;
	queued = (void *)next - bpf_core_field_offset(struct wait_queue_entry, entry);
	task = BPF_CORE_READ(queued, private);
	if (!task)
		return (u64)next;
	thread = BPF_CORE_READ(task, pid);
	writer.by.pid = BPF_CORE_READ(task, tgid);
	writer.by.thread = thread;
	writer.by.uid = BPF_CORE_READ(task, real_cred, uid.val);
	bpf_probe_read_kernel_str(writer.by.comm, FW_COMM_LEN,
				  __builtin_preserve_access_index(&task->comm));
	writer.device = device;
	writer.phase = phase;
	writer.set = (u32)fw_set;
	if (bpf_map_update_elem(&writers, &thread, &writer, BPF_NOEXIST))
		return (u64)next;
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (entry) {
		__sync_fetch_and_add(&entry->blocked_before, 1);
		__sync_fetch_and_add(&entry->blocked, 1);
	}
	return (u64)next;
}

static __always_inline void fw_find_waiters(struct percpu_rw_semaphore *sem,
					    const struct fw_device *device, u32 phase)
{
	u64 head = (u64)__builtin_preserve_access_index(&sem->waiters.head), at = head;
	int i;

	for (i = 0; i < FW_MAX_FOUND_WRITERS && at; i++)
		at = fw_find_waiter(at, head, device->major, device->minor, phase);
}

static __noinline int fw_found(u64 superblock)
{
	struct super_block *sb = (void *)superblock;
	struct fw_frozen *entry;
	struct fw_filesystem *fs;
	struct fw_device device;
	u32 phase = fw_sb_phase(sb);
	bool known;

	fw_sb_device(sb, &device);
	if (!fw_know_filesystem(sb, &device))
		return 0;
	known = !!bpf_map_update_elem(&frozen, &device, &no_frozen, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (!entry)
		return 0;
	if (known) {
		/* The observer before this one saw it begin. */
		fs = bpf_map_lookup_elem(&filesystems, &device);
		if (fs && entry->state == FW_STATE_FREEZING && phase == FW_PHASE_COMPLETE)
			fw_tell_its_freeze(sb, entry, fs);
		return 0;
	}
	fw_sb_names(sb, entry->filesystem, entry->source);
	entry->superblock = superblock;
	entry->phase = phase;
	entry->state = phase == FW_PHASE_COMPLETE ? FW_STATE_FROZEN : FW_STATE_FREEZING;
	fw_find_waiters(FW_SEMAPHORE(sb, 0), &device, FW_PHASE_WRITE);
	fw_find_waiters(FW_SEMAPHORE(sb, 1), &device, FW_PHASE_PAGEFAULT);
	fw_find_waiters(FW_SEMAPHORE(sb, 2), &device, FW_PHASE_FS);
	/* Thawed meanwhile, before the entry was there to be removed. */
	if (!fw_sb_phase(sb))
		bpf_map_delete_elem(&frozen, &device);
	return 0;
}

SEC("iter/task_file")
int find_frozen(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct fw_device device;
	struct fw_frozen *entry;
	struct super_block *sb;

	if (!task || !file || BPF_CORE_READ(task, tgid) != (int)fw_loader)
		return 0;
	sb = BPF_CORE_READ(file, f_inode, i_sb);
	if (!sb)
		return 0;
	if (fw_sb_phase(sb))
		return fw_found((u64)sb) & 0;
	/* What an observer before this one didn't see thawed, or fail to be frozen. */
	fw_sb_device(sb, &device);
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (entry && entry->superblock == (u64)sb && !fw_sb_phase(sb))
		bpf_map_delete_elem(&frozen, &device);
	return 0;
}

#endif /* FW_FOUND_H */
