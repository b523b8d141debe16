/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On whose behalf a freeze or a thaw is: by way of a block device, the system's suspend, the
 * emergency thaw. A thread is marked on the way in, and what it freezes or thaws until the way out
 * is of that origin.
 */
#ifndef FW_ORIGIN_H
#define FW_ORIGIN_H

/* The outer one counts: SysRq-j's worker tries the block device before the superblock. */
static __always_inline int fw_origin_begin(enum fw_origin how)
{
	u32 thread = fw_thread();

	bpf_map_update_elem(&origins, &thread, &how, BPF_NOEXIST);
	return 0;
}

static __always_inline int fw_origin_end(enum fw_origin how)
{
	u32 thread = fw_thread();
	enum fw_origin *marked = bpf_map_lookup_elem(&origins, &thread);

	if (marked && *marked == how)
		bpf_map_delete_elem(&origins, &thread);
	return 0;
}

/* Of the current thread, which is about to freeze or thaw with these @n arguments. */
static __always_inline enum fw_origin fw_origin(u64 *args, u32 n)
{
	u32 thread = fw_thread();
	enum fw_origin *marked = bpf_map_lookup_elem(&origins, &thread);
	u64 superblock = args[0];
	struct fw_held *held = bpf_map_lookup_elem(&leases, &superblock);

	if (marked)
		return *marked;
	if (held && (held->freezer == thread || held->thawer == thread))
		return FW_ORIGIN_LEASE;
	if (fw_argument(args, n, 1) & FREEZE_HOLDER_KERNEL)
		return FW_ORIGIN_KERNEL;
	return FW_ORIGIN_USER;
}

/* device-mapper's suspend and resume: up to 6.7 */
SEC("fentry/freeze_bdev")
int BPF_PROG(freeze_bdev_begins) { return fw_origin_begin(FW_ORIGIN_DEVICE); }
SEC("fexit/freeze_bdev")
int BPF_PROG(freeze_bdev_ends) { return fw_origin_end(FW_ORIGIN_DEVICE); }
SEC("fentry/thaw_bdev")
int BPF_PROG(thaw_bdev_begins) { return fw_origin_begin(FW_ORIGIN_DEVICE); }
SEC("fexit/thaw_bdev")
int BPF_PROG(thaw_bdev_ends) { return fw_origin_end(FW_ORIGIN_DEVICE); }
/* and later */
SEC("fentry/fs_bdev_thaw")
int BPF_PROG(fs_bdev_thaw_begins) { return fw_origin_begin(FW_ORIGIN_DEVICE); }
SEC("fexit/fs_bdev_thaw")
int BPF_PROG(fs_bdev_thaw_ends) { return fw_origin_end(FW_ORIGIN_DEVICE); }
/* SysRq-j's worker */
SEC("fentry/do_thaw_all")
int BPF_PROG(do_thaw_all_begins) { return fw_origin_begin(FW_ORIGIN_SYSRQ); }
SEC("fexit/do_thaw_all")
int BPF_PROG(do_thaw_all_ends) { return fw_origin_end(FW_ORIGIN_SYSRQ); }
SEC("fentry/filesystems_thaw_callback")
int BPF_PROG(filesystems_thaw_begins) { return fw_origin_begin(FW_ORIGIN_SUSPEND); }
SEC("fexit/filesystems_thaw_callback")
int BPF_PROG(filesystems_thaw_ends) { return fw_origin_end(FW_ORIGIN_SUSPEND); }

static __always_inline void fw_about(struct fw_event *event, struct super_block *sb,
				     enum fw_event_type type, enum fw_origin how)
{
	event->time_ns = bpf_ktime_get_boot_ns();
	event->type = type;
	event->origin = how;
	fw_sb_device(sb, &event->device);
	fw_sb_names(sb, event->filesystem, event->source);
	fw_current(&event->by);
}

SEC("fentry/emergency_thaw_all")
int BPF_PROG(emergency_thaw)
{
	struct fw_process *by = bpf_map_lookup_elem(&emergency, &zero);
	struct fw_totals *all = fw_totals();
	struct fw_event event = {
		.time_ns = bpf_ktime_get_boot_ns(),
		.type = FW_EVENT_EMERGENCY_THAW,
		.origin = FW_ORIGIN_SYSRQ,
	};

	fw_current(&event.by);
	if (by)
		*by = event.by;
	if (all)
		__sync_fetch_and_add(&all->emergency_thaws, 1);
	fw_tell(&event);
	return 0;
}

#endif
