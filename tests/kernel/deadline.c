// SPDX-License-Identifier: GPL-2.0-only
/* The deadline, which comes whatever else happens, and never early. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "kt.h"

/* The promise is one second; what is measured is printed. */
#define LATE_MAX_NS	(1000 * MS)

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

TEST(deadline_releases_writers_in_time)
{
	enum { ROUNDS = 10 };
	int fd = kt_mount("a", NULL);
	struct kt_writer *writer = kt_writer("a");
	int64_t late_ns[ROUNDS];
	struct fg_lease *lease;
	struct fgnl nl;
	unsigned int i;

	kt_open(&nl);
	for (i = 0; i < ROUNDS; i++) {
		uint64_t deadline_ns, writes, released_ns;

		lease = kt_frozen(&nl, NULL, 200, &fd, 1);
		deadline_ns = lease->deadline_ns;
		kt_sleep_ms(20);
		writes = writer->writes;
		released_ns = kt_writer_released_ns(writer, writes);
		lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
		EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
		EQUAL(lease->ender_pid, 0);
		CHECK(lease->ended_ns >= deadline_ns);
		CHECK(lease->released_ns - deadline_ns < LATE_MAX_NS);
		late_ns[i] = released_ns - deadline_ns;
		EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	}
	qsort(late_ns, ROUNDS, sizeof(late_ns[0]), compare);
	kt_note("a writer was released %.1f ms after the deadline (median of %d), %.1f ms at worst",
		late_ns[ROUNDS / 2] / 1e6, ROUNDS, late_ns[ROUNDS - 1] / 1e6);
	CHECK(late_ns[0] > 0);
	CHECK(late_ns[ROUNDS - 1] < (int64_t)LATE_MAX_NS);
}

TEST(deadline_comes_without_anybody)
{
	int fd = kt_mount("a", NULL);
	uint64_t deadline_ns;
	struct fgnl nl;

	kt_open(&nl);
	deadline_ns = kt_frozen(&nl, "alone", 500, &fd, 1)->deadline_ns;
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_DETACH, 0, "alone", 0, NULL), 0);
	fgnl_close(&nl);
	while (kt_now_ns() < deadline_ns + 300 * MS)
		kt_sleep_ms(10);
	/* nobody asked the module anything meanwhile */
	EQUAL(kt_state("a", "frozen"), 0);
}

TEST(deadline_while_freezing)
{
	struct kt_writer *writer;
	struct fg_lease *lease;
	uint64_t number;
	struct fgnl nl;
	int fd;

	fd = kt_mount("a", "freeze=hang");
	writer = kt_writer("a");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 300, &fd, 1);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	CHECK(lease->ended_ns >= lease->deadline_ns);
	CHECK(lease->ended_ns - lease->deadline_ns < LATE_MAX_NS);
	EQUAL(lease->holds_live, 1);
	kt_tell("a", "release", "0");
	kt_writer_goes_on(writer);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
}

/* A freeze that returns after the end is thawed by a thread that need not get its class any more. */
TEST(the_class_is_there_before_the_freeze)
{
	struct fg_lease *lease;
	struct kt_thread threads[16];
	uint64_t number;
	struct fgnl nl;
	pid_t thawer;
	int fd;

	fd = kt_mount("a", "freeze=hang");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 300, &fd, 1);
	kt_await_state("a", "freeze_calls", 1);
	kt_thawers(threads, 16, 1);
	thawer = threads[0].pid;
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	EQUAL(lease->hold[0].state, FREEZEGUARD_HOLD_STATE_FREEZING);
	EQUAL(lease->hold[0].class, FREEZEGUARD_CLASS_DEADLINE);
	kt_thawers(threads, 16, 1);
	EQUAL(threads[0].pid, thawer);
	kt_tell("a", "release", "0");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
}

enum { MANY = 24 };		/* more than get SCHED_DEADLINE on two processors */

