/* SPDX-License-Identifier: GPL-2.0-only */
/* writeback: writes dirty data to the device before their writers are stopped. */
#ifndef FG_WRITEBACK_H
#define FG_WRITEBACK_H

#include <linux/fs.h>
#include <linux/types.h>

int fg_writeback(struct super_block *sb, bool (*stop)(void *data), void *data);

#endif /* FG_WRITEBACK_H */
