/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sight: what the observer saw of a superblock, a lease or a writer, in words and as JSON. Every
 * function takes a NULL for an observer that isn't loaded, and then says no more than is known.
 */
#ifndef FREEZEGUARD_SIGHT_H
#define FREEZEGUARD_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <freezeguard.h>

#include "observer/read.h"
#include "base/timefmt.h"

/* Room for every text that is made here, with the terminating NUL. */
#define SIGHT_TEXT_MAX 320

/* How to know next time; for the end of a sentence. */
#define SIGHT_HOW "freezectl observer load"

/**
 * struct sight_stalls - how the writers on a lease's filesystems waited for its thaw
 * @known: the observer saw all of the lease; if not, the figures are of what it saw
 * @waited: writers that had to wait
 * @waiting: those of them that still do
 * @longest_ns: the longest of the waits that are over
 */
struct sight_stalls {
	bool known;
	uint64_t waited;
	uint64_t waiting;
	uint64_t longest_ns;
};

const char *sight_means_name(uint32_t means);
const char *sight_phase_name(uint32_t phase);
const char *sight_event_name(uint32_t type);

const char *sight_process(const struct fw_process *by, char buf[SIGHT_TEXT_MAX]);
const char *sight_means(uint32_t means);
bool sight_is_foreign(const struct fw_frozen *frozen);
uint32_t sight_freeze_means(const struct fw_frozen *frozen);
uint64_t sight_freeze_since(const struct fw_frozen *frozen);
const struct fw_process *sight_freezer(const struct fw_frozen *frozen);
const char *sight_others(struct observer *observer, uint32_t major, uint32_t minor,
			 const struct when *when, char buf[SIGHT_TEXT_MAX]);
const char *sight_hint(struct observer *observer);
const char *sight_unseen(struct observer *observer);
bool sight_thaw(struct observer *observer, const struct freezeguard_lease *lease,
		const struct freezeguard_hold *hold, struct fw_last *last);
bool sight_stalls(struct observer *observer, const struct freezeguard_lease *lease,
		  uint64_t until_ns, struct sight_stalls *stalls);
const char *sight_stalls_text(const struct sight_stalls *stalls, char buf[SIGHT_TEXT_MAX]);

struct json_object *sight_json_process(const struct fw_process *by);

#endif
