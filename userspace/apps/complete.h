/* SPDX-License-Identifier: GPL-2.0-only */
/* complete: telling applications that all copies of a freeze are done */
#ifndef FREEZEGUARD_APPS_COMPLETE_H
#define FREEZEGUARD_APPS_COMPLETE_H

#include <stdint.h>

#include "freezectl.h"

void complete_apps(struct freezectl *ctl, const struct config *config, const char *id,
		   uint32_t timeout_ms);

#endif
