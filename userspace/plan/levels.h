/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * levels: in which order stacked filesystems freeze. One on a loop device freezes before the one
 * that holds the loop's file, or its last writes would wait for a frozen filesystem for ever.
 */
#ifndef FREEZEGUARD_PLAN_LEVELS_H
#define FREEZEGUARD_PLAN_LEVELS_H

#include "base/findings.h"
#include "plan/mounts.h"
#include "plan/machine.h"
#include "plan/targets.h"

/**
 * levels_assign() - set the level of each superblock of a plan that will be frozen
 * @plan: the plan; plan_make() calls this, after that it is needed only if more were skipped
 * @m: the whole mount table: what lies between two targets needn't be a target
 * @machine: the machine
 * @f: gets a warning for each loop device whose file can't be found, and what failed
 *
 * The level is the length of the longest chain of targets that are stacked on top of it.
 *
 * Return: 0; -ELOOP the stack has a cycle or is too deep; -ENOMEM.
 */
int levels_assign(struct plan *plan, const struct mounts *m, const struct machine *machine,
		  struct findings *f);

#endif
