/* SPDX-License-Identifier: GPL-2.0-only */
/* hold: one superblock inside a lease. It can freeze and thaw, but decides nothing. */
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
 * @lease: the lease that the hold is part of
 * @by_sb: entry in the registry's table of held superblocks; guarded by the registry's lock
 * @mnt: the mount through which the requester named the superblock, kept until the release: a
 *	plain umount gets EBUSY, a lazy one leaves the superblock in place. It is the mount and not
 *	the file, because a kernel thread drops a file's last reference later and elsewhere.
 *	Besides, the file may be unlinked, and its eviction would wait for the thaw.
 * @sb: the superblock; once @state is RELEASED only a name, not to be followed
 * @user_ns: the user namespace that owns the superblock, for permission checks; outlives the
 *	superblock. The history pins no container by it: of the kernel's filesystems, those that
 *	user namespaces can mount cannot be frozen.
 * @dev: s_dev, kept for reports
 * @fs_type: the filesystem's name, kept for reports
 * @name: s_id, kept for reports
 * @level: place in the order of freezing; lower levels freeze first
 * @thread: the thread that will thaw; NULL before there is one and after the release. Guarded by
 *	the lease's lock.
 * @thread_pid: its id in the initial pid namespace; stays after the release
 * @class: enum freezeguard_class: the scheduling class of that thread, or 0 before there is one
 * @busy: the freezer uses the superblock; guarded by the lease's lock
 * @in_rescue: the rescuer is changing the class of @thread; guarded by the lease's lock
 * @frozen: the superblock has to be thawed; written by the freezer while @busy
 * @watched: the thaw watch saw the thread's own last thaw, so it would have seen every other thaw
 *	too
 * @maybe_foreign: another process thawed the superblock before the freeze was recorded, either our
 *	freeze or an earlier one; set under the lease's lock
 * @lost: another process thawed the superblock, so there is no freeze of ours left to thaw; set
 *	under the lease's lock
 * @state: enum freezeguard_hold_state. The freezer writes this and every field below while @busy,
 *	after that the thread that thaws, both under the lease's lock, so that readers see all of
 *	them together.
 * @error: positive errno of the freeze, or of the last thaw that failed
 * @thaw_failures: number of thaws that failed
 * @continuity: enum freezeguard_continuity
 * @still_frozen: after the release, something else keeps the superblock frozen
 * @was_writable: the superblock was writable when it had been frozen
 * @turned_read_only: the superblock was read-only at the release, though it had been writable: its
 *	device failed
 * @freeze_begin_ns: CLOCK_BOOTTIME when the freeze began, or 0
 * @frozen_ns: when the superblock was frozen, or 0
 * @released_ns: when the superblock was released, or 0
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
	struct task_struct *thread;
	pid_t thread_pid;
	enum freezeguard_class class;
	bool busy;
	bool in_rescue;
	bool frozen;
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

/**
 * fg_hold_is_live() - is the hold not released yet?
 * @hold: the hold
 *
 * Until the release no other lease can hold the same superblock.
 *
 * Context: any.
 * Return: true until the release.
 */
static inline bool fg_hold_is_live(const struct fg_hold *hold)
{
	return READ_ONCE(hold->state) != FREEZEGUARD_HOLD_STATE_RELEASED;
}

struct super_block *fg_hold_super(struct file *file);
void fg_hold_init(struct fg_hold *hold, struct fg_lease *lease, struct file *file,
		  unsigned int level);
int fg_hold_freeze(struct fg_hold *hold, bool *frozen);
int fg_hold_thaw(struct fg_hold *hold, enum freezeguard_continuity *continuity);
bool fg_hold_frozen_by_others(const struct fg_hold *hold);
bool fg_hold_turned_read_only(const struct fg_hold *hold);
void fg_hold_put_super(struct fg_hold *hold);
void fg_hold_destroy(struct fg_hold *hold);

#endif /* FG_HOLD_H */
