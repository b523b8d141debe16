/* SPDX-License-Identifier: GPL-2.0-only */
/* limits: what the module refuses for one of its parameters, known before anything is touched */
#ifndef FREEZEGUARD_LEASE_LIMITS_H
#define FREEZEGUARD_LEASE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "freezectl.h"

bool limits_check(struct freezectl *ctl, uint32_t timeout_ms, size_t n_superblocks);
bool limits_check_leases(struct freezectl *ctl);

#endif
