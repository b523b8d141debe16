// SPDX-License-Identifier: GPL-2.0-only
/* Since 7.3 ->create() is no longer told whether the file must be new. */
#include <linux/fs.h>

static int create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	return 0;
}

const struct inode_operations probe = { .create = create };
