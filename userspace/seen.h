/* SPDX-License-Identifier: GPL-2.0-only */
/* seen: what status shows of the observer's: others' freezes, and writers that wait */
#ifndef FREEZEGUARD_SEEN_H
#define FREEZEGUARD_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "freezectl.h"

/**
 * struct seen_of - of which superblocks
 * @v: their device numbers
 * @n: how many
 * @all: of all of them; @v isn't looked at
 */
struct seen_of {
	struct fw_device *v;
	size_t n;
	bool all;
};

void seen_of_add(struct seen_of *of, uint32_t major, uint32_t minor);
bool seen_foreign(struct freezectl *ctl, const struct places *places, const struct when *when,
		  const struct seen_of *of);
bool seen_blocked(struct freezectl *ctl, const struct places *places, const struct when *when,
		  const struct seen_of *of);

#endif
