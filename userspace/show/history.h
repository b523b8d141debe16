/* SPDX-License-Identifier: GPL-2.0-only */
/* history: leases that have ended, as JSON, as a line of the log and as a table */
#ifndef FREEZEGUARD_SHOW_HISTORY_H
#define FREEZEGUARD_SHOW_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <freezeguard.h>

#include "base/output.h"
#include "plan/paths.h"

struct json_object *show_history_json(const struct freezeguard_lease *lease,
				      struct json_object *applications, const struct paths *paths);
const char *show_history_key(struct json_object *entry);
uint64_t show_history_ended_ms(struct json_object *entry);
bool show_history_is_fine(struct json_object *entry);
char *show_history_line(struct json_object *entry);
void show_history_table(struct output *out, struct json_object *entries);

#endif
