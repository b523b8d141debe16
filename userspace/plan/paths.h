/* SPDX-License-Identifier: GPL-2.0-only */
/* places: what people call a superblock: the path it is mounted at */
#ifndef FREEZEGUARD_PLACES_H
#define FREEZEGUARD_PLACES_H

#include <freezeguard.h>

#include "plan/mounts.h"
#include "plan/plan.h"

/* Room for every text of places_hold(), with the terminating NUL. */
#define PLACES_TEXT_MAX 4352

/**
 * struct places - where paths are looked up; either may be NULL
 * @plan: asked first: it has the path that the user gave
 * @mounts: the mount table, read if it is needed
 */
struct places {
	const struct plan *plan;
	struct mounts_once *mounts;
};

const char *places_path(const struct places *places, unsigned int major, unsigned int minor);
const char *places_hold(const struct places *places, const struct freezeguard_hold *hold,
			char buf[PLACES_TEXT_MAX]);

#endif
