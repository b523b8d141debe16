/* SPDX-License-Identifier: GPL-2.0-only */
/* needed: what must work to get from a freeze to its thaw, and what that lies on */
#ifndef FREEZEGUARD_PLAN_NEEDED_H
#define FREEZEGUARD_PLAN_NEEDED_H

#include "plan/below.h"
#include "plan/targets.h"

/**
 * struct need - something that is needed, and is not on the root filesystem
 * @path: where it is
 * @whose: what it is; NULL: something that freezectl uses itself
 * @on: what it lies on
 */
struct need {
	const char *path, *whose;
	struct below on;
};

/**
 * struct needed - all that is needed
 * @root: the root filesystem's mount
 * @root_on: what the root filesystem lies on
 * @v: the rest, one for each filesystem
 * @n: how many
 */
struct needed {
	const struct mount_entry *root;
	struct below root_on;
	struct need *v;
	size_t n;
};

int needed_root(struct needed *needed, const struct plan *plan, const struct machine *machine);
int needed_find(struct needed *needed, const struct text_list *more);
int needed_skip(const struct needed *needed, struct plan_target *t);
int needed_skip_lost(const struct needed *needed, struct plan_target *t);
void needed_free(struct needed *needed);

#endif