/* All threads, once none of them has work; how many. */
static unsigned int parked(struct kt_thread *found)
{
	unsigned int n = 0, i, waited;

	for (waited = 0; waited < KT_SOON_MS; waited += 10, kt_sleep_ms(10)) {
		n = kt_threads(found, 2 * MANY);
		for (i = 0; i < n && found[i].parked; i++)
			;
		if (n && i == n)
			return n;
	}
	FAIL("%u threads, and not all are parked", n);
}

/* How many threads of a policy are among both. */
static unsigned int used_again(const struct kt_thread *before, unsigned int n_before,
			       const struct kt_thread *after, unsigned int n_after, int policy)
{
	unsigned int i, j, same = 0;

	for (i = 0; i < n_before; i++)
		for (j = 0; j < n_after; j++)
			same += before[i].pid == after[j].pid && before[i].policy == policy &&
				after[j].policy == policy;
	return same;
}

static void park_and_use_again(unsigned int n, unsigned int *deadline, unsigned int *fifo)
{
	struct kt_thread before[2 * MANY], after[2 * MANY];
	unsigned int n_before, n_after;
	struct fgnl nl;
	int fds[MANY];

	kt_reload("");
	kt_mounts("p", fds, n);
	kt_open(&nl);
	kt_end(&nl, kt_frozen(&nl, NULL, 60000, fds, n)->number);
	n_before = parked(before);
	kt_end(&nl, kt_frozen(&nl, NULL, 60000, fds, n)->number);
	n_after = parked(after);
	*deadline = used_again(before, n_before, after, n_after, SCHED_DEADLINE);
	*fifo = used_again(before, n_before, after, n_after, SCHED_FIFO);
	EQUAL(used_again(before, n_before, after, n_after, SCHED_OTHER), n);
}

TEST(threads_are_parked_and_used_again)
{
	unsigned int deadline, fifo;

	park_and_use_again(4, &deadline, &fifo);
	EQUAL(deadline, 4);
}

/* All but those to which time was lent at the end. */
TEST(threads_without_their_class_are_parked_and_used_again)
{
	unsigned int deadline, fifo;

	park_and_use_again(MANY, &deadline, &fifo);
	kt_note("%u with SCHED_DEADLINE, %u with SCHED_FIFO", deadline, fifo);
	CHECK(deadline + fifo <= MANY);
	CHECK(fifo > 0);
}

/* A thread that got SCHED_FIFO gets SCHED_DEADLINE as soon as others have given it back. */
TEST(a_parked_thread_gets_its_class_later)
{
	struct fg_lease *lease;
	uint64_t number;
	unsigned int i;
	struct fgnl nl;
	char name[16];
	int fds[MANY], fd = -1;

	kt_reload("");
	kt_mounts("p", fds, MANY);
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 60000, fds, MANY);
	for (i = 0; i < MANY && fd < 0; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		if (kt_hold(lease, name)->class == FREEZEGUARD_CLASS_FIFO)
			fd = fds[i];
	}
	kt_end(&nl, lease->number);
	if (fd < 0)
		kt_skip("all threads got SCHED_DEADLINE");
	for (i = 0; i < 6; i++) {	/* its own thread is in use while the others exit, after 10 s */
		lease = kt_frozen(&nl, NULL, 60000, &fd, 1);
		EQUAL(lease->hold[0].class, FREEZEGUARD_CLASS_FIFO);
		number = lease->number;
		kt_sleep_ms(i < 5 ? 1500 : 6000);
		kt_end(&nl, number);
	}
	EQUAL(kt_frozen(&nl, NULL, 60000, &fd, 1)->hold[0].class, FREEZEGUARD_CLASS_DEADLINE);
}

