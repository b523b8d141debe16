// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out what a suspend of a filesystem's block device does while a lease holds the filesystem.
 * Such a suspend ("dmsetup suspend", an LVM snapshot) freezes through the device, and the resume
 * thaws.
 *
 * up to 6.5	the suspend fails with -EBUSY, since there can be only one freeze
 * 6.6, 6.7	the suspend freezes as the user, beside the kernel's freeze
 * from 6.8	the device counts its suspends (bd_fsfreeze_count), and freezes are counted too.
 *		Until a fix in 2026, which is in 6.12.113 and 7.2, thaw_super() returned -EINVAL
 *		when it had dropped one of several freezes. The device took that for a failure and
 *		kept its count. From then on each suspend finds the count above zero and does not
 *		freeze the filesystem, and the device cannot be mounted again.
 *
 * Only a trial shows whether a kernel has the fix: a superblock of our own is frozen twice and
 * thawed once.
 */
#include "compat/compat.h"

#ifdef HAVE_FREEZE_HOLDER
static enum freezeguard_suspend fg_suspend_known = FREEZEGUARD_SUSPEND_UNKNOWN;

static void fg_suspend_try(struct super_block *sb)
{
	if (fg_super_freeze(sb))
		return;
	if (!fg_super_call(freeze_super, sb, FREEZE_HOLDER_USERSPACE))
		fg_suspend_known = fg_super_call(thaw_super, sb, FREEZE_HOLDER_USERSPACE) ?
				   FREEZEGUARD_SUSPEND_SPOILS : FREEZEGUARD_SUSPEND_NESTS;
	fg_super_thaw(sb);
}
#endif

/**
 * fg_suspend_probe() - find out what this kernel does; to be called before fg_suspend()
 *
 * If the trial fails, fg_suspend() returns FREEZEGUARD_SUSPEND_UNKNOWN.
 *
 * Context: sleeps.
 */
void fg_suspend_probe(void)
{
#ifdef HAVE_FREEZE_HOLDER
	fg_trial(fg_suspend_try);
#endif
}

/**
 * fg_suspend() - what a suspend of its device does to a superblock that a lease holds
 * @sb: the superblock
 *
 * The answer is unknown for filesystems that are not on one block device or have a freeze
 * operation of their own.
 *
 * Return: the answer, of this kernel.
 */
enum freezeguard_suspend fg_suspend(struct super_block *sb)
{
	if (!sb->s_bdev || sb->s_op->freeze_super)
		return FREEZEGUARD_SUSPEND_UNKNOWN;
#ifdef HAVE_FREEZE_HOLDER
	return fg_suspend_known;
#else
	return FREEZEGUARD_SUSPEND_REFUSED;
#endif
}
