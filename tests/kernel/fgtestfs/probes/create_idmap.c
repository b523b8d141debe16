// SPDX-License-Identifier: GPL-2.0-only
/* Since 6.3 (6c960e68aaed) ->create() takes the id mapping of the mount. */
#include <linux/fs.h>

static int create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
		  umode_t mode, bool excl)
{
	return 0;
}

const struct inode_operations probe = { .create = create };
