/* SPDX-License-Identifier: GPL-2.0-only */
/* around: a freeze with its applications: quiet before it, released after it */
#ifndef FREEZEGUARD_APPS_AROUND_H
#define FREEZEGUARD_APPS_AROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "lease/freeze.h"
#include "lease/sync.h"
#include "lease/thaw.h"

#define AROUND_TEXT_MAX	128

/**
 * struct around - a freeze and its applications; zero it before use
 * @request: what is to be frozen
 * @apps: which applications are to be quiet
 * @script_timeout_ms: within which all has to be quiet and frozen
 * @start_ns: when that began, CLOCK_BOOTTIME
 * @rest: how to call the end that is waited for: "post-script", "thaw"
 * @freeze: the freeze, on its way
 * @called: the applications, on their way
 * @sync: what is synced instead of frozen
 * @give_up: how to tell that the time is over
 * @id: the id, if it is made up
 */
struct around {
	struct freeze_request request;
	struct apps_request apps;
	uint32_t script_timeout_ms;
	uint64_t start_ns;
	const char *rest;
	struct freeze freeze;
	struct apps called;
	struct sync sync;
	char give_up[AROUND_TEXT_MAX];
	char id[FREEZEGUARD_ID_MAX + 1];
};

/**
 * struct around_end - a lease that is being ended, with its applications; zero it before use
 * @thaw: the lease
 * @apps: the applications, if there is a record of any: apps_end_begin()
 * @recorded: the record is about this lease
 * @released: all of them are released
 */
struct around_end {
	struct thaw thaw;
	struct apps_end apps;
	bool recorded, released;
};

bool around_called(const struct freeze_choice *choice, const struct config *config, bool *told);
bool around_choose(struct freezectl *ctl, struct around *around);
void around_limit(struct around *around);
bool around_prepare(struct freezectl *ctl, struct around *around);
bool around_begin(struct freezectl *ctl, struct around *around);
void around_keep(struct freezectl *ctl, struct around *around);
void around_undo(struct freezectl *ctl, struct around *around);
void around_free(struct around *around);

bool around_end_lease(struct freezectl *ctl, const struct config *config, struct around_end *end,
		      uint64_t until_ns);
void around_end_wait(struct freezectl *ctl, const struct config *config, struct around_end *end,
		     uint64_t until_ns);

#endif
