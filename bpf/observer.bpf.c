// SPDX-License-Identifier: GPL-2.0-only
/*
 * The observer: sees every freeze and every thaw of every superblock, and who waits for a thaw.
 *
 * A freeze is seen at the entry of freeze_super() and judged at its return. A thaw is seen at the
 * entry of thaw_super_locked() and judged at deactivate_locked_super(), which it calls with s_umount
 * held once the superblock is thawed: at its own return somebody else may have frozen it again.
 * No program sits on a function that a write runs which is not blocked; see
 * Documentation/observing.md for each one's reason.
 *
 * Programs run in the context of who freezes and thaws, and can be skipped: see gate.bpf.h.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "observer_maps.h"
#include "../module/uapi/linux/freezeguard_notice.h"
#include "gate.bpf.h"
#include "core_fixes.bpf.h"
#include "maps.bpf.h"
#include "writers.bpf.h"
#include "tables.bpf.h"
#include "found.bpf.h"
#include "origin.bpf.h"
#include "entries.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- the module's word on leases ---- */

static __always_inline int fw_lease_is_about_to_freeze(struct freezeguard_notice *notice)
{
	struct fw_held held = {
		.freezer = fw_thread(),
		.thawer = notice->thaw_pid,
		.lease = {
			.number = notice->lease,
			.deadline_ns = notice->deadline_ns,
			.maker_pid = notice->maker_pid,
		},
	};
	u64 superblock = notice->superblock;

	fw_sb_device((void *)superblock, &held.device);
	__builtin_memcpy(held.lease.maker_comm, notice->maker_comm, FW_COMM_LEN);
	__builtin_memcpy(held.lease.id, notice->id, FW_LEASE_ID_LEN);
	if (bpf_map_update_elem(&leases, &superblock, &held, BPF_ANY))
		fw_lost_entry();
	return 0;
}

/* The arguments of the function: the chain, the notifier's value, the value to undo, the notice. */
static __always_inline int do_module_notice(u64 *args)
{
	struct freezeguard_notice notice;
	struct fw_device device;
	struct fw_frozen *entry;
	struct fw_held *held;
	u64 superblock;

	if (args[1] != FREEZEGUARD_NOTICE ||
	    bpf_probe_read_kernel(&notice, sizeof(notice), (void *)args[3]) ||
	    notice.size < sizeof(notice))
		return 0;
	if (notice.event == FREEZEGUARD_NOTICE_FREEZING)
		return fw_lease_is_about_to_freeze(&notice);

	/* The observer may have come after the lease: then its entry has it, and "leases" doesn't. */
	superblock = notice.superblock;
	held = bpf_map_lookup_elem(&leases, &superblock);
	if (held && held->lease.number != notice.lease)
		held = 0;
	if (held)
		device = held->device;
	else
		fw_sb_device((void *)superblock, &device);
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (entry && (entry->lease.number != notice.lease || entry->superblock != superblock))
		entry = 0;
	if (notice.event == FREEZEGUARD_NOTICE_DEADLINE) {
		if (held)
			held->lease.deadline_ns = notice.deadline_ns;
		if (entry)
			entry->lease.deadline_ns = notice.deadline_ns;
	} else if (notice.event == FREEZEGUARD_NOTICE_RELEASED) {
		if (entry)
			__builtin_memset(&entry->lease, 0, sizeof(entry->lease));
		if (held)
			bpf_map_delete_elem(&leases, &superblock);
	}
	return 0;
}

FW_AT_ENTRY(blocking_notifier_call_chain_robust, module_notice)

/* ---- freezes ---- */

/*
 * Not inlined, as all that follows: each is verified once, and has a stack of its own.
 */
static __noinline int fw_freeze_begins(u64 superblock, u32 how)
{
	struct super_block *sb = (void *)superblock;
	struct fw_device device;
	u32 thread = fw_thread();
	struct fw_call call = {
		.superblock = superblock,
		.since_ns = bpf_ktime_get_boot_ns(),
		.origin = how,
	};
	struct fw_unreported unreported_key = { .thread = thread };

	fw_sb_device(sb, &device);
	if (!fw_know_filesystem(sb, &device))
		return 0;
	unreported_key.since_ns = call.since_ns;
	if (bpf_map_update_elem(&calls, &thread, &call, BPF_ANY) ||
	    bpf_map_update_elem(&unreported, &unreported_key, &zero, BPF_ANY)) {
		fw_lost_entry();
		return 0;
	}
	return 0;
}

