/* SPDX-License-Identifier: GPL-2.0-only */
/* mounts: the mount table of this mount namespace; nothing else knows libmount */
#ifndef FREEZEGUARD_PLAN_MOUNTS_H
#define FREEZEGUARD_PLAN_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/**
 * struct mount_entry - one mount; texts but @options are decoded, may hold any byte, and are never NULL
 * @id: the mount id, as statx() gives it
 * @parent_id: the mount it is mounted on
 * @major: the superblock's device number; 0 for one without a block device of its own, as btrfs.
 *	The same for all mounts of one superblock, btrfs subvolumes included (unlike st_dev).
 * @minor: its minor part
 * @fstype: "ext4"
 * @source: "/dev/nvme1n1", "tmpfs", "server:/export", or ""
 * @root: the directory of the filesystem that is mounted: "/" unless a bind mount or subvolume
 * @mountpoint: where
 * @options: the superblock's options, with the escapes of the mount table: mounts_option() decodes
 * @read_only: the superblock is read-only; a read-only mount of a writable superblock isn't
 * @pseudo: libmount says it is a pseudo filesystem (proc, tmpfs, overlay, ...)
 * @network: libmount says it is a network filesystem
 */
struct mount_entry {
	int id, parent_id;
	unsigned int major, minor;
	char *fstype, *source, *root, *mountpoint, *options;
	bool read_only, pseudo, network;
};

/**
 * struct mounts - a mount table, in the kernel's order
 * @v: the mounts
 * @n: how many
 * @n_unreadable: lines of the table that libmount couldn't read
 */
struct mounts {
	struct mount_entry *v;
	size_t n, n_unreadable;
};

/**
 * mounts_read() - read the mount table; touches no filesystem but proc
 * @m: filled; mounts_free() it
 * @mountinfo: a file in the format of /proc/self/mountinfo, or NULL for that one
 *
 * Return: 0; -ENOENT and other errors of opening the file; -ENOMEM; -EINVAL not a mount table.
 */
int mounts_read(struct mounts *m, const char *mountinfo);

/**
 * mounts_free() - free a mount table
 * @m: what mounts_read() filled
 */
void mounts_free(struct mounts *m);

/**
 * struct mounts_once - a mount table that is read when it is first asked for; zeroed before
 * @read: it was tried
 * @mounts: the table, empty if it can't be read: then filesystems are called by their devices
 */
struct mounts_once {
	bool read;
	struct mounts mounts;
};

/** mounts_once() - the mount table, as it was when it was first asked for */
const struct mounts *mounts_once(struct mounts_once *once);

/** mounts_once_free() - free it, if it was read */
void mounts_once_free(struct mounts_once *once);

/**
 * mounts_find() - the mount with an id
 * @m: the table
 * @id: as mounts_id_of_fd() gives it
 *
 * Return: the mount; NULL if it isn't in the table.
 */
const struct mount_entry *mounts_find(const struct mounts *m, int id);

/** mounts_same_superblock() - are both there, and mounts of one superblock? */
bool mounts_same_superblock(const struct mount_entry *a, const struct mount_entry *b);

/** mounts_is_fuse() - a program serves this filesystem, which can't be frozen then */
bool mounts_is_fuse(const struct mount_entry *e);

/** mounts_is_overlay() - it keeps nothing itself: what is written is on its upper directory's */
bool mounts_is_overlay(const struct mount_entry *e);

/**
 * mounts_at() - the mount that a path is on, by the table alone
 * @m: the table
 * @path: an absolute path without links, "." and ".."
 *
 * The way is the kernel's: from the root directory from mount to mount, so a mount whose path is
 * hidden below another one is not found.
 *
 * Return: the mount; NULL if the table has no root.
 */
const struct mount_entry *mounts_at(const struct mounts *m, const char *path);

/**
 * mounts_id_of_fd() - on which mount an open file is
 * @fd: any open file, O_PATH too
 *
 * Return: the mount id; -EBADF; -EOPNOTSUPP the kernel does not tell.
 */
int mounts_id_of_fd(int fd);

/**
 * mounts_option() - the value of a superblock option
 * @e: the mount
 * @name: "logdev"
 *
 * Return: the value, which the caller frees; NULL if the option isn't set or has no value, or
 * without memory.
 */
char *mounts_option(const struct mount_entry *e, const char *name);

/**
 * mounts_layers() - the directories that an overlay is made of
 * @e: the mount of an overlay
 * @layers: gets them as they were named when it was mounted, relative ones too; text_list_free() it
 * @writable: set to whether the first is the upper directory
 *
 * Return: 0 or -ENOMEM.
 */
int mounts_layers(const struct mount_entry *e, struct text_list *layers, bool *writable);

/**
 * mounts_fstab() - the mount points that are configured
 * @fstab: the file, in the format of /etc/fstab
 * @mountpoints: gets them, without a last "/", and without the root directory; text_list_free() it
 *
 * Return: 0, also if there is no such file; -ENOMEM.
 */
int mounts_fstab(const char *fstab, struct text_list *mountpoints);

#endif
