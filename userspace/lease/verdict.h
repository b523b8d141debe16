/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict: what a lease's state means for the one who asked to freeze or to thaw, as findings with
 * exit codes. It only computes: it asks nobody but the observer, and changes nothing.
 */
#ifndef FREEZEGUARD_LEASE_VERDICT_H
#define FREEZEGUARD_LEASE_VERDICT_H

#include <stdbool.h>

#include <freezeguard.h>

#include "base/findings.h"
#include "observer/read.h"
#include "plan/paths.h"
#include "base/timefmt.h"

/**
 * struct verdict_context - what the texts are made with
 * @clocks: now
 * @paths: for the paths
 * @observer: who knows whose foreign freezes and thaws are; NULL if none is loaded
 * @wait_ms: a thaw: how long its end is waited for; a lease that took longer to be released had a
 *	thaw that failed
 * @require_continuity: a thaw: not to know whether there was a gap is as bad as one
 * @gave_up: a freeze: why this process itself ended the lease, or NULL if it did not
 */
struct verdict_context {
	struct clocks clocks;
	struct paths paths;
	struct observer *observer;
	uint64_t wait_ms;
	bool require_continuity;
	const char *gave_up;
};

/**
 * enum verdict_asked - what became of the request to end a lease
 * @VERDICT_WON: it ended the lease
 * @VERDICT_LATE: the lease was ending or had ended already
 * @VERDICT_AGAIN: likewise, by the same post-script when it ran the first time
 */
enum verdict_asked {
	VERDICT_WON,
	VERDICT_LATE,
	VERDICT_AGAIN,
};

bool verdict_freeze(const struct freezeguard_lease *lease, const struct verdict_context *context,
		    struct findings *findings);
void verdict_live(const struct freezeguard_lease *lease, int code,
		  const struct verdict_context *context, struct findings *findings);
bool verdict_thaw(const struct freezeguard_lease *lease, enum verdict_asked asked,
		  const struct verdict_context *context, struct findings *findings);

#endif
