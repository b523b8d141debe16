// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filesystems that fail to freeze or to thaw, or never come back from it. Each test is run for
 * filesystems that leave the freezing to the VFS and for those that have freeze_super themselves.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kt.h"

#define BOTH(name) \
	static void name(const char *super); \
	TEST(name ## _generic) { name(""); } \
	TEST(name ## _super) { name(",super"); } \
	static void name(const char *super)

/* Three mounts a, b, c, of which b has the options. */
static void three(int *fds, const char *options, const char *super)
{
	char all[64];

	fds[0] = kt_mount("a", super + (*super == ','));
	snprintf(all, sizeof(all), "%s%s", options, super);
	fds[1] = kt_mount("b", all);
	fds[2] = kt_mount("c", super + (*super == ','));
}

/* The next notification that is about @number and has @state; those before it are skipped. */
static struct fg_event *await_event(struct fgnl *nl, uint64_t number, uint32_t state)
{
	static struct fg_event event;

	do {
		int err = fg_event(nl, &event, KT_SOON_MS);

		if (err)
			FAIL("no notification of state %u: %s", state, strerror(-err));
	} while (event.number != number || event.state != state);
	return &event;
}

BOTH(the_second_fails_to_freeze)
{
	struct kt_writer *writers[3];
	struct fg_lease *lease;
	struct fgnl nl, watcher;
	unsigned int i;
	int fds[3], untouched;

	three(fds, "freeze=fail:5", super);
	untouched = kt_mount("untouched", NULL);
	writers[0] = kt_writer("a");
	writers[1] = kt_writer("b");
	writers[2] = kt_writer("c");
	kt_open(&watcher);
	EQUAL(fgnl_subscribe(&watcher), 0);
	kt_open(&nl);
	lease = kt_await(&nl, kt_new(&nl, NULL, 10000, fds, 3), FREEZEGUARD_LEASE_STATE_FAILED,
			 KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
	EQUAL(lease->error, EIO);
	EQUAL(lease->frozen_ns, 0);
	EQUAL(lease->holds_live, 0);
	EQUAL(kt_hold(lease, "a")->error, 0);
	EQUAL(kt_hold(lease, "b")->error, EIO);
	EQUAL(kt_hold(lease, "c")->error, 0);
	EQUAL(kt_hold(lease, "b")->frozen_ns, 0);
	for (i = 0; i < 3; i++) {
		EQUAL(lease->hold[i].state, FREEZEGUARD_HOLD_STATE_RELEASED);
		EQUAL(kt_fs_state(&nl, fds[i]), FREEZEGUARD_FS_STATE_UNFROZEN);
		kt_writer_goes_on(writers[i]);
	}
	EQUAL(kt_fs_state(&nl, untouched), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_state("untouched", "freeze_calls"), 0);
	EQUAL(kt_state("b", "thaw_calls"), 0);
	EQUAL(kt_state("a", "freeze_calls"), kt_state("a", "thaw_calls"));
	EQUAL(await_event(&watcher, lease->number, FREEZEGUARD_LEASE_STATE_FAILED)->error, EIO);
	EQUAL(await_event(&nl, lease->number, FREEZEGUARD_LEASE_STATE_FAILED)->error, EIO);
	/* and can be frozen again */
	kt_tell("b", "freeze", "ok");
	kt_end(&nl, kt_frozen(&nl, NULL, 10000, fds, 3)->number);
}

BOTH(the_first_level_fails_to_freeze)
{
	static const uint32_t levels[] = { 1, 0, 1 };
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[3];

	three(fds, "freeze=fail:28", super);
	kt_open(&nl);
	EQUAL(fg_new_levels(&nl, NULL, 10000, fds, levels, 3, &reply), 0);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->error, ENOSPC);
	EQUAL(kt_state("a", "freeze_calls") + kt_state("c", "freeze_calls"), 0);
	EQUAL(kt_state("a", "thaw_calls") + kt_state("c", "thaw_calls"), 0);
}

BOTH(the_sync_of_a_freeze_fails)
{
	struct fg_lease *lease;
	struct fgnl nl;
	int fds[3];

	three(fds, "sync_fs=fail:5", super);
	kt_open(&nl);
	lease = kt_await(&nl, kt_new(&nl, NULL, 10000, fds, 3), FREEZEGUARD_LEASE_STATE_FAILED,
			 KT_SOON_MS);
	EQUAL(lease->error, EIO);
	EQUAL(kt_hold(lease, "b")->error, EIO);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

/* The retries take 630 ms, in which the others are long thawed. */
BOTH(a_thaw_fails_six_times)
{
	struct kt_writer *writer;
	struct fg_lease *lease;
	struct fg_event event;
	struct fgnl nl;
	uint64_t number;
	unsigned int failures = 0;
	int fds[3];

	three(fds, "thaw=fail:5:6", super);
	writer = kt_writer("b");
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, fds, 3)->number;
	kt_writer_blocked(writer);
	EQUAL(fg_end(&nl, number, NULL), 0);
	for (;;) {
		int err = fg_event(&nl, &event, KT_SOON_MS);

		if (err)
			FAIL("notification: %s", strerror(-err));
		EQUAL(event.number, number);
		if (event.has_hold) {
			CHECK(!strcmp(event.hold.name, "b"));
			EQUAL(event.hold.error, EIO);
			EQUAL(event.hold.thaw_failures, ++failures);
			EQUAL(event.hold.state, FREEZEGUARD_HOLD_STATE_THAWING);
			EQUAL(event.state, FREEZEGUARD_LEASE_STATE_THAWING);
			CHECK(event.holds_live >= 1);
		}
		if (event.state == FREEZEGUARD_LEASE_STATE_THAWED)
			break;
	}
	EQUAL(failures, 6);
	kt_writer_goes_on(writer);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, 0);
	EQUAL(kt_hold(lease, "b")->thaw_failures, 6);
	EQUAL(kt_hold(lease, "b")->error, EIO);
	EQUAL(kt_hold(lease, "a")->thaw_failures, 0);
	EQUAL(kt_state("b", "thaw_calls"), 7);
	CHECK(kt_hold(lease, "a")->released_ns < kt_hold(lease, "b")->released_ns);
	CHECK(kt_hold(lease, "c")->released_ns < kt_hold(lease, "b")->released_ns);
}

/* 10 ms, then twice as long each time: six failures take 630 ms, of which half is the last pause. */
BOTH(pauses_between_thaws_grow)
{
	enum { FAILURES = 6 };
	uint64_t number, told_ns[FAILURES + 1] = { };
	unsigned int failures = 0;
	struct fg_event event;
	struct fg_lease lease;
	struct fgnl nl;
	int fds[3];

	three(fds, "thaw=fail:5:6", super);
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, fds, 3)->number;
	EQUAL(fg_end(&nl, number, NULL), 0);
	do {
		int err = fg_event(&nl, &event, KT_SOON_MS);

		if (err)
			FAIL("notification: %s", strerror(-err));
		told_ns[failures] = kt_now_ns();
		if (!event.has_hold)
			continue;
		EQUAL(event.hold.thaw_failures, ++failures);
		/* who asks is told the same meanwhile */
		EQUAL(fg_get(&nl, number, &lease), 0);
		EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_THAWING);
		CHECK(kt_hold(&lease, "b")->thaw_failures >= failures);
		EQUAL(kt_hold(&lease, "b")->error, EIO);
	} while (event.state != FREEZEGUARD_LEASE_STATE_THAWED);
	EQUAL(failures, FAILURES);
	/* each pause is at least its length, and the news of its beginning may come late */
	CHECK(told_ns[6] - told_ns[0] >= 500 * MS);
	CHECK(told_ns[6] - told_ns[5] >= 250 * MS);
	CHECK(told_ns[5] - told_ns[4] < told_ns[6] - told_ns[5]);
	CHECK(told_ns[6] - told_ns[5] < 2000 * MS);
}

