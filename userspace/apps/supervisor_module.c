// SPDX-License-Identifier: GPL-2.0-only
/* supervisor_module: what the supervisor asks of the kernel module */
#include <errno.h>
#include <stdio.h>

#include <freezeguard.h>

#include "apps/supervisor_job.h"

/* Events and requests on handles of their own: events could crowd out an answer. */
static struct freezeguard *asked, *events;

static int connect_both(void)
{
	int r;

	r = freezeguard_open(&asked);
	if (r)
		return r;
	/* Without events (another network namespace) the module is polled. */
	if (freezeguard_open_events(&events)) {
		freezeguard_close(events);
		events = NULL;
	}
	return 0;
}

static int events_fd(void)
{
	return events ? freezeguard_fd(events) : -1;
}

/* An event only shows that something happened; a query then gets the state. */
static void drain(void)
{
	struct freezeguard_lease event = { 0 };
	int r;

	while (events && (r = freezeguard_event_next(events, 0, &event)) != 0) {
		freezeguard_lease_clear(&event);
		if (r < 0 && r != -ENOBUFS && r != -EINTR) {
			freezeguard_close(events);
			events = NULL;
		}
	}
}

static int get(uint64_t number, struct freezeguard_lease *lease)
{
	return freezeguard_lease_get(asked, number, NULL, lease);
}

static int look(uint64_t number, struct supervisor_lease *lease)
{
	struct freezeguard_lease now = { 0 };
	int r;

	r = get(number, &now);
	if (r)
		return r;
	lease->ended = now.state >= FREEZEGUARD_LEASE_STATE_THAWING ||
		       now.cause != FREEZEGUARD_CAUSE_NONE;
	lease->released = !freezeguard_lease_is_live(&now);
	snprintf(lease->cause, sizeof(lease->cause), "%s", freezeguard_cause_name(now.cause));
	freezeguard_lease_clear(&now);
	return 0;
}

const struct supervisor_module supervisor_module_real = {
	.open = connect_both,
	.fd = events_fd,
	.drain = drain,
	.look = look,
	.get = get,
};
