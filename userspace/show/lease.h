/* SPDX-License-Identifier: GPL-2.0-only */
/* lease: a lease and its filesystems, as a table and as JSON */
#ifndef FREEZEGUARD_SHOW_LEASE_H
#define FREEZEGUARD_SHOW_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include <freezeguard.h>

#include "base/output.h"
#include "base/timefmt.h"
#include "plan/paths.h"
#include "plan/targets.h"

const char *show_continuity(uint32_t continuity, bool live);
struct json_object *show_lease_json(const struct freezeguard_lease *lease,
				    const struct paths *paths, const struct clocks *clocks);
void show_lease_document(struct output *out, const struct freezeguard_lease *lease,
			 const struct paths *paths, const struct clocks *clocks);
void show_lease_table(struct output *out, const struct freezeguard_lease *lease,
		      const struct paths *paths);
void show_rehearse(const struct plan *plan, bool json);

#endif
