/* SPDX-License-Identifier: GPL-2.0-only */
/* supervisor_scope: keeping a supervisor alive when its caller's unit ends, or memory does */
#ifndef FREEZEGUARD_APPS_SUPERVISOR_SCOPE_H
#define FREEZEGUARD_APPS_SUPERVISOR_SCOPE_H

#include <stdint.h>

void supervisor_scope_enter(const char *id, uint64_t until_ns);
void supervisor_spare_from_oom(char before[16]);

#endif
