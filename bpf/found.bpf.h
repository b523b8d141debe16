/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was frozen before the observer came, and who waited for it then. The loader opens a file on each
 * mounted filesystem and runs this iterator once, when everything else is attached.
 */
#ifndef FW_FOUND_H
#define FW_FOUND_H

const volatile __u32 fw_loader;	/* its pid; set by the loader */

static __always_inline bool fw_know_filesystem(struct super_block *sb, struct fw_device *device);

/* No more than so many per semaphore. */
#define FW_MAX_FOUND_WRITERS 512

/*
 * The waiting tasks' queue entries lie on their own stacks, and their lock isn't ours to take: an
 * entry may go while it is read. So one is believed only if it points back to the one before it.
 */
static __noinline int fw_find_waiters(u64 semaphore, u32 major, u32 minor, u32 phase)
{
	struct percpu_rw_semaphore *sem = (void *)semaphore;
	struct fw_writer writer = {};
	struct list_head *head, *at, *next, *prev;
	struct wait_queue_entry *entry;
	struct task_struct *task;
	u32 thread;
	int i, found = 0;

	head = (void *)__builtin_preserve_access_index(&sem->waiters.head);
	at = head;
	next = BPF_CORE_READ(head, next);
	for (i = 0; i < FW_MAX_FOUND_WRITERS; i++) {
		if (!next || next == head)
			break;
		prev = BPF_CORE_READ(next, prev);
		if (prev != at)
			break;
		entry = (void *)next - bpf_core_field_offset(struct wait_queue_entry, entry);
		task = BPF_CORE_READ(entry, private);
		at = next;
		next = BPF_CORE_READ(at, next);
		if (!task)
			continue;
		thread = BPF_CORE_READ(task, pid);
		writer.by.pid = BPF_CORE_READ(task, tgid);
		writer.by.thread = thread;
		writer.by.uid = BPF_CORE_READ(task, real_cred, uid.val);
		bpf_probe_read_kernel_str(writer.by.comm, FW_COMM_LEN,
					  __builtin_preserve_access_index(&task->comm));
		writer.device.major = major;
		writer.device.minor = minor;
		writer.phase = phase;
		found += !bpf_map_update_elem(&writers, &thread, &writer, BPF_NOEXIST);
	}
	return found;
}

static __noinline int fw_found(u64 superblock)
{
	struct super_block *sb = (void *)superblock;
	struct fw_frozen *entry;
	struct fw_device device;
	u32 phase = fw_sb_phase(sb);
	u64 waiters = 0;

	fw_sb_device(sb, &device);
	if (!fw_know_filesystem(sb, &device))
		return 0;
	if (bpf_map_update_elem(&frozen, &device, &no_frozen, BPF_NOEXIST))
		return 0;
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (!entry)
		return 0;
	fw_sb_names(sb, entry->filesystem, entry->source);
	entry->superblock = superblock;
	entry->phase = phase;
	entry->state = phase == FW_PHASE_COMPLETE ? FW_STATE_FROZEN : FW_STATE_FREEZING;
	waiters += fw_find_waiters((u64)FW_SEMAPHORE(sb, 0), device.major, device.minor,
				   FW_PHASE_WRITE);
	waiters += fw_find_waiters((u64)FW_SEMAPHORE(sb, 1), device.major, device.minor,
				   FW_PHASE_PAGEFAULT);
	waiters += fw_find_waiters((u64)FW_SEMAPHORE(sb, 2), device.major, device.minor,
				   FW_PHASE_FS);
	entry->blocked_before = waiters;
	__sync_fetch_and_add(&entry->blocked, waiters);
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
	/* What an observer before this one didn't see thawed. */
	fw_sb_device(sb, &device);
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (entry && entry->superblock == (u64)sb && entry->state == FW_STATE_FROZEN &&
	    !fw_sb_phase(sb))
		bpf_map_delete_elem(&frozen, &device);
	return 0;
}

#endif /* FW_FOUND_H */
