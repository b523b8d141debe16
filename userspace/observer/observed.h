/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * observed: what the observer saw of a superblock, a lease or a writer, in words. Every function
 * takes a NULL for an observer that isn't loaded, and then says no more than is known.
 */
#ifndef FREEZEGUARD_OBSERVER_OBSERVED_H
#define FREEZEGUARD_OBSERVER_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>

#include <freezeguard.h>

#include "observer/read.h"
#include "base/timefmt.h"

/* Room for every text that is made here, with the terminating NUL. */
#define OBSERVED_TEXT_MAX 320

/* How to know next time; for the end of a sentence. */
#define OBSERVED_HOW "freezectl observer load"

/**
 * struct observed_stalls - how the writers on a lease's filesystems waited for its thaw
 * @known: the observer saw all of the lease; if not, the figures are of what it saw
 * @waited: writers that had to wait
 * @waiting: those of them that still do
 * @longest_ns: the longest of the waits that are over
 */
struct observed_stalls {
	bool known;
	uint64_t waited;
	uint64_t waiting;
	uint64_t longest_ns;
};

const char *observed_origin_name(uint32_t origin);
const char *observed_phase_name(uint32_t phase);
const char *observed_event_name(uint32_t type);

const char *observed_process(const struct fw_process *by, char buf[OBSERVED_TEXT_MAX]);
const char *observed_origin(uint32_t origin);
bool observed_is_foreign(const struct fw_frozen *frozen);
uint32_t observed_freeze_origin(const struct fw_frozen *frozen);
uint64_t observed_freeze_since(const struct fw_frozen *frozen);
const struct fw_process *observed_freezer(const struct fw_frozen *frozen);
const char *observed_others(struct observer *observer, uint32_t major, uint32_t minor,
			    const struct clocks *clocks, char buf[OBSERVED_TEXT_MAX]);
const char *observed_hint(struct observer *observer);
const char *observed_unseen(struct observer *observer);
bool observed_thaw(struct observer *observer, const struct freezeguard_lease *lease,
		   const struct freezeguard_hold *hold, struct fw_last *last);
bool observed_stalls(struct observer *observer, const struct freezeguard_lease *lease,
		     uint64_t until_ns, struct observed_stalls *stalls);
const char *observed_stalls_text(const struct observed_stalls *stalls, char buf[OBSERVED_TEXT_MAX]);


#endif