/* Of the freeze that @thread began at @since_ns. True for one caller only. */
static __always_inline bool fw_mine_to_tell(u32 thread, u64 since_ns)
{
	struct fw_unreported key = { .since_ns = since_ns, .thread = thread };

	return !bpf_map_delete_elem(&unreported, &key);
}

static __always_inline void fw_frozen_event(struct super_block *sb, struct fw_frozen *entry,
					    enum fw_event_type type, struct fw_call *call)
{
	struct fw_event event = {};

	fw_about(&event, sb, type, call->origin);
	event.phase = FW_PHASE_COMPLETE;
	event.took_ns = event.time_ns - call->since_ns;
	if (entry)
		event.lease = entry->lease.number;
	fw_tell(&event);
}

/* The freeze that made @entry has succeeded. */
static __always_inline void fw_entry_is_frozen(struct fw_frozen *entry, struct fw_filesystem *fs)
{
	entry->frozen_ns = bpf_ktime_get_boot_ns();
	entry->phase = FW_PHASE_COMPLETE;
	entry->state = FW_STATE_FROZEN;
	fs->last.frozen_ns = entry->frozen_ns;
}

/* On top of what another holder froze. */
static __always_inline void fw_freeze_is_nested(struct fw_frozen *entry, struct fw_call *call)
{
	u64 superblock = call->superblock;
	struct fw_held *held = bpf_map_lookup_elem(&leases, &superblock);

	fw_current(&entry->nested_by);
	entry->nested_origin = call->origin;
	entry->nested_since_ns = call->since_ns;
	if (held && call->origin == FW_ORIGIN_LEASE)
		entry->lease = held->lease;
	entry->nested++;
}

static __noinline int fw_freeze_succeeds(u64 superblock, struct fw_call *call)
{
	struct super_block *sb = (void *)superblock;
	struct fw_totals *all = fw_totals();
	struct fw_filesystem *fs;
	struct fw_frozen *entry;
	struct fw_device device;

	fw_sb_device(sb, &device);
	fs = bpf_map_lookup_elem(&filesystems, &device);
	if (!all || !fs || !call)
		return 0;
	if (!fw_mine_to_tell(fw_thread(), call->since_ns))
		return 0;
	__sync_fetch_and_add(&all->freezes, 1);
	__sync_fetch_and_add(&fs->freezes, 1);

	entry = bpf_map_lookup_elem(&frozen, &device);
	if (entry && !call->made_entry) {
		fw_freeze_is_nested(entry, call);
		fw_frozen_event(sb, entry, FW_EVENT_FROZEN_AGAIN, call);
		return 0;
	}
	/* Nobody is stopped when what is read-only is frozen, so its phases were not seen. */
	if (!call->made_entry && fw_sb_phase(sb) == FW_PHASE_COMPLETE)
		entry = fw_make_entry(sb, &device, call);
	/* It may be thawed already, and frozen by another one. */
	if (!fw_is_of(entry, call))
		entry = 0;
	if (entry)
		fw_entry_is_frozen(entry, fs);
	fw_frozen_event(sb, entry, FW_EVENT_FROZEN, call);
	if (entry && !call->phase && fw_sb_phase(sb) != FW_PHASE_COMPLETE)
		bpf_map_delete_elem(&frozen, &device);
	return 0;
}

/* It was refused because of a freeze that was not seen. */
static __always_inline void fw_unseen_is_frozen(struct super_block *sb, struct fw_device *device)
{
	struct fw_frozen *entry;

	if (bpf_map_update_elem(&frozen, device, &no_frozen, BPF_NOEXIST))
		return;
	entry = bpf_map_lookup_elem(&frozen, device);
	if (!entry)
		return;
	fw_sb_names(sb, entry->filesystem, entry->source);
	entry->superblock = (u64)sb;
	entry->phase = FW_PHASE_COMPLETE;
	entry->state = FW_STATE_FROZEN;
	/* Thawed meanwhile, before the entry was there to be removed. */
	if (fw_sb_phase(sb) != FW_PHASE_COMPLETE && !entry->since_ns)
		bpf_map_delete_elem(&frozen, device);
}

