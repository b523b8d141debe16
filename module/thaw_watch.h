/* SPDX-License-Identifier: GPL-2.0-only */
/* watch: sees every thaw of a held superblock, whoever makes it. */
#ifndef FG_WATCH_H
#define FG_WATCH_H

#include <linux/types.h>

extern bool fg_watch_enabled;

void fg_watch_start(void);
void fg_watch_stop(void);

#endif /* FG_WATCH_H */
