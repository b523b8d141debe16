/* SPDX-License-Identifier: GPL-2.0-only */
/* secret: which variables of a hook are secrets, and where secrets must not be */
#ifndef FREEZEGUARD_BASE_SECRET_H
#define FREEZEGUARD_BASE_SECRET_H

#include <stdbool.h>
#include <sys/types.h>

bool secret_name(const char *variable);
const char *secret_exposed(const char *variable, const char *value, mode_t mode);

#endif