TEST(deadline_while_waiting_for_a_level)
{
	static const uint32_t levels[] = { 0, 1 };
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", "freeze=hang");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	EQUAL(fg_new_levels(&nl, NULL, 300, fds, levels, 2, &reply), 0);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	kt_tell("a", "release", "0");
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(kt_state("b", "freeze_calls"), 0);
	EQUAL(kt_hold(lease, "b")->freeze_begin_ns, 0);
	EQUAL(kt_hold(lease, "b")->frozen_ns, 0);
	EQUAL(kt_hold(lease, "b")->state, FREEZEGUARD_HOLD_STATE_RELEASED);
}

TEST(shortest_timeouts)
{
	struct fgnl nl;
	unsigned int i, frozen = 0;
	int fds[4];

	kt_mounts("a", fds, 4);
	kt_open(&nl);
	for (i = 0; i < 20; i++) {
		uint64_t number = kt_new(&nl, NULL, 1 + i % 3, fds, 4);
		struct fg_lease lease;
		unsigned int tries = 0;

		do {
			EQUAL(fg_get(&nl, number, &lease), 0);
			kt_sleep_ms(1);
		} while (lease.state < FREEZEGUARD_LEASE_STATE_THAWED && tries++ < 2000);
		EQUAL(lease.cause, FREEZEGUARD_CAUSE_DEADLINE);
		EQUAL(lease.state, lease.frozen_ns ? FREEZEGUARD_LEASE_STATE_EXPIRED :
						     FREEZEGUARD_LEASE_STATE_FAILED);
		EQUAL(lease.holds_live, 0);
		frozen += lease.frozen_ns != 0;
		for (unsigned int j = 0; j < 4; j++)
			EQUAL(kt_fs_state(&nl, fds[j]), FREEZEGUARD_FS_STATE_UNFROZEN);
	}
	kt_note("%u of 20 were frozen in 1 to 3 ms", frozen);
}

/* A lease that is near its deadline: its number. */
static uint64_t near_deadline(struct fgnl *nl, int fd, unsigned int round)
{
	uint64_t number = kt_frozen(nl, NULL, 60000, &fd, 1)->number, until_ns;
	struct fg_lease lease;

	/* only now: how long the freeze takes depends on what else the machine does */
	EQUAL(fg_extend(nl, number, 20, &lease), 0);
	until_ns = lease.deadline_ns - 300000 + round * 25000ULL;
	while (kt_now_ns() < until_ns)
		;
	return number;
}

TEST(extend_races_the_deadline)
{
	int fd = kt_mount("a", NULL);
	unsigned int i, won = 0;
	struct fgnl nl;

	kt_open(&nl);
	for (i = 0; i < 20; i++) {
		uint64_t number = near_deadline(&nl, fd, i);
		struct fg_lease reply, *lease;
		int err = fg_extend(&nl, number, 10000, &reply);

		if (err) {
			EQUAL(err, -EALREADY);
			lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
			EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
			continue;
		}
		won++;
		kt_sleep_ms(20);
		lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
		EQUAL(lease->deadline_ns, reply.deadline_ns);
		EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_COMPLETE);
		kt_end(&nl, number);
	}
	kt_note("extending came first in %u of %u races", won, i);
}

TEST(end_races_the_deadline)
{
	int fd = kt_mount("a", NULL);
	unsigned int i, won = 0;
	struct fgnl nl;

	kt_open(&nl);
	for (i = 0; i < 20; i++) {
		uint64_t number = near_deadline(&nl, fd, i);
		int err = fg_end(&nl, number, NULL);
		struct fg_lease *lease;

		lease = kt_await(&nl, number, err ? FREEZEGUARD_LEASE_STATE_EXPIRED :
				 FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
		EQUAL(lease->cause, err ? FREEZEGUARD_CAUSE_DEADLINE : FREEZEGUARD_CAUSE_REQUEST);
		EQUAL(err, err ? -EALREADY : 0);
		won += !err;
	}
	EQUAL(kt_state("a", "freeze_calls"), i);
	EQUAL(kt_state("a", "thaw_calls"), i);
	kt_note("the request came first in %u of %u races", won, i);
}
