/* SPDX-License-Identifier: GPL-2.0-only */
/* plan: a plan for people, with a warning of what its timeout can do to the machine */
#ifndef FREEZEGUARD_SHOW_PLAN_H
#define FREEZEGUARD_SHOW_PLAN_H

#include "freezectl.h"
#include "plan/targets.h"

/* Room for every text of show_plan_name(), with the terminating NUL. */
#define SHOW_PLAN_NAME_MAX	4352

bool show_plan_name(const struct plan *plan, size_t i, char buf[SHOW_PLAN_NAME_MAX]);
void show_plan(struct freezectl *ctl, const struct plan *plan, uint32_t timeout_ms);
struct json_object *show_plan_json(const struct plan *plan);

#endif
