/* SPDX-License-Identifier: GPL-2.0-only */
/* paths: what people call a superblock: the path it is mounted at */
#ifndef FREEZEGUARD_PLAN_PATHS_H
#define FREEZEGUARD_PLAN_PATHS_H

#include <freezeguard.h>

#include "plan/mounts.h"
#include "plan/targets.h"

/* Room for every text of paths_hold(), with the terminating NUL. */
#define PATHS_TEXT_MAX 4352

/**
 * struct paths - where paths are looked up; either may be NULL
 * @plan: asked first: it has the path that the user gave
 * @mounts: the mount table, read if it is needed
 */
struct paths {
	const struct plan *plan;
	struct mounts_once *mounts;
};

const char *paths_path(const struct paths *paths, unsigned int major, unsigned int minor);
const char *paths_hold(const struct paths *paths, const struct freezeguard_hold *hold,
		       char buf[PATHS_TEXT_MAX]);

#endif
