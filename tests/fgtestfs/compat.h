/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels; the HAVE_ defines come from the probes in probes/. */
#ifndef FGTESTFS_COMPAT_H
#define FGTESTFS_COMPAT_H

#include <linux/fs.h>
#include <linux/pagemap.h>

/* freeze_super() and thaw_super(), and the operations of the same names */
#if defined(HAVE_FREEZE_OWNER)
#define FREEZE_PARAMS(sb)	struct super_block *sb, enum freeze_holder who, const void *owner
#define FREEZE_ARGS(sb)		sb, FREEZE_HOLDER_USERSPACE, NULL
#elif defined(HAVE_FREEZE_HOLDER)
#define FREEZE_PARAMS(sb)	struct super_block *sb, enum freeze_holder who
#define FREEZE_ARGS(sb)		sb, FREEZE_HOLDER_USERSPACE
#else
#define FREEZE_PARAMS(sb)	struct super_block *sb
#define FREEZE_ARGS(sb)		sb
#endif

/* what comes before the directory in inode operations, and in inode_init_owner() */
#ifdef HAVE_IDMAP
#define MOUNT_PARAM		struct mnt_idmap *mount
#define MOUNT_NONE		&nop_mnt_idmap
#else
#define MOUNT_PARAM		struct user_namespace *mount
#define MOUNT_NONE		&init_user_ns
#endif

#ifdef HAVE_CREATE_NO_EXCL
#define CREATE_PARAMS		MOUNT_PARAM, struct inode *dir, struct dentry *dentry, umode_t mode
#else
#define CREATE_PARAMS		MOUNT_PARAM, struct inode *dir, struct dentry *dentry, umode_t mode, bool excl
#endif

static inline void compat_inode_init_times(struct inode *inode)
{
#ifdef HAVE_INODE_INIT_TS
	simple_inode_init_ts(inode);
#else
	inode->i_mtime = current_time(inode);
	inode->i_atime = inode->i_mtime;
	inode->i_ctime = inode->i_mtime;
#endif
}

/* Gives @dentry its @inode, and keeps it in memory. */
static inline void compat_dentry_keep(struct dentry *dentry, struct inode *inode)
{
#ifdef HAVE_PERSISTENT_DENTRY
	d_make_persistent(dentry, inode);
#else
	d_instantiate(dentry, inode);
	dget(dentry);
#endif
}

static inline void compat_kill_super(struct super_block *sb)
{
#ifdef HAVE_PERSISTENT_DENTRY
	kill_anon_super(sb);
#else
	kill_litter_super(sb);
#endif
}

#endif
