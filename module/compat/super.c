// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezing and thawing one superblock, the same on every kernel.
 *
 * up to 6.5	freeze_super(sb), thaw_super(sb): one freeze; a second gets -EBUSY, anyone can thaw
 * 6.6, 6.7	(sb, who): a bit for the kernel's freeze and one for the user's
 * from 6.8	the same, but counted (freeze_kcount, freeze_ucount)
 * from 6.16	(sb, who, owner); a NULL owner stands for any
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>

#include "compat/compat.h"

/**
 * fg_super_freeze() - freeze a superblock as the FIFREEZE ioctl does, but as the kernel
 * @sb: the superblock; the caller holds an active reference
 *
 * A filesystem with a freeze operation of its own (gfs2) ignores the holder and freezes as the
 * user.
 *
 * Context: sleeps, uninterruptibly and without a bound; takes and releases sb->s_umount, which
 * the caller must not hold.
 * Return: 0; -EBUSY another freeze holds it; the error of the filesystem's sync or freeze.
 */
int fg_super_freeze(struct super_block *sb)
{
	int err;

	if (sb->s_op->freeze_super)
		err = fg_super_call(sb->s_op->freeze_super, sb, FREEZE_HOLDER_USERSPACE);
	else
		err = fg_super_call(freeze_super, sb, FREEZE_HOLDER_KERNEL);
	return err > 0 ? -EIO : err;
}

/*
 * Number of the kernel's or of the user's freezes that hold the superblock; 0 or 1 where freezes
 * are not counted. Reads without s_umount, so that a thaw that hangs does not block the reader.
 */
static unsigned int fg_super_count(struct super_block *sb, bool kernel)
{
#if defined(HAVE_FREEZE_COUNTS)
	return kernel ? READ_ONCE(sb->s_writers.freeze_kcount)
		      : READ_ONCE(sb->s_writers.freeze_ucount);
#elif defined(HAVE_FREEZE_HOLDER)
	return !!(READ_ONCE(sb->s_writers.freeze_holders) &
		  (kernel ? FREEZE_HOLDER_KERNEL : FREEZE_HOLDER_USERSPACE));
#else
	return fg_super_state(sb) != SB_UNFROZEN;
#endif
}

/*
 * Finish a thaw that thaw_super() cut short. A superblock can turn read-only while it is frozen;
 * btrfs does so on a device error. thaw_super() then takes it for one that was always read-only.
 * It neither calls the filesystem's thaw nor releases the writers, who would wait for ever.
 * s_umount keeps others from the semaphores of an unfrozen superblock. They are asked by their
 * member, since percpu_is_write_locked() is new in 5.19.
 */
static void fg_super_release_writers(struct super_block *sb)
{
	int level;

	down_write(&sb->s_umount);
	if (fg_super_state(sb) != SB_UNFROZEN ||
	    !atomic_read(&sb->s_writers.rw_sem[SB_FREEZE_WRITE - 1].block))
		goto unlock;
	if (sb->s_op->unfreeze_fs && sb->s_op->unfreeze_fs(sb))
		pr_warn("%s: its thaw failed after it had turned read-only\n", sb->s_id);
	for (level = 0; level < SB_FREEZE_LEVELS; level++)
		percpu_rwsem_acquire(sb->s_writers.rw_sem + level, 0, _THIS_IP_);
	for (level = SB_FREEZE_LEVELS - 1; level >= 0; level--)
		percpu_up_write(sb->s_writers.rw_sem + level);
unlock:
	up_write(&sb->s_umount);
}

/**
 * fg_super_after_foreign_thaw() - finish the thaw by which another process ended our freeze
 * @sb: the superblock; the caller holds an active reference
 *
 * Context: as fg_super_thaw().
 */
void fg_super_after_foreign_thaw(struct super_block *sb)
{
	if (sb_rdonly(sb))	/* the thaw may not have released the writers */
		fg_super_release_writers(sb);
}

/**
 * fg_super_thaw() - undo one fg_super_freeze()
 * @sb: the superblock; the caller holds an active reference
 *
 * From 6.8 on the value that thaw_super() returns is not reliable: if other holders are left, it
 * is -EINVAL in some stable releases and 0 in others. What counts is whether our freeze is gone.
 *
 * Context: sleeps; takes and releases sb->s_umount, which the caller must not hold. The
 * filesystem's own thaw may allocate and do I/O.
 * Return: 0 our freeze is gone, though others may still hold the superblock, see fg_super_state();
 * -EINVAL another process had thawed our freeze before; else the filesystem's error: the
 * superblock is still frozen, try again.
 */
int fg_super_thaw(struct super_block *sb)
{
	bool kernel = !sb->s_op->freeze_super;
	unsigned int before = fg_super_count(sb, kernel);
	int err;

	if (fg_super_state(sb) != SB_FREEZE_COMPLETE || !before) {
		fg_super_after_foreign_thaw(sb);
		return -EINVAL;
	}
	if (sb->s_op->thaw_super)
		err = fg_super_call(sb->s_op->thaw_super, sb, FREEZE_HOLDER_USERSPACE);
	else
		err = fg_super_call(thaw_super, sb, FREEZE_HOLDER_KERNEL);
	if (!err && sb_rdonly(sb))
		fg_super_release_writers(sb);
	if (err != -EINVAL)
		return err > 0 ? -EIO : err;
	if (fg_super_state(sb) != SB_UNFROZEN && fg_super_count(sb, kernel) >= before)
		return -EIO;	/* the filesystem's own -EINVAL: it is still frozen */
#ifdef HAVE_FREEZE_HOLDER
	return 0;		/* ours was dropped, others remain */
#else
	return -EINVAL;
#endif
}

/**
 * fg_super_state() - a superblock's freeze state
 * @sb: the superblock
 *
 * Context: any; no locks, so the answer may be old when it arrives.
 * Return: SB_UNFROZEN, SB_FREEZE_WRITE, SB_FREEZE_PAGEFAULT, SB_FREEZE_FS or SB_FREEZE_COMPLETE.
 */
int fg_super_state(struct super_block *sb)
{
	return READ_ONCE(sb->s_writers.frozen);
}

/**
 * fg_super_can_freeze() - does FIFREEZE work on this filesystem?
 * @sb: the superblock
 *
 * Return: true if the filesystem has a freeze operation.
 */
bool fg_super_can_freeze(struct super_block *sb)
{
	return sb->s_op->freeze_fs || sb->s_op->freeze_super;
}

/**
 * fg_super_holders() - how many freezes hold a superblock
 * @sb: the superblock
 * @kernel: receives the number of the kernel's freezes, freezeguard's included
 * @user: receives the number of the user's freezes, made by FIFREEZE and the like
 *
 * Context: any; no locks, so the answer may be old when it arrives.
 * Return: false if this kernel does not distinguish holders; nothing is written then.
 */
bool fg_super_holders(struct super_block *sb, unsigned int *kernel, unsigned int *user)
{
#ifdef HAVE_FREEZE_HOLDER
	*kernel = fg_super_count(sb, true);
	*user = fg_super_count(sb, false);
	return true;
#else
	return false;
#endif
}

/**
 * fg_super_holder_is_exclusive() - is our freeze safe from every other process?
 * @sb: the superblock
 *
 * Return: true if the kernel keeps the freeze until we thaw it.
 */
bool fg_super_holder_is_exclusive(struct super_block *sb)
{
#ifdef HAVE_FREEZE_HOLDER
	return !sb->s_op->freeze_super;
#else
	return false;
#endif
}
