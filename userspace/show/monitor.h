/* SPDX-License-Identifier: GPL-2.0-only */
/* monitor: each line of freezectl monitor, for people or as a JSON object */
#ifndef FREEZEGUARD_SHOW_MONITOR_H
#define FREEZEGUARD_SHOW_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "freezectl.h"

bool show_monitor_lease(struct freezectl *ctl, const char *what,
			const struct freezeguard_lease *lease, uint64_t time_ns);
bool show_monitor_lost(struct freezectl *ctl, const char *source, uint64_t n);
bool show_monitor_observer(struct freezectl *ctl, const char *state, const char *text);
bool show_monitor_observed(struct freezectl *ctl, const struct fw_event *event);

#endif
