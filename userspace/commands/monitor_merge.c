// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor_merge: two streams of events as one.
 *
 * The observer's events have a time. A lease's notification has none of its own: it is the lease as
 * it is, with the times of its states. A notification with another state than the one before is that
 * state's beginning, and has its time. Any other (a new deadline, a failed thaw) happened when it came.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "commands/monitor_merge.h"

static struct merge_state *find_state(struct merge *merge, uint64_t number)
{
	size_t i;

	for (i = 0; i < merge->n_states; i++)
		if (merge->states[i].number == number)
			return &merge->states[i];
	return NULL;
}

/**
 * merge_live() - remember in which state a lease is
 * @merge: where
 * @lease: as it is; one that is not live any more is forgotten
 *
 * Without memory for it, its next event has the time of its state, which may be earlier.
 */
void merge_live(struct merge *merge, const struct freezeguard_lease *lease)
{
	struct merge_state *state = find_state(merge, lease->number);

	if (!freezeguard_lease_is_live(lease)) {
		if (state)
			*state = merge->states[--merge->n_states];
		return;
	}
	if (!state)
		state = APPEND(merge->states, merge->n_states);
	if (!state)
		return;
	*state = (struct merge_state) { .number = lease->number, .state = lease->state };
}

/* When the state began that a lease is in; 0 if that isn't known. */
static uint64_t state_begin_ns(const struct freezeguard_lease *lease)
{
	switch (lease->state) {
	case FREEZEGUARD_LEASE_STATE_FREEZING:
		return lease->begin_ns;
	case FREEZEGUARD_LEASE_STATE_FROZEN:
		return lease->frozen_ns;
	case FREEZEGUARD_LEASE_STATE_THAWING:
	case FREEZEGUARD_LEASE_STATE_ROLLING_BACK:
		return lease->ended_ns;
	default:
		return lease->released_ns;
	}
}

/* A place for an event of that time: behind all that are not later. */
static struct merged *make_place(struct merge *merge, uint64_t time_ns)
{
	size_t at, room = merge->room ? 2 * merge->room : 64;
	struct merged *v;

	if (merge->n == merge->room) {
		v = reallocarray(merge->v, room, sizeof(*v));
		if (!v)
			return NULL;
		merge->v = v;
		merge->room = room;
	}
	for (at = merge->n; at && merge->v[at - 1].time_ns > time_ns; at--)
		;
	memmove(&merge->v[at + 1], &merge->v[at], (merge->n - at) * sizeof(*merge->v));
	merge->n++;
	merge->v[at].time_ns = time_ns;
	return &merge->v[at];
}

/**
 * merge_lease() - add a lease's event
 * @merge: where to
 * @lease: the event; on success what it points to belongs to @merge
 * @now_ns: CLOCK_BOOTTIME
 *
 * Return: 0 or -ENOMEM.
 */
int merge_lease(struct merge *merge, struct freezeguard_lease *lease, uint64_t now_ns)
{
	const struct merge_state *state = find_state(merge, lease->number);
	uint64_t time_ns = state_begin_ns(lease);
	struct merged *place;

	/* A failed thaw comes with its hold. */
	if (!time_ns || time_ns > now_ns || lease->n_holds ||
	    (state && state->state == lease->state))
		time_ns = now_ns;
	/* They come in the order in which they happened. */
	if (time_ns < merge->last_lease_ns)
		time_ns = merge->last_lease_ns;
	place = make_place(merge, time_ns);
	if (!place)
		return -ENOMEM;
	merge->last_lease_ns = time_ns;
	merge_live(merge, lease);
	place->observed = false;
	place->lease = *lease;
	memset(lease, 0, sizeof(*lease));
	return 0;
}

/**
 * merge_observed() - add an event of the observer's
 * @merge: where to
 * @event: the event
 *
 * Return: 0 or -ENOMEM.
 */
int merge_observed(struct merge *merge, const struct fw_event *event)
{
	struct merged *place = make_place(merge, event->time_ns);

	if (!place)
		return -ENOMEM;
	place->observed = true;
	place->event = *event;
	return 0;
}

/**
 * merge_next() - take the first event out
 * @merge: where from
 * @until_ns: only if it happened by then
 * @event: where to; freezeguard_lease_clear() its lease
 *
 * Return: whether there was one.
 */
bool merge_next(struct merge *merge, uint64_t until_ns, struct merged *event)
{
	if (!merge->n || merge->v[0].time_ns > until_ns)
		return false;
	*event = merge->v[0];
	merge->n--;
	memmove(&merge->v[0], &merge->v[1], merge->n * sizeof(*merge->v));
	return true;
}

/** merge_free() - free everything, also what was not taken */
void merge_free(struct merge *merge)
{
	size_t i;

	for (i = 0; i < merge->n; i++)
		if (!merge->v[i].observed)
			freezeguard_lease_clear(&merge->v[i].lease);
	free(merge->v);
	free(merge->states);
	memset(merge, 0, sizeof(*merge));
}
