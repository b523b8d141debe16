/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan: which superblocks are to be frozen, in which order, and why not the others. It looks, and
 * changes nothing. A mount is told by its id, never by comparing paths.
 */
#ifndef FREEZEGUARD_PLAN_PLAN_H
#define FREEZEGUARD_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/findings.h"

/**
 * struct plan_target - one superblock
 * @major: its device number (s_dev); 0 for btrfs and others without a block device of their own
 * @minor: its minor part
 * @fstype: "ext4"
 * @source: "/dev/nvme1n1"
 * @path: the mount point to call it by: of the mount that was named, else of the first that can be
 *	opened. It isn't the path that was named if that is a directory below a mount point.
 * @mountpoints: all of this mount namespace, in the kernel's order; one piece of memory
 * @n_mountpoints: how many
 * @named: a path was given for it; not just found by @all
 * @read_only: the superblock is read-only
 * @is_root: it is the root filesystem, or below the root filesystem if that is an overlay
 * @level: freezes after all lower levels; 0 freezes first
 * @fd: a directory on it, open for reading; -1 if it is skipped
 * @skip: NULL: will be frozen; else why not
 */
struct plan_target {
	unsigned int major, minor;
	char *fstype, *source, *path;
	char **mountpoints;
	size_t n_mountpoints;
	bool named, read_only, is_root;
	unsigned int level;
	int fd;
	char *skip;
};

/**
 * struct machine - what a plan sees of the machine; tests have made-up ones
 * @mountinfo: the mount table, /proc/self/mountinfo
 * @filesystems: the list of filesystem types, /proc/filesystems
 * @sysfs: where sysfs is mounted, /sys
 * @open: as open(2), but returns -errno
 * @mount_id: as mounts_id_of_fd()
 * @identity: st_dev and st_ino of an open file; 0 or -errno
 * @block_device: the number of the block device whose node @path (below /dev) is; 0 or -errno
 * @loop_file: st_dev and st_ino of the file behind a loop device, by LOOP_GET_STATUS64; 0 or -errno
 * @btrfs_uuid: the UUID of the btrfs that an open file is on, as text; 0 or -errno
 */
struct machine {
	const char *mountinfo;
	const char *filesystems;
	const char *sysfs;
	int (*open)(const char *path, int flags);
	int (*mount_id)(int fd);
	int (*identity)(int fd, dev_t *dev, ino_t *ino);
	int (*block_device)(const char *path, unsigned int *major, unsigned int *minor);
	int (*loop_file)(unsigned int major, unsigned int minor, dev_t *dev, ino_t *ino);
	int (*btrfs_uuid)(int fd, char uuid[37]);
};

/* The machine that this runs on. */
extern const struct machine machine_real;

/**
 * struct plan_request - what a plan is wanted for
 * @paths: directories whose filesystems to freeze
 * @n_paths: how many
 * @all: also every mounted block-device filesystem that Data Lifecycle Manager means: not the root
 *	filesystem, nothing on /boot*, and nothing that the caller needs to go on
 * @allow_root: the root filesystem may be named
 * @exclude: mount points that @all leaves out
 * @n_exclude: how many
 * @survey: for looking only: every mounted block-device filesystem, the root filesystem and
 *	read-only ones too, each with an fd. Named paths are added and nothing about them is refused
 *	but that they can't be opened.
 * @can_freeze: asks the kernel (FREEZEGUARD_CMD_FS_GET) whether the filesystem that @fd is on can
 *	freeze at all: 1, 0, or -errno if that can't be known, which counts as 1. Or NULL.
 * @can_freeze_ctx: its first argument
 * @machine: NULL means &machine_real
 */
struct plan_request {
	char **paths;
	size_t n_paths;
	bool all;
	bool allow_root;
	char **exclude;
	size_t n_exclude;
	bool survey;
	int (*can_freeze)(void *ctx, int fd);
	void *can_freeze_ctx;
	const struct machine *machine;
};

/**
 * struct plan - the superblocks, named ones first, each once
 * @v: the superblocks, also those that are skipped
 * @n: how many
 */
struct plan {
	struct plan_target *v;
	size_t n;
};

/**
 * plan_make() - find out which superblocks to freeze
 * @plan: filled also on an error, for showing it; plan_free() it
 * @req: what is wanted
 * @f: gets every path that is wrong (code 1), what else failed (code 2) and warnings (code 0).
 *	Nothing to freeze isn't a finding: see plan_n_to_freeze().
 *
 * On an error no fd of the plan stays open.
 *
 * Return: 0; -EINVAL there are findings of code 1; another negative errno: of code 2.
 */
int plan_make(struct plan *plan, const struct plan_request *req, struct findings *f);

/**
 * plan_n_to_freeze() - how many superblocks of a plan will be frozen
 * @plan: the plan
 *
 * Return: the number of targets without a reason to skip them.
 */
size_t plan_n_to_freeze(const struct plan *plan);

/**
 * plan_skip() - leave a superblock out, and close its fd
 * @t: the superblock
 * @fmt: printf format of the reason
 *
 * Return: 0; -ENOMEM, and it isn't left out.
 */
int plan_skip(struct plan_target *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * plan_free() - close all fds of a plan and free it
 * @plan: what plan_make() filled; empty afterwards
 */
void plan_free(struct plan *plan);

#endif
