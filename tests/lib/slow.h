/* SPDX-License-Identifier: GPL-2.0-only */
/* slow: a filesystem on a device that takes so much a second and not more. */
#ifndef SLOW_H
#define SLOW_H

#include <stdbool.h>

bool slow_is_there(void);
int slow_mount(const char *name, const char *type, unsigned int mbps);
void slow_keep_dirty(void);
void slow_dirty(const char *path, unsigned int mb);
unsigned long slow_dirty_kib(void);

#endif
