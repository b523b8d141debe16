/* SPDX-License-Identifier: GPL-2.0-only */
/* files: where applications' hooks and files lie, compared with what is frozen */
#ifndef FREEZEGUARD_APPS_FILES_H
#define FREEZEGUARD_APPS_FILES_H

#include <stdbool.h>

#include "apps/hooks.h"
#include "apps/record.h"
#include "base/config.h"
#include "base/findings.h"
#include "base/text.h"
#include "lease/sync.h"
#include "plan/machine.h"
#include "plan/targets.h"

/**
 * struct files_check - with what applications' files are compared
 * @config: has the paths that are configured, and what is allowed
 * @plan: what is frozen
 * @machine: the machine
 * @allow_unfrozen: all applications' files may be on what is not frozen
 * @sync: gets what is allowed and not frozen; or NULL
 * @findings: get code 206 for what is not frozen, or a warning if it is allowed
 */
struct files_check {
	const struct config *config;
	const struct plan *plan;
	const struct machine *machine;
	bool allow_unfrozen;
	struct sync *sync;
	struct findings *findings;
};

int files_of_hooks(const struct config *config, const struct hooks *hooks,
		   struct text_list *files);
bool files_are_frozen(const struct files_check *check, const char *app,
		      const struct text_list *paths);
bool files_of_record_are_frozen(const struct files_check *check, const struct record *record);

#endif
