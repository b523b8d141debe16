/* SPDX-License-Identifier: GPL-2.0-only */
/* live: applications that are kept quiet now, for the commands of an emergency */
#ifndef FREEZEGUARD_APPS_LIVE_H
#define FREEZEGUARD_APPS_LIVE_H

#include <stdbool.h>

#include "apps/post_script.h"
#include "apps/record.h"
#include "freezectl.h"

const struct config *live_config(struct freezectl *ctl, const char *profile);
bool live_alone(const struct config *config, const struct record *record);
void live_list(struct freezectl *ctl, const struct config *config, struct record_list *list);
void live_show(struct freezectl *ctl);
void live_warn_of_limit(struct freezectl *ctl, const struct freezeguard_lease *lease);

/**
 * struct live_ends - the applications that are being released without a lease
 * @v: each
 * @n: how many
 */
struct live_ends {
	struct apps_end *v;
	size_t n;
};

bool live_end(struct freezectl *ctl, const struct config *config, const char *id,
	      const char *word, struct live_ends *ends);
bool live_owned(const struct config *config, const char *id);
void live_finish(struct freezectl *ctl, const struct config *config, struct live_ends *ends,
		 struct json_object *array, uint64_t until_ns);

#endif