static __noinline int fw_freeze_fails(u64 superblock, struct fw_call *call, u32 error)
{
	struct super_block *sb = (void *)superblock;
	struct fw_totals *all = fw_totals();
	struct fw_event event = {};
	struct fw_filesystem *fs;
	struct fw_device device;
	struct fw_frozen *entry;
	bool refused;

	fw_sb_device(sb, &device);
	fs = bpf_map_lookup_elem(&filesystems, &device);
	if (!all || !fs || !call)
		return 0;
	refused = error == EBUSY && !call->phase;
	if (refused) {
		__sync_fetch_and_add(&all->refused, 1);
		__sync_fetch_and_add(&fs->refused, 1);
	} else {
		__sync_fetch_and_add(&all->failures, 1);
		__sync_fetch_and_add(&fs->failures, 1);
	}
	fw_mine_to_tell(fw_thread(), call->since_ns);
	fw_about(&event, sb, FW_EVENT_FREEZE_FAILED, call->origin);
	event.error = error;
	event.phase = call->phase;
	event.took_ns = event.time_ns - call->since_ns;
	fw_tell(&event);

	entry = bpf_map_lookup_elem(&frozen, &device);
	if (fw_is_of(entry, call))
		bpf_map_delete_elem(&frozen, &device);
	else if (refused && !entry && fw_sb_phase(sb) == FW_PHASE_COMPLETE)
		fw_unseen_is_frozen(sb, &device);
	return 0;
}

/* fs_bdev_freeze() may fail after the freeze, and leaves it. */
static __always_inline bool fw_is_frozen_by(struct fw_call *call)
{
	struct super_block *sb = (void *)call->superblock;
	struct fw_device device;

	fw_sb_device(sb, &device);
	return fw_is_of(bpf_map_lookup_elem(&frozen, &device), call) &&
	       fw_sb_phase(sb) == FW_PHASE_COMPLETE;
}

static __always_inline int do_freeze_ends(int ret)
{
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);

	if (!call || call->thaw)
		return 0;
	if (ret && !fw_is_frozen_by(call))
		fw_freeze_fails(call->superblock, call, -ret);
	else
		fw_freeze_succeeds(call->superblock, call);
	bpf_map_delete_elem(&calls, &thread);
	return 0;
}
FW_AT_RETURN(freeze_super, fw_returned(ctx, fw_freeze_args), freeze_ends)

static __always_inline int do_freeze_begins(u64 *args)
{
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);
	struct fw_unreported key = { .thread = thread };

	/* It was seen already; what has been told is over, though its end was not seen. */
	if (call && !call->thaw && call->superblock == args[0]) {
		key.since_ns = call->since_ns;
		if (bpf_map_lookup_elem(&unreported, &key))
			return 0;
	}
	return fw_freeze_begins(args[0], fw_origin(args, fw_freeze_args));
}
FW_AT_ENTRY(freeze_super, freeze_begins)

/*
 * From 6.8 on device-mapper's suspend comes this way, and gcc may have it and the system's suspend
 * call a part of freeze_super() that was split off, where nothing can be attached.
 */
SEC("fentry/fs_bdev_freeze")
int BPF_PROG(fs_bdev_freeze_begins, struct block_device *bdev)
{
	return fw_freeze_begins((u64)BPF_CORE_READ(bdev, bd_holder), FW_ORIGIN_DEVICE);
}

SEC("fexit/fs_bdev_freeze")
int BPF_PROG(fs_bdev_freeze_ends, struct block_device *bdev, int ret)
{
	return do_freeze_ends(ret);
}

SEC("fentry/filesystems_freeze_callback")
int BPF_PROG(filesystems_freeze_begins, struct super_block *sb)
{
	return fw_freeze_begins((u64)sb, FW_ORIGIN_SUSPEND);
}

/* Returns nothing, and skips what is frozen already or can't be. */
SEC("fexit/filesystems_freeze_callback")
int BPF_PROG(filesystems_freeze_ends, struct super_block *sb)
{
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);
	u32 phase = fw_sb_phase(sb);
	struct fw_filesystem *fs;
	struct fw_device device;

	if (!call || call->thaw)
		return 0;
	if (call->phase || phase)
		return do_freeze_ends(call->phase && phase == FW_PHASE_COMPLETE ? 0 : -EBUSY);
	fw_mine_to_tell(thread, call->since_ns);
	bpf_map_delete_elem(&calls, &thread);
	fw_sb_device(sb, &device);
	fs = bpf_map_lookup_elem(&filesystems, &device);
	if (fs && !fs->freezes && !fs->failures && !fs->refused)
		fw_forget_filesystem(sb, &device);
	return 0;
}

