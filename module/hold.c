// SPDX-License-Identifier: GPL-2.0-only
/* hold: one superblock inside a lease. */
#include <linux/mount.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "hold.h"

/**
 * fg_hold_super() - the superblock that an open file names
 * @file: the file
 *
 * The one that FIFREEZE takes.
 *
 * Context: any.
 * Return: the superblock, or NULL where the file's mount belongs to another one.
 */
struct super_block *fg_hold_super(struct file *file)
{
	struct super_block *sb = file_inode(file)->i_sb;

	return sb == file->f_path.mnt->mnt_sb ? sb : NULL;
}

/**
 * fg_hold_init() - prepare to hold a superblock, without freezing it
 * @hold: zeroed memory, part of @lease
 * @lease: the lease
 * @file: an open file for which fg_hold_super() is not NULL; the caller keeps its reference
 * @level: place in the order of freezing
 *
 * Context: any. Undone by fg_hold_put_super() and fg_hold_destroy().
 */
void fg_hold_init(struct fg_hold *hold, struct fg_lease *lease, struct file *file,
		  unsigned int level)
{
	struct super_block *sb = fg_hold_super(file);

	INIT_HLIST_NODE(&hold->by_sb);
	hold->lease = lease;
	hold->mnt = mntget(file->f_path.mnt);
	hold->sb = sb;
	hold->user_ns = get_user_ns(sb->s_user_ns);
	hold->dev = sb->s_dev;
	strscpy(hold->fs_type, sb->s_type->name, sizeof(hold->fs_type));
	strscpy(hold->name, sb->s_id, sizeof(hold->name));
	hold->level = level;
	hold->state = FREEZEGUARD_HOLD_STATE_WAITING;
	hold->continuity = FREEZEGUARD_CONTINUITY_UNKNOWN;
}

/* Does another freeze keep the superblock frozen, beside ours? */
static bool fg_hold_has_other_holders(struct fg_hold *hold)
{
	unsigned int kernel, user;

	return fg_super_holders(hold->sb, &kernel, &user) && kernel + user > 1;
}

/**
 * fg_hold_freeze() - freeze the superblock
 * @hold: the hold
 * @frozen: whether fg_hold_thaw() has to be called
 *
 * From Linux 6.6 on freezes have holders, and our freeze succeeds on top of another one. Then the
 * lease must not have the superblock, and our freeze has to be undone. The other freeze may have
 * ended meanwhile, so undoing ours is a thaw like any other, which can fail.
 *
 * On older kernels freezes have no holders, and another process may already have thawed our freeze.
 *
 * Context: sleeps, uninterruptibly and without a bound; no locks.
 * Return: 0; -EBUSY another freeze holds the superblock; -ECANCELED another process has already
 * thawed it; else the filesystem's error.
 */
int fg_hold_freeze(struct fg_hold *hold, bool *frozen)
{
	int err = fg_super_freeze(hold->sb);

	*frozen = !err;
	hold->was_writable = !err && !sb_rdonly(hold->sb);
	if (err)
		return err;
	if (fg_super_state(hold->sb) == SB_UNFROZEN) {
		*frozen = false;
		fg_super_after_foreign_thaw(hold->sb);
		return -ECANCELED;
	}
	return fg_hold_has_other_holders(hold) ? -EBUSY : 0;
}

/**
 * fg_hold_thaw() - try to thaw the superblock, once
 * @hold: a hold that fg_hold_freeze() has frozen
 * @continuity: receives whether the superblock was frozen without a gap until this attempt
 *
 * A filesystem allocates memory in its thaw, and reclaim may be waiting for this very filesystem.
 * So the thaw may use the reserves, and never waits for reclaim. The kernel warns once (WARN_ON) of
 * a filesystem whose thaw flushes a workqueue without WQ_MEM_RECLAIM, or allocates with
 * __GFP_NOFAIL, under that flag. None does so today.
 *
 * Context: sleeps; no locks.
 * Return: 0 our freeze is gone, whoever ended it; else the filesystem's error: the superblock is
 * still frozen, try again.
 */
int fg_hold_thaw(struct fg_hold *hold, enum freezeguard_continuity *continuity)
{
	unsigned int flags = memalloc_noreclaim_save();
	int err = -EINVAL;

	hold->watched = false;
	if (READ_ONCE(hold->lost))	/* if it is frozen now, the freeze is not ours to thaw */
		fg_super_after_foreign_thaw(hold->sb);
	else
		err = fg_super_thaw(hold->sb);
	memalloc_noreclaim_restore(flags);
	if (err == -EINVAL) {
		*continuity = FREEZEGUARD_CONTINUITY_BROKEN;
		return 0;
	}
	if (fg_super_holder_is_exclusive(hold->sb))
		*continuity = FREEZEGUARD_CONTINUITY_GUARANTEED;
	else
		*continuity = hold->watched ? FREEZEGUARD_CONTINUITY_OBSERVED
					    : FREEZEGUARD_CONTINUITY_UNKNOWN;
	return err;
}

/**
 * fg_hold_frozen_by_others() - is the superblock frozen, or being frozen?
 * @hold: a hold that has not frozen it, or has thawed it
 *
 * Context: any.
 * Return: true if a freeze that is not ours stops writers.
 */
bool fg_hold_frozen_by_others(const struct fg_hold *hold)
{
	return fg_super_state(hold->sb) != SB_UNFROZEN;
}

/**
 * fg_hold_turned_read_only() - has the filesystem become read-only since it was frozen?
 * @hold: a hold that has thawed its superblock and still has the mount
 *
 * A frozen filesystem cannot be remounted, but some (btrfs) turn read-only when their device fails.
 *
 * Context: any.
 * Return: true if the filesystem will refuse writers.
 */
bool fg_hold_turned_read_only(const struct fg_hold *hold)
{
	return hold->was_writable && sb_rdonly(hold->sb);
}

/**
 * fg_hold_put_super() - release the superblock
 * @hold: the hold; it keeps what is needed for reports
 *
 * Context: may sleep. After a lazy umount this may be the last reference. The kernel unmounts
 * then, in a thread of its own if the caller is a kernel thread.
 */
void fg_hold_put_super(struct fg_hold *hold)
{
	struct vfsmount *mnt = hold->mnt;

	hold->mnt = NULL;
	mntput(mnt);
}

/**
 * fg_hold_destroy() - free what a hold keeps for reports
 * @hold: a hold that has released its superblock
 *
 * Context: any.
 */
void fg_hold_destroy(struct fg_hold *hold)
{
	put_user_ns(hold->user_ns);
}
