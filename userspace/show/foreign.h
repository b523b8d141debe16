/* SPDX-License-Identifier: GPL-2.0-only */
/* foreign: what status shows of foreign freezes, and of the tasks that wait */
#ifndef FREEZEGUARD_SHOW_FOREIGN_H
#define FREEZEGUARD_SHOW_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "freezectl.h"

/**
 * struct foreign_of - of which superblocks, and what the module knows of them
 * @v: their device numbers
 * @n: how many
 * @all: of all of them; @v isn't looked at
 * @foreign: others than freezeguard froze one of them
 * @something_frozen: one of them is frozen, or about to be: it is worth looking for who waits
 */
struct foreign_of {
	struct fw_device *v;
	size_t n;
	bool all;
	bool foreign;
	bool something_frozen;
};

void foreign_of_add(struct foreign_of *of, uint32_t major, uint32_t minor);
void foreign_show(struct freezectl *ctl, const struct paths *paths, const struct clocks *clocks,
		  const struct foreign_of *of);

#endif