/*
 * A freeze takes the three semaphores for writing, one a phase. At the first one it is certain that it is
 * this call that freezes: others are refused from now on, or come on top when it has succeeded.
 */
static __always_inline int do_phase_begins(u64 *args)
{
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);
	struct fw_semaphore *semaphore;
	struct fw_frozen *entry;
	struct fw_device device;
	u64 address = args[0];

	if (!call || call->thaw)
		return 0;
	semaphore = bpf_map_lookup_elem(&semaphores, &address);
	if (!semaphore || semaphore->superblock != call->superblock ||
	    semaphore->phase == call->phase)
		return 0;
	call->phase = semaphore->phase;
	device = semaphore->device;
	if (call->phase == FW_PHASE_WRITE) {
		fw_make_entry((void *)call->superblock, &device, call);
		return 0;
	}
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (fw_is_of(entry, call))
		entry->phase = call->phase;
	return 0;
}
FW_AT_ENTRY(percpu_down_write, phase_begins)

/* ---- thaws ---- */

static __always_inline void fw_thawed_by(struct fw_process *by, enum fw_origin how)
{
	struct fw_process *asked = bpf_map_lookup_elem(&emergency, &zero);

	if (how == FW_ORIGIN_SYSRQ && asked)
		*by = *asked;
	else
		fw_current(by);
}

/*
 * The freeze of this entry has succeeded, but its return has not been seen: it has yet to come, or nobody
 * will, since programs were attached to freeze_super() or taken away meanwhile.
 */
static __always_inline void fw_tell_its_freeze(struct super_block *sb, struct fw_frozen *entry,
					       struct fw_filesystem *fs)
{
	struct fw_totals *all = fw_totals();
	struct fw_event event = {};

	if (!all || !fw_mine_to_tell(entry->by.thread, entry->since_ns))
		return;
	__sync_fetch_and_add(&all->freezes, 1);
	__sync_fetch_and_add(&fs->freezes, 1);
	fw_about(&event, sb, FW_EVENT_FROZEN, entry->origin);
	event.by = entry->by;
	event.phase = FW_PHASE_COMPLETE;
	event.took_ns = event.time_ns - entry->since_ns;
	event.lease = entry->lease.number;
	fw_tell(&event);
	fw_entry_is_frozen(entry, fs);
}

/* Called with s_umount held, so that nobody freezes it before the entry is gone. */
static __noinline int fw_is_thawed(u64 superblock, struct fw_call *call)
{
	struct super_block *sb = (void *)superblock;
	struct fw_totals *all = fw_totals();
	struct fw_event event = {};
	struct fw_filesystem *fs;
	struct fw_device device;
	struct fw_frozen *entry;

	if (!all || !call)
		return 0;
	fw_sb_device(sb, &device);
	__sync_fetch_and_add(&all->thaws, 1);
	entry = bpf_map_lookup_elem(&frozen, &device);
	fs = bpf_map_lookup_elem(&filesystems, &device);
	if (entry && fs && entry->state == FW_STATE_FREEZING && entry->since_ns)
		fw_tell_its_freeze(sb, entry, fs);

	fw_about(&event, sb, FW_EVENT_THAWED, call->origin);
	fw_thawed_by(&event.by, call->origin);
	event.took_ns = event.time_ns - call->since_ns;
	if (entry) {
		event.lease = entry->lease.number;
		if (entry->frozen_ns)
			event.frozen_for_ns = event.time_ns - entry->frozen_ns;
	}
	if (fs) {
		event.waits = fs->last.waits;
		__sync_fetch_and_add(&fs->thaws, 1);
		fs->last.thaw_origin = call->origin;
		fs->last.thawed_by = event.by;
		fs->last.thawed_ns = event.time_ns;
		fw_longest(&fs->longest_freeze_ns, event.frozen_for_ns);
		fw_longest(&fs->most_blocked, fs->last.waits);
	}
	fw_longest(&all->longest_freeze_ns, event.frozen_for_ns);
	bpf_map_delete_elem(&frozen, &device);
	fw_tell(&event);
	return 0;
}

