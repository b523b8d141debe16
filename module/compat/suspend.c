// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a suspend of a filesystem's block device does while a lease holds the filesystem: "dmsetup
 * suspend", an LVM snapshot, whatever freezes through the device and thaws with the resume.
 *
 * up to 6.5	one freezer: the suspend gets -EBUSY
 * 6.6, 6.7	it freezes as the user, beside the kernel's freeze
 * from 6.8	it is counted (bd_fsfreeze_count), and its freeze too. Until a fix in 2026, which is in
 *		6.12.113 and 7.2, thaw_super() returned -EINVAL when it had dropped one of several
 *		freezes; the device took that for a thaw that failed and kept its count. From then on
 *		a suspend finds the count above zero, takes the filesystem for frozen and doesn't
 *		freeze it, nor can the device be mounted again.
 *
 * Only a trial tells whether a kernel has the fix: a superblock of our own is frozen twice and thawed
 * once.
 */
#include <linux/fs_context.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "compat/compat.h"

#ifdef HAVE_FREEZE_HOLDER
static enum freezeguard_suspend fg_suspend_known = FREEZEGUARD_SUSPEND_UNKNOWN;

static int fg_suspend_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x66677375) ? 0 : -ENOMEM;
}

/* Not registered: nobody else can mount it. */
static struct file_system_type fg_suspend_fs = {
	.owner = THIS_MODULE,
	.name = "freezeguard-trial",
	.init_fs_context = fg_suspend_init_fs_context,
	.kill_sb = kill_anon_super,
};

static enum freezeguard_suspend fg_suspend_try(struct super_block *sb)
{
	enum freezeguard_suspend known = FREEZEGUARD_SUSPEND_UNKNOWN;

	if (fg_super_freeze(sb, FG_HOLDER_KERNEL))
		return known;
	if (!fg_super_freeze(sb, FG_HOLDER_USER))
		known = fg_super_thaw_raw(sb, FG_HOLDER_USER) ? FREEZEGUARD_SUSPEND_SPOILS
							      : FREEZEGUARD_SUSPEND_NESTS;
	fg_super_thaw(sb, FG_HOLDER_KERNEL);
	return known;
}
#endif

/**
 * fg_suspend_probe() - find out what this kernel does; before fg_suspend()
 *
 * Context: sleeps. Not finding out is no error.
 */
void fg_suspend_probe(void)
{
#ifdef HAVE_FREEZE_HOLDER
	struct vfsmount *mnt = kern_mount(&fg_suspend_fs);

	if (IS_ERR(mnt))
		return;
	fg_suspend_known = fg_suspend_try(mnt->mnt_sb);
	kern_unmount(mnt);
#endif
}

/**
 * fg_suspend() - what a suspend of its device does to a superblock that a lease holds
 * @sb: the superblock
 * @who: as whom it is or would be frozen
 *
 * Not known of filesystems that aren't on one block device, or that freeze in a way of their own.
 *
 * Context: any.
 * Return: the answer, of this kernel.
 */
enum freezeguard_suspend fg_suspend(struct super_block *sb, enum fg_holder who)
{
	if (!sb->s_bdev || sb->s_op->freeze_super)
		return FREEZEGUARD_SUSPEND_UNKNOWN;
#ifndef HAVE_FREEZE_HOLDER
	return FREEZEGUARD_SUSPEND_REFUSED;
#else
#ifndef HAVE_FREEZE_COUNTS
	if (who == FG_HOLDER_USER)	/* the device's freeze is of the same kind, and there can be one */
		return FREEZEGUARD_SUSPEND_REFUSED;
#endif
	return fg_suspend_known;
#endif
}
