/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan: which superblocks are to be frozen, in which order, and why not the others. It looks, and
 * changes nothing. A mount is told by its id, never by comparing paths.
 */
#ifndef FREEZEGUARD_PLAN_PLAN_H
#define FREEZEGUARD_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/findings.h"
#include "plan/machine.h"
#include "plan/targets.h"

/**
 * struct plan_request - what a plan is wanted for
 * @paths: directories whose filesystems to freeze
 * @n_paths: how many
 * @all: also every mounted block-device filesystem that Data Lifecycle Manager means: not the root
 *	filesystem, nothing on /boot*, and nothing that the caller needs to go on
 * @allow_root: the root filesystem may be named
 * @needed: files and directories that are used while filesystems are frozen; @all leaves out what
 *	they lie on. Or NULL.
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
	const struct text_list *needed;
	char **exclude;
	size_t n_exclude;
	bool survey;
	int (*can_freeze)(void *ctx, int fd);
	void *can_freeze_ctx;
	const struct machine *machine;
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

#endif
