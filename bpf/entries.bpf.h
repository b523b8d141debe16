/* SPDX-License-Identifier: GPL-2.0-only */
/* What the maps hold of a superblock: its filesystem, its semaphores, the entry of its freeze. */
#ifndef FW_ENTRIES_H
#define FW_ENTRIES_H

static __always_inline void fw_know_semaphore(struct super_block *sb, struct fw_device *device,
					      void *sem, enum fw_phase phase)
{
	struct fw_semaphore semaphore = {
		.superblock = (u64)sb, .device = *device, .phase = phase };
	u64 address = (u64)sem;

	if (bpf_map_update_elem(&semaphores, &address, &semaphore, BPF_ANY))
		fw_lost_entry();
}

/* Returns false if the map is full. */
static __always_inline bool fw_know_filesystem(struct super_block *sb, struct fw_device *device)
{
	struct fw_filesystem *fs;

	fw_know_semaphore(sb, device, FW_SEMAPHORE(sb, 0), FW_PHASE_WRITE);
	fw_know_semaphore(sb, device, FW_SEMAPHORE(sb, 1), FW_PHASE_PAGEFAULT);
	fw_know_semaphore(sb, device, FW_SEMAPHORE(sb, 2), FW_PHASE_FS);
	bpf_map_update_elem(&filesystems, device, &no_filesystem, BPF_NOEXIST);
	fs = bpf_map_lookup_elem(&filesystems, device);
	if (!fs) {
		fw_lost_entry();
		return false;
	}
	fw_sb_names(sb, fs->filesystem, fs->source);
	return true;
}

static __always_inline void fw_forget_semaphore(void *sem)
{
	u64 address = (u64)sem;

	bpf_map_delete_elem(&semaphores, &address);
}

/*
 * Returns false if nothing is known of this superblock. From 6.6 on a mount that fails for want of the
 * device has made one, which has the number of the device and with it of the one that is mounted.
 */
static __always_inline bool fw_forget_filesystem(struct super_block *sb, struct fw_device *device)
{
	u64 address = (u64)FW_SEMAPHORE(sb, 0);

	if (!bpf_map_lookup_elem(&semaphores, &address))
		return false;
	fw_forget_semaphore(FW_SEMAPHORE(sb, 0));
	fw_forget_semaphore(FW_SEMAPHORE(sb, 1));
	fw_forget_semaphore(FW_SEMAPHORE(sb, 2));
	bpf_map_delete_elem(&filesystems, device);
	return true;
}

/* The newest freeze is this one; waits are counted for it from here on. */
static __always_inline void fw_last_begins(struct fw_filesystem *fs, const struct fw_frozen *entry)
{
	fs->last.thawed_ns = 0;
	__builtin_memset(&fs->last.thawed_by, 0, sizeof(fs->last.thawed_by));
	fs->last.thaw_origin = FW_ORIGIN_UNKNOWN;
	fs->last.origin = entry->origin;
	fs->last.by = entry->by;
	fs->last.since_ns = entry->since_ns;
	fs->last.frozen_ns = entry->frozen_ns;
	fs->last.lease = entry->lease.number;
	fs->last.waits = 0;
	fs->last.ended = 0;
	fs->last.longest_ns = 0;
}

/*
 * Makes the entry of a superblock that wasn't frozen until now: what is said of an earlier freeze can't be
 * true any more. Returns it, or NULL.
 */
static __always_inline struct fw_frozen *fw_make_entry(struct super_block *sb,
						       struct fw_device *device,
						       struct fw_call *call)
{
	u64 superblock = (u64)sb;
	struct fw_filesystem *fs;
	struct fw_frozen *entry;
	struct fw_held *held;

	if (bpf_map_update_elem(&frozen, device, &no_frozen, BPF_ANY))
		fw_lost_entry();
	entry = bpf_map_lookup_elem(&frozen, device);
	if (!entry)
		return 0;
	fw_sb_names(sb, entry->filesystem, entry->source);
	entry->origin = call->origin;
	fw_current(&entry->by);
	entry->since_ns = call->since_ns;
	entry->superblock = superblock;
	entry->phase = call->phase;
	held = bpf_map_lookup_elem(&leases, &superblock);
	if (held && call->origin == FW_ORIGIN_LEASE)
		entry->lease = held->lease;
	fs = bpf_map_lookup_elem(&filesystems, device);
	if (fs)
		fw_last_begins(fs, entry);
	entry->state = FW_STATE_FREEZING;
	call->made_entry = true;
	return entry;
}

static __always_inline bool fw_is_of(const struct fw_frozen *entry, const struct fw_call *call)
{
	return entry && entry->since_ns == call->since_ns && entry->by.thread == fw_thread();
}

#endif
