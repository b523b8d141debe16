/* SPDX-License-Identifier: GPL-2.0-only */
/* targets: the superblocks of a plan, those that are to be frozen and those that are not */
#ifndef FREEZEGUARD_PLAN_TARGETS_H
#define FREEZEGUARD_PLAN_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/mounts.h"

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
 * @on_disk: it is on a block device, and no program serves it
 * @is_root: it is the root filesystem, or the root filesystem lies on it
 * @level: freezes after all lower levels; 0 freezes first
 * @fd: a directory on it, open for reading; -1 if it is skipped
 * @skip: NULL: will be frozen; else why not
 */
struct plan_target {
	unsigned int major, minor;
	char *fstype, *source, *path;
	char **mountpoints;
	size_t n_mountpoints;
	bool named, read_only, on_disk, is_root;
	unsigned int level;
	int fd;
	char *skip;
};

/**
 * struct plan - the superblocks, named ones first, each once
 * @v: the superblocks, also those that are skipped
 * @n: how many
 * @mounts: the mount table that it was made from
 */
struct plan {
	struct plan_target *v;
	size_t n;
	struct mounts mounts;
};

/**
 * plan_find() - the superblock that a mount is of
 * @plan: the plan
 * @e: the mount
 *
 * Return: the target; NULL if it is not in the plan.
 */
struct plan_target *plan_find(const struct plan *plan, const struct mount_entry *e);

/**
 * plan_add() - add the superblock of a mount, without an fd
 * @plan: the plan; it has room: there are no more superblocks than mounts
 * @e: the mount
 *
 * Return: the target; NULL without memory.
 */
struct plan_target *plan_add(struct plan *plan, const struct mount_entry *e);

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
 * plan_close() - close all fds of a plan
 * @plan: the plan
 */
void plan_close(struct plan *plan);

/**
 * plan_free() - close all fds of a plan and free it
 * @plan: what plan_make() filled; empty afterwards
 */
void plan_free(struct plan *plan);

#endif
