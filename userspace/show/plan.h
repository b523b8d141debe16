/* SPDX-License-Identifier: GPL-2.0-only */
/* plan: a plan for people, with a warning of what its timeout can do to the machine */
#ifndef FREEZEGUARD_SHOW_PLAN_H
#define FREEZEGUARD_SHOW_PLAN_H

#include "freezectl.h"
#include "plan/targets.h"

void show_plan(struct freezectl *ctl, const struct plan *plan, uint32_t timeout_ms);
struct json_object *show_plan_json(const struct plan *plan);

#endif
