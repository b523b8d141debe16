/* SPDX-License-Identifier: GPL-2.0-only */
/* history: putting a lease that has ended, with its applications, into the history and the log */
#ifndef FREEZEGUARD_APPS_HISTORY_H
#define FREEZEGUARD_APPS_HISTORY_H

#include "apps/record.h"
#include "freezectl.h"

int history_keep(struct freezectl *ctl, const struct freezeguard_lease *lease);
void history_keep_record(const char *dir, const struct record *record,
			 const struct freezeguard_lease *lease);
int history_merge(struct freezectl *ctl, const struct config *config,
		  struct json_object *entries);

#endif