/* -EINVAL is what thaw_super() says of a superblock that isn't frozen: not this time. */
BOTH(a_thaw_fails_with_EINVAL)
{
	struct kt_writer *writer;
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[3];

	three(fds, "thaw=fail:22:2", super);
	writer = kt_writer("b");
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, fds, 3)->number;
	lease = kt_end(&nl, number);
	EQUAL(kt_hold(lease, "b")->thaw_failures, 2);
	EQUAL(kt_state("b", "thaw_calls"), 3);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_writer_goes_on(writer);
}

BOTH(a_rollback_fails_to_thaw)
{
	struct fg_lease *lease;
	struct fgnl nl;
	int fds[3];

	three(fds, "freeze=hang", super);
	kt_tell("a", "thaw", "fail:5:2");
	kt_open(&nl);
	lease = kt_await(&nl, kt_new(&nl, NULL, 300, fds, 3),
			 FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	kt_tell("b", "release", "0");
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(kt_hold(lease, "a")->thaw_failures, 2);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

BOTH(a_freeze_hangs_beyond_the_deadline)
{
	struct kt_writer *writers[3];
	struct fg_event *event;
	struct fg_lease *lease;
	struct fgnl nl, other;
	uint64_t number, released_ns;
	int fds[3];

	three(fds, "freeze=hang", super);
	writers[0] = kt_writer("a");
	writers[1] = kt_writer("b");
	writers[2] = kt_writer("c");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 600, fds, 3);
	kt_await_fs_state(&nl, fds[0], FREEZEGUARD_FS_STATE_COMPLETE);
	kt_await_fs_state(&nl, fds[2], FREEZEGUARD_FS_STATE_COMPLETE);
	kt_writer_blocked(writers[0]);
	/* the requester has its answer by the deadline */
	event = await_event(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
	CHECK(kt_now_ns() < event->deadline_ns + 1000 * MS);
	EQUAL(event->cause, FREEZEGUARD_CAUSE_DEADLINE);
	/* the others go on */
	kt_writer_goes_on(writers[0]);
	kt_writer_goes_on(writers[2]);
	kt_await_fs_state(&nl, fds[0], FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_await_fs_state(&nl, fds[2], FREEZEGUARD_FS_STATE_UNFROZEN);
	CHECK(kt_now_ns() < event->deadline_ns + 1000 * MS);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, 0);
	EQUAL(lease->holds_live, 1);
	EQUAL(kt_hold(lease, "b")->state, FREEZEGUARD_HOLD_STATE_FREEZING);
	EQUAL(kt_hold(lease, "a")->state, FREEZEGUARD_HOLD_STATE_RELEASED);
	/* nothing waits for the stuck one: other leases, other families */
	kt_open(&other);
	kt_end(&other, kt_frozen(&other, NULL, 10000, &fds[0], 1)->number);
	REFUSED(&other, fg_new(&other, NULL, 10000, &fds[1], 1, NULL), EBUSY);
	EQUAL(other.cookie, number);

	released_ns = kt_now_ns();
	kt_tell("b", "release", "0");
	kt_writer_goes_on(writers[1]);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	CHECK(lease->released_ns - released_ns < 1000 * MS);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_state("b", "thaw_calls"), 1);
}

BOTH(a_freeze_hangs_and_then_fails)
{
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[3];

	three(fds, "freeze=hang", super);
	kt_open(&nl);
	number = kt_new(&nl, NULL, 300, fds, 3);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	kt_tell("b", "release", "5");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	/* the first cause stays */
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	EQUAL(kt_hold(lease, "b")->error, EIO);
	EQUAL(kt_state("b", "thaw_calls"), 0);
}

BOTH(a_thaw_hangs)
{
	struct kt_writer *writers[3];
	struct fg_lease *lease;
	struct fgnl nl, other;
	uint64_t number;
	int fds[3];

	three(fds, "thaw=hang", super);
	writers[0] = kt_writer("a");
	writers[1] = kt_writer("b");
	writers[2] = kt_writer("c");
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 500, fds, 3)->number;
	kt_await_state("b", "thaw_inside", 1);
	kt_writer_goes_on(writers[0]);
	kt_writer_goes_on(writers[2]);
	kt_writer_blocked(writers[1]);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWING, 0);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	EQUAL(lease->holds_live, 1);
	EQUAL(kt_hold(lease, "a")->state, FREEZEGUARD_HOLD_STATE_RELEASED);
	EQUAL(kt_hold(lease, "b")->state, FREEZEGUARD_HOLD_STATE_THAWING);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_open(&other);
	kt_end(&other, kt_frozen(&other, NULL, 10000, &fds[2], 1)->number);

	kt_tell("b", "release", "0");
	kt_writer_goes_on(writers[1]);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	EQUAL(kt_hold(lease, "b")->thaw_failures, 0);
}

