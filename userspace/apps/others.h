/* SPDX-License-Identifier: GPL-2.0-only */
/* others: what earlier freezes, and others at the same time, do with applications */
#ifndef FREEZEGUARD_APPS_OTHERS_H
#define FREEZEGUARD_APPS_OTHERS_H

#include <stdint.h>

#include "apps/hooks.h"
#include "freezectl.h"

void others_check(struct freezectl *ctl, const struct config *config, const char *id,
		  const struct hooks *hooks);
void others_thaw(struct freezectl *ctl, const struct config *config, uint64_t until_ns);
int others_lock(const char *run_dir, uint64_t until_ns);

#endif
