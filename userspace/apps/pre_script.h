/* SPDX-License-Identifier: GPL-2.0-only */
/* pre_script: making applications quiet for a freeze */
#ifndef FREEZEGUARD_APPS_PRE_SCRIPT_H
#define FREEZEGUARD_APPS_PRE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "freezectl.h"
#include "apps/files.h"
#include "apps/hooks.h"
#include "apps/record.h"
#include "apps/supervisor.h"

/**
 * struct apps_request - which applications, for which freeze
 * @config: what is in force
 * @names: hooks that are named; an empty list: all that are enabled
 * @all: all that are enabled, whatever is configured
 * @none: no hook is called
 * @allow_unfrozen: applications' files may be on what is not frozen
 * @by: which command it is, RECORD_BY_...
 * @attended: it stays until the end
 * @id: the lease's id
 * @timeout_ms: the lease's timeout
 * @require_continuity: not to know whether there was a gap is as bad as one
 * @give_up_ns: when the caller gives up, CLOCK_BOOTTIME
 */
struct apps_request {
	const struct config *config;
	struct text_list names;
	bool all;
	bool none;
	bool allow_unfrozen;
	bool require_continuity;
	const char *by;
	bool attended;
	const char *id;
	uint32_t timeout_ms;
	uint64_t give_up_ns;
};

/**
 * struct apps - applications on their way to a freeze; zero it before use
 * @hooks: those that there are
 * @supervisor: who calls them
 * @started: it was started
 * @record: the record, as it was last read
 */
struct apps {
	struct hooks hooks;
	struct supervisor supervisor;
	bool started;
	struct record record;
};

bool apps_prepare(struct freezectl *ctl, const struct apps_request *request, struct apps *apps);
bool apps_startable(struct freezectl *ctl, const struct apps_request *request,
		    const struct apps *apps, const struct plan *plan);
bool apps_ask(struct freezectl *ctl, const struct apps_request *request, const struct apps *apps,
	      const struct files_check *check);
bool apps_quiesce(struct freezectl *ctl, const struct apps_request *request, struct apps *apps,
		  const struct plan *plan);
bool apps_still_quiet(struct freezectl *ctl, const struct apps_request *request, struct apps *apps,
		      const struct freezeguard_lease *lease);
void apps_keep(struct freezectl *ctl, const struct apps_request *request, struct apps *apps);
bool apps_are_over(const struct apps *apps);
void apps_confirm(const struct apps *apps);
void apps_abort(struct freezectl *ctl, const struct apps_request *request, struct apps *apps);
void apps_show(struct freezectl *ctl, const struct apps *apps);
void apps_show_success(struct freezectl *ctl, const struct apps_request *request,
		       const struct apps *apps);
void apps_free(struct apps *apps);

#endif
