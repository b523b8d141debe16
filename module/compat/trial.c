// SPDX-License-Identifier: GPL-2.0-only
/* trial: a superblock of our own, to find out what the running kernel does. */
#include <linux/fs_context.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "compat/compat.h"

static int fg_trial_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x66677375) ? 0 : -ENOMEM;
}

/* Not registered, so that no other code can mount it. */
static struct file_system_type fg_trial_fs = {
	.owner = THIS_MODULE,
	.name = "freezeguard-trial",
	.init_fs_context = fg_trial_init_fs_context,
	.kill_sb = kill_anon_super,
};

/**
 * fg_trial() - call a function with a superblock of our own
 * @fn: the function; it leaves the superblock unfrozen
 *
 * Context: sleeps.
 * Return: 0, or the negative errno for which there was no superblock and no call.
 */
int fg_trial(void (*fn)(struct super_block *sb))
{
	struct vfsmount *mnt = kern_mount(&fg_trial_fs);

	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	fn(mnt->mnt_sb);
	kern_unmount(mnt);
	return 0;
}
