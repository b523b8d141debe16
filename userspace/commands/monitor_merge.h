/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor_merge: the kernel's lease events and the observer's events as one stream in the order of
 * time. It holds events back for a moment, since of two that happened at once either may be heard
 * of first.
 */
#ifndef FREEZEGUARD_COMMANDS_MONITOR_MERGE_H
#define FREEZEGUARD_COMMANDS_MONITOR_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <freezeguard.h>

#include "observer_maps.h"

/**
 * struct merged - one event
 * @time_ns: when it happened, CLOCK_BOOTTIME
 * @observed: it is the observer's, @event; else a lease's, @lease
 */
struct merged {
	uint64_t time_ns;
	bool observed;
	union {
		struct freezeguard_lease lease;
		struct fw_event event;
	};
};

/**
 * struct merge - the events that are held back; zero it before use
 * @v: in the order of time; of the same time, of coming
 * @n: how many
 * @room: for how many there is memory
 * @states: the leases that live, to tell a new state, which has a time, from another change
 */
struct merge {
	struct merged *v;
	size_t n, room;
	struct merge_state {
		uint64_t number;
		uint32_t state;
	} *states;
	size_t n_states;
	uint64_t last_lease_ns;
};

void merge_live(struct merge *merge, const struct freezeguard_lease *lease);
int merge_lease(struct merge *merge, struct freezeguard_lease *lease, uint64_t now_ns);
int merge_observed(struct merge *merge, const struct fw_event *event);
bool merge_next(struct merge *merge, uint64_t until_ns, struct merged *event);
void merge_free(struct merge *merge);

#endif
