/* SPDX-License-Identifier: GPL-2.0-only */
/* writeback: dirty data go to the device before their writers are stopped. */
#ifndef FG_WRITEBACK_H
#define FG_WRITEBACK_H

#include <linux/fs.h>
#include <linux/types.h>

/**
 * struct fg_writeback - how far it is; zeroed at the beginning
 * @least: the fewest dirty pages that were left so far, plus one; 0 at the beginning
 * @rounds: since then
 */
struct fg_writeback {
	unsigned long least;
	unsigned int rounds;
};

bool fg_writeback_round(struct super_block *sb, struct fg_writeback *progress);

#endif /* FG_WRITEBACK_H */