/* It failed, or one holder of several is gone. */
static __noinline int fw_is_left_frozen(u64 superblock, struct fw_call *call, int ret)
{
	struct super_block *sb = (void *)superblock;
	struct fw_totals *all = fw_totals();
	struct fw_event event = {};
	struct fw_frozen *entry;
	struct fw_device device;

	if (!all || !call)
		return 0;
	fw_sb_device(sb, &device);
	__sync_fetch_and_add(&all->thaws_left_frozen, 1);
	entry = bpf_map_lookup_elem(&frozen, &device);
	fw_about(&event, sb, FW_EVENT_THAW_FAILED, call->origin);
	fw_thawed_by(&event.by, call->origin);
	event.error = -ret;
	event.took_ns = event.time_ns - call->since_ns;
	if (entry)
		event.lease = entry->lease.number;
	fw_tell(&event);
	/* The one who froze it first is gone: the other one holds it. */
	if (entry && entry->nested == 1 && entry->origin == call->origin) {
		entry->origin = entry->nested_origin;
		entry->by = entry->nested_by;
		entry->since_ns = entry->nested_since_ns;
		entry->nested = 0;
	} else if (entry && entry->nested) {
		entry->nested--;
	}
	return 0;
}

static __always_inline int do_thaw_begins(u64 *args)
{
	u32 thread = fw_thread();
	struct fw_call call = {
		.superblock = args[0],
		.since_ns = bpf_ktime_get_boot_ns(),
		.origin = fw_origin(args, fw_thaw_args),
		.phase = fw_sb_phase((void *)args[0]),
		.thaw = true,
	};

	if (bpf_map_update_elem(&calls, &thread, &call, BPF_ANY))
		fw_lost_entry();
	return 0;
}
FW_AT_ENTRY(thaw_super_locked, thaw_begins)

static __always_inline int do_thaw_succeeds(u64 *args)
{
	struct super_block *sb = (void *)args[0];
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);

	if (!call || !call->thaw || call->thawed || call->superblock != (u64)sb ||
	    fw_sb_phase(sb))
		return 0;
	fw_is_thawed((u64)sb, call);
	call->thawed = true;
	return 0;
}
FW_AT_ENTRY(deactivate_locked_super, thaw_succeeds)

static __always_inline int do_thaw_ends(int ret)
{
	u32 thread = fw_thread();
	struct fw_call *call = bpf_map_lookup_elem(&calls, &thread);
	struct fw_totals *all = fw_totals();

	if (!all || !call || !call->thaw)
		return 0;
	if (!call->thawed && call->phase == FW_PHASE_COMPLETE &&
	    !fw_sb_phase((void *)call->superblock))
		fw_is_thawed(call->superblock, call);	/* deactivate_locked_super() was not seen */
	else if (!call->thawed && call->phase == FW_PHASE_COMPLETE)
		fw_is_left_frozen(call->superblock, call, ret);
	else if (!call->thawed && call->origin != FW_ORIGIN_SYSRQ)
		__sync_fetch_and_add(&all->thaws_refused, 1);
	bpf_map_delete_elem(&calls, &thread);
	return 0;
}
FW_AT_RETURN(thaw_super_locked, fw_returned(ctx, fw_thaw_args), thaw_ends)

/* ---- the end of a superblock ---- */

static __always_inline int do_superblock_ends(u64 *args)
{
	struct super_block *sb = (void *)args[0];
	struct fw_totals *all = fw_totals();
	struct fw_event event = {};
	struct fw_device device;
	struct fw_frozen *entry;

	fw_sb_device(sb, &device);
	if (!fw_forget_filesystem(sb, &device))
		return 0;
	entry = bpf_map_lookup_elem(&frozen, &device);
	if (!entry || entry->superblock != (u64)sb)
		return 0;
	fw_about(&event, sb, FW_EVENT_UNMOUNTED, entry->origin);
	event.lease = entry->lease.number;
	if (entry->frozen_ns)
		event.frozen_for_ns = event.time_ns - entry->frozen_ns;
	fw_tell(&event);
	bpf_map_delete_elem(&frozen, &device);
	if (all)
		__sync_fetch_and_add(&all->unmounted_frozen, 1);
	return 0;
}
FW_AT_ENTRY(generic_shutdown_super, superblock_ends)
