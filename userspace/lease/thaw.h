/* SPDX-License-Identifier: GPL-2.0-only */
/* thaw: ending leases, and the true answer about each */
#ifndef FREEZEGUARD_LEASE_THAW_H
#define FREEZEGUARD_LEASE_THAW_H

#include <stdbool.h>
#include <stdint.h>

#include "freezectl.h"
#include "observer/observed.h"
#include "lease/verdict.h"

/**
 * struct thaw - one lease that is being ended; zero it before use
 * @number: its number; 0: it is known by @id
 * @id: its id, or NULL
 * @require_continuity: not to know whether there was a gap is as bad as one
 * @asked: what became of the request
 * @requested: the request was made, and there is such a lease
 * @lease: the lease as it was last seen
 * @stalls_known: an observer is loaded; @stalls is what it saw
 * @stalls: how writers waited
 */
struct thaw {
	uint64_t number;
	const char *id;
	bool require_continuity;
	enum verdict_asked asked;
	bool requested;
	struct freezeguard_lease lease;
	bool stalls_known;
	struct observed_stalls stalls;
};

bool thaw_request(struct freezectl *ctl, struct thaw *thaw);
bool thaw_finish(struct freezectl *ctl, struct thaw *thaw, uint64_t until_ns, uint64_t wait_ms);
void thaw_late(struct freezectl *ctl, const struct freezeguard_lease *lease, uint64_t wait_ms);
struct json_object *thaw_json(const struct thaw *thaw, const struct paths *paths);
void thaw_document(struct freezectl *ctl, const struct thaw *thaw, const struct paths *paths);

#endif
