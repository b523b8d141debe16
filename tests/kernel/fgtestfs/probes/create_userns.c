// SPDX-License-Identifier: GPL-2.0-only
/* From 5.12 to 6.2 ->create() takes the user namespace of the mount. */
#include <linux/fs.h>

static int create(struct user_namespace *ns, struct inode *dir, struct dentry *dentry,
		  umode_t mode, bool excl)
{
	return 0;
}

const struct inode_operations probe = { .create = create };
