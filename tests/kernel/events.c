// SPDX-License-Identifier: GPL-2.0-only
/* Notifications: in order, without gaps, the same to everybody, and what LEASE_GET says. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "kt.h"

/* The next one, which must come. */
static struct fg_event *next(struct fgnl *nl)
{
	static struct fg_event event;
	int err = fg_event(nl, &event, KT_SOON_MS);

	if (err)
		FAIL("notification: %s", strerror(-err));
	return &event;
}

static void none_waits(struct fgnl *nl)
{
	struct fg_event event;

	EQUAL(fg_event(nl, &event, 50), -ETIMEDOUT);
}

/* What every notification of a life must be, from FREEZING to @last. */
static void watch_life(struct fgnl *nl, uint64_t number, uint32_t last, uint32_t *seq)
{
	uint32_t state = 0;
	bool first = true;

	do {
		struct fg_event *event = next(nl);

		if (event->number != number)
			FAIL("lease %llu announced again, in state %u",
			     (unsigned long long)event->number, event->state);
		CHECK(event->present & 1 << FREEZEGUARD_A_LEASE_EVENT_SEQ);
		CHECK(event->multicast);
		if (*seq)
			EQUAL(event->seq, *seq + 1);
		*seq = event->seq;
		if (first)
			EQUAL(event->state, FREEZEGUARD_LEASE_STATE_FREEZING);
		first = false;
		/* never backwards, and nothing twice */
		if (event->state <= state)
			FAIL("state %u announced after state %u", event->state, state);
		state = event->state;
	} while (state < FREEZEGUARD_LEASE_STATE_THAWED);
	EQUAL(state, last);
}

TEST(a_life_as_seen_by_two)
{
	struct fgnl nl, first, second;
	uint32_t seq[2] = { 0, 0 };
	uint64_t number;
	unsigned int i;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_open(&first);
	kt_open(&second);
	EQUAL(fgnl_subscribe(&first), 0);
	EQUAL(fgnl_subscribe(&second), 0);
	for (i = 0; i < 10; i++) {
		number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
		kt_end(&nl, number);
		watch_life(&first, number, FREEZEGUARD_LEASE_STATE_THAWED, &seq[0]);
		watch_life(&second, number, FREEZEGUARD_LEASE_STATE_THAWED, &seq[1]);
		EQUAL(seq[0], seq[1]);
	}
	none_waits(&first);
	none_waits(&second);
}

TEST(many_lives_at_once_have_no_gap)
{
	enum { N = 8 };
	uint32_t state[N] = { 0 }, seq = 0;
	uint64_t numbers[N];
	struct fgnl nl, watcher;
	unsigned int i, over = 0;
	int fds[N];

	kt_mounts("a", fds, N);
	kt_open(&nl);
	kt_open(&watcher);
	EQUAL(fgnl_subscribe(&watcher), 0);
	for (i = 0; i < N; i++)
		numbers[i] = kt_new(&nl, NULL, 200 + 10 * i, &fds[i], 1);
	while (over < N) {
		struct fg_event *event = next(&watcher);

		if (seq)
			EQUAL(event->seq, seq + 1);
		seq = event->seq;
		for (i = 0; i < N && numbers[i] != event->number; i++)
			;
		CHECK(i < N);
		if (event->state <= state[i])
			FAIL("state %u announced after state %u", event->state, state[i]);
		state[i] = event->state;
		over += state[i] >= FREEZEGUARD_LEASE_STATE_THAWED;
	}
	for (i = 0; i < N; i++)
		EQUAL(state[i], FREEZEGUARD_LEASE_STATE_EXPIRED);
	none_waits(&watcher);
}

TEST(the_owner_is_told_without_subscribing)
{
	struct fgnl nl, stranger;
	struct fg_event *event;
	uint64_t number;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_open(&stranger);
	number = kt_new(&nl, "told", 10000, &fd, 1);
	event = next(&nl);
	EQUAL(event->number, number);
	EQUAL(event->state, FREEZEGUARD_LEASE_STATE_FROZEN);
	CHECK(!event->multicast);
	CHECK(!strcmp(event->id, "told"));
	kt_end(&nl, number);
	do
		event = next(&nl);
	while (event->state == FREEZEGUARD_LEASE_STATE_THAWING);
	EQUAL(event->state, FREEZEGUARD_LEASE_STATE_THAWED);
	none_waits(&nl);
	none_waits(&stranger);
}

