/* SPDX-License-Identifier: GPL-2.0-only */
/* hold: one superblock inside a lease. Knows how to freeze and thaw it; knows no leases' policy. */
#ifndef FG_HOLD_H
#define FG_HOLD_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/types.h>

#include <linux/freezeguard.h>

#include "compat/compat.h"

struct fg_lease;

#define FG_FS_TYPE_LEN	32

/**
 * struct fg_hold - one superblock inside a lease
 * @lease: the lease that it is part of
 * @by_sb: in the registry's table of held superblocks; the registry's lock
 * @mnt: the mount through which it was named, held until the release: a plain umount gets EBUSY, a
 *	lazy one leaves the superblock in place. The mount and not the file: a file's last reference
 *	is dropped later and elsewhere in a kernel thread, and its dentry could be an unlinked one,
 *	whose eviction waits for the thaw.
 * @sb: the superblock; only a name once @state is RELEASED
 * @user_ns: who owns the superblock, for permission checks; outlives the superblock
 * @dev: s_dev, kept for reports
 * @fs_type: the filesystem's name, kept for reports
 * @name: s_id, kept for reports
 * @level: order of freezing
 * @who: as whom it is frozen
 * @thread: its thread, with a reference; NULL before it was made and when it is through; under the
 *	lease's lock, but for those that keep it from being through
 * @boosted: the thread runs before everything else; the lease's work alone
 * @watched: its own thread's last thaw was seen by the watch, as every other one would have been
 * @maybe_foreign: somebody else thawed it before the freeze was noted, ours or another one before; set
 *	under the lease's lock
 * @lost: somebody else thawed it: nothing of ours is left to thaw; set under the lease's lock
 * @state: enum freezeguard_hold_state; this and all below: written by the hold's own thread alone
 *	once there is one, under the lease's lock so that readers see them together
 * @error: positive errno of the freeze, or of the last thaw that failed
 * @thaw_failures: thaws that failed
 * @continuity: enum freezeguard_continuity
 * @still_frozen: released, but somebody else keeps the superblock frozen
 * @was_writable: when it had been frozen
 * @turned_read_only: released, and not writable any more: its device failed
 * @freeze_begin_ns: CLOCK_BOOTTIME when its freeze was begun, or 0
 * @frozen_ns: when it was frozen, or 0
 * @released_ns: when it was released, or 0
 */
struct fg_hold {
	struct fg_lease *lease;
	struct hlist_node by_sb;
	struct vfsmount *mnt;
	struct super_block *sb;
	struct user_namespace *user_ns;
	dev_t dev;
	char fs_type[FG_FS_TYPE_LEN];
	char name[sizeof_field(struct super_block, s_id)];
	unsigned int level;
	enum fg_holder who;
	struct task_struct *thread;
	bool boosted;
	bool watched;
	bool maybe_foreign;
	bool lost;

	enum freezeguard_hold_state state;
	unsigned int error;
	unsigned int thaw_failures;
	enum freezeguard_continuity continuity;
	bool still_frozen;
	bool was_writable;
	bool turned_read_only;
	u64 freeze_begin_ns;
	u64 frozen_ns;
	u64 released_ns;
};

/* Until its release nobody else may have a lease on the same superblock. Context: any. */
static inline bool fg_hold_is_live(const struct fg_hold *hold)
{
	return READ_ONCE(hold->state) != FREEZEGUARD_HOLD_STATE_RELEASED;
}

struct super_block *fg_hold_super(struct file *file);
void fg_hold_init(struct fg_hold *hold, struct fg_lease *lease, struct file *file,
		  unsigned int level, enum fg_holder who);
int fg_hold_write_back(struct fg_hold *hold, bool (*stop)(void *data), void *data);
int fg_hold_freeze(struct fg_hold *hold, bool *frozen);
int fg_hold_thaw(struct fg_hold *hold, enum freezeguard_continuity *continuity);
bool fg_hold_frozen_by_others(const struct fg_hold *hold);
bool fg_hold_turned_read_only(const struct fg_hold *hold);
void fg_hold_put_super(struct fg_hold *hold);
void fg_hold_destroy(struct fg_hold *hold);

#endif /* FG_HOLD_H */
