/* SPDX-License-Identifier: GPL-2.0-only */
/* plan: a plan for people, with a warning of what its timeout can do to the machine */
#ifndef FREEZEGUARD_SHOW_PLAN_H
#define FREEZEGUARD_SHOW_PLAN_H

#include "freezectl.h"

void planshow(struct freezectl *ctl, const struct plan *plan, uint32_t timeout_ms);

#endif