TEST(a_detached_lease_is_told_to_the_group_only)
{
	struct fgnl nl, watcher;
	uint32_t seq = 0;
	uint64_t number;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_open(&watcher);
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	EQUAL(next(&nl)->state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(fgnl_subscribe(&watcher), 0);
	EQUAL(fg_detach(&nl, number, NULL), 0);
	/* That it was detached is news; the owner heard before the group that it is frozen. */
	while (next(&watcher)->bound)
		;
	kt_end(&nl, number);
	none_waits(&nl);
	do
		seq = next(&watcher)->state;
	while (seq < FREEZEGUARD_LEASE_STATE_THAWED);
	EQUAL(seq, FREEZEGUARD_LEASE_STATE_THAWED);
}

TEST(an_extension_is_news)
{
	struct fgnl nl, watcher;
	struct fg_event *event;
	struct fg_lease reply;
	uint64_t number;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_open(&watcher);
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	EQUAL(fgnl_subscribe(&watcher), 0);
	EQUAL(fg_extend(&nl, number, 30000, &reply), 0);
	/* The deadline before may still be on its way to the group. */
	do
		event = next(&watcher);
	while (event->deadline_ns < reply.deadline_ns);
	EQUAL(event->number, number);
	EQUAL(event->state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(event->deadline_ns, reply.deadline_ns);
	kt_end(&nl, number);
}

TEST(contents_are_those_of_get)
{
	struct fg_lease *lease;
	struct fgnl nl, watcher;
	struct fg_event *event;
	uint64_t number;
	int fd;

	fd = kt_mount("a", "thaw=hang");
	kt_open(&nl);
	kt_open(&watcher);
	EQUAL(fgnl_subscribe(&watcher), 0);
	number = kt_frozen(&nl, "contents", 10000, &fd, 1)->number;
	EQUAL(fg_end(&nl, number, NULL), 0);
	do
		event = next(&watcher);
	while (event->state < FREEZEGUARD_LEASE_STATE_THAWING);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWING, 0);
	EQUAL(event->state, lease->state);
	EQUAL(event->cause, lease->cause);
	EQUAL(event->error, lease->error);
	EQUAL(event->bound, lease->bound);
	EQUAL(event->holds, lease->holds);
	EQUAL(event->holds_live, lease->holds_live);
	EQUAL(event->begin_ns, lease->begin_ns);
	EQUAL(event->frozen_ns, lease->frozen_ns);
	EQUAL(event->deadline_ns, lease->deadline_ns);
	EQUAL(event->ended_ns, lease->ended_ns);
	EQUAL(event->released_ns, 0);
	EQUAL(event->continuity, lease->continuity);
	/* all but the holds, and the number of the event */
	EQUAL(event->present | 1u << FREEZEGUARD_A_LEASE_HOLD,
	      lease->present | 1u << FREEZEGUARD_A_LEASE_EVENT_SEQ);
	CHECK(!event->has_hold);
	CHECK(!strcmp(event->id, lease->id));
	kt_tell("a", "release", "0");
	event = next(&watcher);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(event->state, lease->state);
	EQUAL(event->released_ns, lease->released_ns);
	EQUAL(event->holds_live, 0);
	EQUAL(event->continuity, lease->continuity);
}

TEST(a_slow_subscriber_loses_some_and_nobody_else_does)
{
	struct fgnl nl, slow, quick;
	struct fg_event event;
	uint32_t seq = 0;
	unsigned int i;
	int size = 4096, fd, err;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_open(&slow);
	kt_open(&quick);
	EQUAL(setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	EQUAL(fgnl_subscribe(&slow), 0);
	EQUAL(fgnl_subscribe(&quick), 0);
	for (i = 0; i < 30; i++) {
		uint64_t number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;

		kt_end(&nl, number);
		watch_life(&quick, number, FREEZEGUARD_LEASE_STATE_THAWED, &seq);
	}
	/* told that it lost some, then goes on */
	for (i = 0; (err = fg_event(&slow, &event, 0)) == 0 && i < 200; i++)
		;
	EQUAL(err, -ENOBUFS);
	while (fg_event(&slow, &event, 50) == 0)
		;
	kt_end(&nl, kt_frozen(&nl, NULL, 10000, &fd, 1)->number);
	EQUAL(fg_event(&slow, &event, KT_SOON_MS), 0);
	CHECK(event.seq > seq);
}
