/* SPDX-License-Identifier: GPL-2.0-only */
/* seen: what status shows of others' freezes, and of who waits */
#ifndef FREEZEGUARD_SEEN_H
#define FREEZEGUARD_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "freezectl.h"

/**
 * struct seen_of - of which superblocks, and what the module knows of them
 * @v: their device numbers
 * @n: how many
 * @all: of all of them; @v isn't looked at
 * @foreign: others than freezeguard froze one of them
 * @something_frozen: one of them is frozen, or about to be: it is worth looking for who waits
 */
struct seen_of {
	struct fw_device *v;
	size_t n;
	bool all;
	bool foreign;
	bool something_frozen;
};

void seen_of_add(struct seen_of *of, uint32_t major, uint32_t minor);
void seen_show(struct freezectl *ctl, const struct places *places, const struct when *when,
	       const struct seen_of *of);

#endif
