/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reach: what can be opened at once. A path is followed in the mount table first, and a filesystem is
 * asked only about what no server, no program and no automount has to answer.
 */
#ifndef FREEZEGUARD_PLAN_REACH_H
#define FREEZEGUARD_PLAN_REACH_H

#include "plan/machine.h"
#include "plan/mounts.h"

int reach_mount(const struct mounts *m, const struct mount_entry *e);
int reach_path(const struct mounts *m, const struct machine *machine, const char *path,
	       char **real, const struct mount_entry **e);
int reach_superblock(const struct mounts *m, const struct machine *machine, unsigned int major,
		     unsigned int minor, int flags, const struct mount_entry **by);

#endif
