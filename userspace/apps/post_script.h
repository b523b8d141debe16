/* SPDX-License-Identifier: GPL-2.0-only */
/* post_script: waiting until applications are released, and reporting the result */
#ifndef FREEZEGUARD_APPS_POST_SCRIPT_H
#define FREEZEGUARD_APPS_POST_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/record.h"
#include "freezectl.h"

bool apps_alive(const char *run_dir, const struct record *record);
void apps_thaw_for_dead(struct freezectl *ctl, const struct config *config, struct record *record,
			int code, uint64_t until_ns);
void apps_after(struct freezectl *ctl, const struct config *config, struct record *record,
		bool asked_first, uint64_t lease_ended_ns, uint64_t until_ns);

#endif
