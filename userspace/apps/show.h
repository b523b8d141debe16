/* SPDX-License-Identifier: GPL-2.0-only */
/* show: the applications of a freeze, as text and as JSON */
#ifndef FREEZEGUARD_APPS_SHOW_H
#define FREEZEGUARD_APPS_SHOW_H

#include <stdbool.h>

#include "apps/record.h"
#include "freezectl.h"

void apps_show_record(struct freezectl *ctl, const struct record *record, bool after);
void apps_show_quiet(struct freezectl *ctl, const struct record *record, const char *none);
void apps_show_completed(struct freezectl *ctl, const struct record *record);
struct json_object *apps_json(const struct record_app *app, const struct clocks *clocks);
struct json_object *apps_record_json(const char *run_dir, const struct record *s,
				     const struct clocks *clocks);

#endif