BOTH(a_thaw_hangs_and_then_fails)
{
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[3];

	three(fds, "thaw=hang", super);
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, fds, 3)->number;
	EQUAL(fg_end(&nl, number, NULL), 0);
	kt_await_state("b", "thaw_inside", 1);
	kt_tell("b", "release", "5");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(kt_hold(lease, "b")->thaw_failures, 1);
	EQUAL(kt_state("b", "thaw_calls"), 2);
}

/* A slow one holds nothing else up, and is no failure. */
BOTH(slow_freeze_and_thaw)
{
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[3];

	three(fds, "freeze=sleep:300,thaw=sleep:300", super);
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, fds, 3);
	number = lease->number;
	CHECK(kt_hold(lease, "b")->frozen_ns - kt_hold(lease, "b")->freeze_begin_ns >= 290 * MS);
	CHECK(kt_hold(lease, "a")->frozen_ns < kt_hold(lease, "b")->frozen_ns);
	lease = kt_end(&nl, number);
	CHECK(lease->released_ns - lease->ended_ns >= 290 * MS);
	CHECK(kt_hold(lease, "a")->released_ns + 100 * MS < kt_hold(lease, "b")->released_ns);
}

/* thaw_super() of a superblock that turned read-only leaves its writers waiting for good. */
TEST(read_only_while_frozen)
{
	int fd = kt_mount("ro", NULL);
	struct kt_writer *writer = kt_writer("ro");
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 1000, &fd, 1)->number;
	kt_writer_blocked(writer);
	kt_tell("ro", "read_only", "1");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	CHECK(lease->hold[0].turned_read_only);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	/* its write returns, and the filesystem can be frozen again */
	kt_tell("ro", "read_only", "0");
	kt_writer_goes_on(writer);
	lease = kt_end(&nl, kt_frozen(&nl, NULL, 10000, &fd, 1)->number);
	CHECK(!lease->hold[0].turned_read_only);
}

/* The same, but it was somebody else's thaw that left them. */
TEST(read_only_while_frozen_and_a_foreign_thaw)
{
	int fd = kt_mount("ro", "anyone");
	struct kt_writer *writer = kt_writer("ro");
	struct fg_lease *lease;
	struct fgnl nl;

	kt_reload("watch=0");	/* else it isn't left for long */
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 1000, &fd, 1);
	kt_tell("ro", "read_only", "1");
	EQUAL(kt_thaw(fd), 0);
	kt_tell("ro", "read_only", "0");
	kt_writer_blocked(writer);
	kt_tell("ro", "read_only", "1");
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	kt_tell("ro", "read_only", "0");
	kt_writer_goes_on(writer);
	kt_end(&nl, kt_frozen(&nl, NULL, 10000, &fd, 1)->number);
}
