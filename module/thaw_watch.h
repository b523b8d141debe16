/* SPDX-License-Identifier: GPL-2.0-only */
/* thaw_watch: sees every thaw of a held superblock, whoever makes it. */
#ifndef FG_THAW_WATCH_H
#define FG_THAW_WATCH_H

#include <linux/types.h>

extern bool fg_thaw_watch_enabled;

void fg_thaw_watch_start(void);
void fg_thaw_watch_stop(void);

#endif /* FG_THAW_WATCH_H */
