// SPDX-License-Identifier: GPL-2.0-only
/* Writing back before the freeze, within a budget. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kt.h"
#include "slow.h"

TEST(synced_once_more_before_the_freeze)
{
	unsigned int with, without;
	struct fg_lease lease;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&nl);
	kt_end(&nl, kt_frozen(&nl, NULL, 60000, fds, 2)->number);
	without = kt_state("a0", "sync_fs_calls");
	EQUAL(kt_state("a1", "sync_fs_calls"), without);
	EQUAL(fg_new_synced(&nl, 60000, 30000, fds, 2, &lease), 0);
	kt_await(&nl, lease.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	with = kt_state("a0", "sync_fs_calls") - without;
	/* more if one was through long before the other */
	CHECK(with > without);
	CHECK(kt_state("a1", "sync_fs_calls") - without > without);
	kt_end(&nl, lease.number);
}

TEST(nothing_is_frozen_while_one_is_synced)
{
	struct kt_writer *writer;
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	writer = kt_writer("a1");
	kt_tell("a0", "sync_fs", "hang");
	kt_open(&nl);
	EQUAL(fg_new_synced(&nl, 60000, 30000, fds, 2, &reply), 0);
	kt_await_state("a0", "sync_fs_inside", 1);
	kt_sleep_ms(50);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FREEZING, 0);
	EQUAL(kt_hold(lease, "a0")->state, FREEZEGUARD_HOLD_STATE_WAITING);
	EQUAL(kt_hold(lease, "a1")->state, FREEZEGUARD_HOLD_STATE_WAITING);
	kt_writer_goes_on(writer);
	kt_tell("a0", "release", "0");
	kt_tell("a0", "sync_fs", "ok");
	kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_writer_blocked(writer);
	kt_end(&nl, reply.number);
}

/* Some errors a filesystem tells but once: the freeze would not see them. */
TEST(a_sync_that_fails)
{
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_tell("a1", "sync_fs", "fail:5");
	kt_open(&nl);
	EQUAL(fg_new_synced(&nl, 60000, 30000, fds, 2, &reply), 0);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
	EQUAL(lease->error, EIO);
	EQUAL(kt_hold(lease, "a1")->error, EIO);
	EQUAL(kt_state("a0", "freeze_calls") + kt_state("a1", "freeze_calls"), 0);
}

TEST(the_deadline_comes_while_one_is_synced)
{
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_tell("a0", "sync_fs", "hang");
	kt_open(&nl);
	EQUAL(fg_new_synced(&nl, 3000, 2999, fds, 2, &reply), 0);
	kt_await_state("a0", "sync_fs_inside", 1);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	kt_tell("a0", "sync_fs", "ok");
	kt_tell("a0", "release", "0");
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->frozen_ns, 0);
	EQUAL(kt_state("a0", "freeze_calls") + kt_state("a1", "freeze_calls"), 0);
}

TEST(the_budget_is_a_part_of_the_timeout)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl;

	kt_open(&nl);
	REFUSED(&nl, fg_new_synced(&nl, 1000, 1000, &fd, 1, NULL), ERANGE);
	REFUSED(&nl, fg_new_synced(&nl, 1000, 0, &fd, 1, NULL), ERANGE);
	EQUAL(fg_new_synced(&nl, 1000, 999, &fd, 1, NULL), 0);
}

/* That the freeze finds nothing to write is what the budget is for; it is not there to be seen after. */
static void writes_back(const char *type)
{
	enum { MIB = 24, TRIES = 10 };
	static char block[1 << 20];
	int out, i, tries, fd = kt_mount_image(type, type);
	struct fg_lease *lease, reply;
	unsigned long dirty = 0;
	struct fgnl nl;

	/* holds the barrier before the freezes, not the write-back */
	int fds[2] = { fd, kt_mount("slow", NULL) };

	kt_open(&nl);
	slow_keep_dirty();
	sync();
	kt_tell("slow", "sync_fs", "hang");
	out = open(kt_path(type, "data"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	memset(block, 'd', sizeof(block));
	/* On a busy machine the kernel's own write-back may come in between. */
	for (tries = 0; tries < TRIES && dirty < MIB * 1024 / 2; tries++) {
		for (i = 0; i < MIB; i++)
			EQUAL(pwrite(out, block, sizeof(block), i * (off_t)sizeof(block)),
			      (int)sizeof(block));
		dirty = slow_dirty_kib();
	}
	if (dirty < MIB * 1024 / 2)
		FAIL("%lu KiB are dirty", dirty);
	EQUAL(fg_new_synced(&nl, 60000, 30000, fds, 2, &reply), 0);
	for (i = 0; slow_dirty_kib() > dirty / 4 && i < 15000; i += 20)
		kt_sleep_ms(20);
	CHECK(slow_dirty_kib() <= dirty / 4);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FREEZING, 0);
	EQUAL(kt_hold(lease, "slow")->state, FREEZEGUARD_HOLD_STATE_WAITING);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_tell("slow", "sync_fs", "ok");
	kt_tell("slow", "release", "0");
	kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, reply.number);
	close(out);
}

TEST(writes_back_ext4)
{
	writes_back("ext4");
}

TEST(writes_back_xfs)
{
	writes_back("xfs");
}

TEST(writes_back_btrfs)
{
	writes_back("btrfs");
}

/*
 * Of what takes four seconds, one range is on its way when the second is over; the freeze writes the
 * rest. Nor is waited for longer if somebody else has given all of it to the device before.
 */
static void the_budget_ends(bool submitted)
{
	enum { MBPS = 8, MIB = 32, BUDGET_MS = 1000 };
	struct fg_lease *lease, reply;
	const struct fg_hold *hold;
	uint64_t began_ms, frozen_ms;
	struct fgnl nl;
	int fd;

	if (!slow_is_there())
		kt_skip("this kernel has no null_blk");
	slow_keep_dirty();
	fd = slow_mount("slow", "ext4", MBPS);
	kt_open(&nl);
	slow_dirty(kt_path("slow", "data"), MIB);
	CHECK(slow_dirty_kib() > MIB * 1024 / 2);
	if (submitted) {
		int data = open(kt_path("slow", "data"), O_RDWR | O_CLOEXEC);

		EQUAL(sync_file_range(data, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
		close(data);
	}
	EQUAL(fg_new_synced(&nl, 60000, BUDGET_MS, &fd, 1, &reply), 0);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FROZEN, 30000);
	hold = &lease->hold[0];
	began_ms = (hold->freeze_begin_ns - lease->begin_ns) / 1000000;
	frozen_ms = (hold->frozen_ns - lease->begin_ns) / 1000000;
	kt_note("freeze begun after %llu ms, frozen after %llu ms", (unsigned long long)began_ms,
		(unsigned long long)frozen_ms);
	CHECK(began_ms >= BUDGET_MS);
	/* The freeze had a good part left to write; on a busy machine both take longer. */
	CHECK(began_ms < frozen_ms * 3 / 4);
	kt_end(&nl, reply.number);
}

TEST_WITHIN(the_budget_ends_on_a_slow_device, 90)
{
	the_budget_ends(false);
}

TEST_WITHIN(the_budget_ends_behind_the_flusher, 90)
{
	the_budget_ends(true);
}
