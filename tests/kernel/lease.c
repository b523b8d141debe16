// SPDX-License-Identifier: GPL-2.0-only
/* The life of a lease: new, end, extend, detach, get; states, times, names, history, levels. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kt.h"

TEST(new_freezes_and_end_thaws)
{
	int fd = kt_mount("a", NULL);
	struct kt_writer *writer = kt_writer("a");
	const struct fg_hold *hold;
	struct fg_lease *lease, reply;
	uint64_t before_ns, number;
	struct fg_fs fs;
	struct fgnl nl;

	kt_open(&nl);
	before_ns = kt_now_ns();
	EQUAL(fg_new(&nl, "backup", 10000, &fd, 1, &reply), 0);
	EQUAL(reply.state, FREEZEGUARD_LEASE_STATE_FREEZING);
	EQUAL(reply.cause, FREEZEGUARD_CAUSE_NONE);
	EQUAL(reply.holds, 1);
	EQUAL(reply.holds_live, 1);
	CHECK(reply.bound);
	CHECK(!strcmp(reply.id, "backup"));
	CHECK(reply.begin_ns >= before_ns && reply.begin_ns <= kt_now_ns());
	EQUAL(reply.deadline_ns, reply.begin_ns + 10000 * MS);
	number = reply.number;

	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_writer_blocked(writer);
	EQUAL(fg_fs(&nl, fd, &fs), 0);
	EQUAL(fs.state, FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(fs.lease_number, number);
	CHECK(!strcmp(fs.lease_id, "backup") && !strcmp(fs.type, "fgtestfs"));
	CHECK(fs.freezable && !fs.read_only);
	EQUAL(kt_state("a", "freeze_calls"), 1);
	EQUAL(lease->owner_pid, getpid());
	CHECK(!strcmp(lease->owner_comm, "lease"));
	CHECK(!lease->ended_ns && !lease->released_ns && !lease->ender_pid);
	EQUAL(kt_hold(lease, "a")->state, FREEZEGUARD_HOLD_STATE_FROZEN);

	EQUAL(fg_end(&nl, number, &reply), 0);
	CHECK(reply.state == FREEZEGUARD_LEASE_STATE_THAWING ||
	      reply.state == FREEZEGUARD_LEASE_STATE_THAWED);
	EQUAL(reply.cause, FREEZEGUARD_CAUSE_REQUEST);
	kt_writer_goes_on(writer);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_REQUEST);
	EQUAL(lease->holds, 1);
	EQUAL(lease->holds_live, 0);
	EQUAL(lease->ender_pid, getpid());
	CHECK(!strcmp(lease->ender_comm, "lease"));
	EQUAL(lease->error, 0);

	hold = kt_hold(lease, "a");
	EQUAL(hold->state, FREEZEGUARD_HOLD_STATE_RELEASED);
	EQUAL(hold->dev_major, fs.dev_major);
	EQUAL(hold->dev_minor, fs.dev_minor);
	EQUAL(hold->error, 0);
	EQUAL(hold->thaw_failures, 0);
	CHECK(!strcmp(hold->fs_type, "fgtestfs"));
	CHECK(!hold->still_frozen);
	CHECK(lease->begin_ns <= hold->freeze_begin_ns);
	CHECK(hold->freeze_begin_ns <= hold->frozen_ns);
	CHECK(hold->frozen_ns <= lease->frozen_ns);
	CHECK(lease->frozen_ns <= lease->ended_ns);
	CHECK(lease->ended_ns <= hold->released_ns);
	CHECK(hold->released_ns <= lease->released_ns);
	CHECK(lease->released_ns <= kt_now_ns());
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(fg_fs(&nl, fd, &fs), 0);
	EQUAL(fs.lease_number, 0);
	EQUAL(kt_state("a", "thaw_calls"), 1);
}

TEST(an_id_is_made_up)
{
	struct fg_lease first, second;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&nl);
	EQUAL(fg_new(&nl, NULL, 10000, &fds[0], 1, &first), 0);
	EQUAL(fg_new(&nl, NULL, 10000, &fds[1], 1, &second), 0);
	CHECK(first.id[0] && second.id[0]);
	CHECK(strcmp(first.id, second.id));
	CHECK(second.number > first.number);
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_GET, 0, first.id, 0, &second), 0);
	EQUAL(second.number, first.number);
}

TEST(the_newest_of_an_id_answers)
{
	int fd = kt_mount("a", NULL);
	uint64_t first, second;
	struct fg_lease lease;
	struct fgnl nl;

	kt_open(&nl);
	first = kt_frozen(&nl, "same", 10000, &fd, 1)->number;
	kt_end(&nl, first);
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_GET, 0, "same", 0, &lease), 0);
	EQUAL(lease.number, first);

	second = kt_frozen(&nl, "same", 10000, &fd, 1)->number;
	CHECK(second > first);
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_GET, 0, "same", 0, &lease), 0);
	EQUAL(lease.number, second);
	EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(fg_get(&nl, first, &lease), 0);
	EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_THAWED);

	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_END, 0, "same", 0, &lease), 0);
	EQUAL(lease.number, second);
	kt_await(&nl, second, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_GET, 0, "same", 0, &lease), 0);
	EQUAL(lease.number, second);
}

TEST(an_ended_lease_stays_ended)
{
	int fd = kt_mount("a", NULL);
	uint64_t number;
	struct fgnl nl;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	kt_end(&nl, number);
	REFUSED(&nl, fg_end(&nl, number, NULL), EALREADY);
	REFUSED(&nl, fg_extend(&nl, number, 1000, NULL), EALREADY);
	REFUSED(&nl, fg_detach(&nl, number, NULL), EALREADY);
	EQUAL(kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, 0)->cause,
	      FREEZEGUARD_CAUSE_REQUEST);
}

TEST(an_ending_lease_is_ending)
{
	int fd = kt_mount("a", "thaw=hang");
	uint64_t number;
	struct fgnl nl;

	kt_open(&nl);
	number = kt_frozen(&nl, "ending", 10000, &fd, 1)->number;
	EQUAL(fg_end(&nl, number, NULL), 0);
	kt_await_state("a", "thaw_inside", 1);
	REFUSED(&nl, fg_end(&nl, number, NULL), EALREADY);
	REFUSED(&nl, fg_extend(&nl, number, 1000, NULL), EALREADY);
	REFUSED(&nl, fg_detach(&nl, number, NULL), EALREADY);
	EQUAL(kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWING, 0)->holds_live, 1);
	kt_tell("a", "release", "0");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
}

TEST(unknown_leases)
{
	static const uint8_t cmds[] = {
		FREEZEGUARD_CMD_LEASE_GET, FREEZEGUARD_CMD_LEASE_END,
		FREEZEGUARD_CMD_LEASE_EXTEND, FREEZEGUARD_CMD_LEASE_DETACH,
	};
	struct fgnl nl;
	unsigned int i;

	kt_open(&nl);
	for (i = 0; i < sizeof(cmds); i++) {
		REFUSED(&nl, fg_which(&nl, cmds[i], UINT64_MAX, NULL, 1000, NULL), ENOENT);
		REFUSED(&nl, fg_which(&nl, cmds[i], 1ULL << 40, NULL, 1000, NULL), ENOENT);
		REFUSED(&nl, fg_which(&nl, cmds[i], 0, "never-made", 1000, NULL), ENOENT);
		REFUSED(&nl, fg_which(&nl, cmds[i], 1, "never-made", 1000, NULL), EINVAL);
		if (cmds[i] != FREEZEGUARD_CMD_LEASE_GET)	/* of all leases */
			REFUSED(&nl, fg_which(&nl, cmds[i], 0, NULL, 1000, NULL), EINVAL);
	}
}

struct numbers {
	unsigned int n;
	uint64_t number[4096];
};

static void note_number(const struct fg_lease *lease, void *arg)
{
	struct numbers *numbers = arg;

	if (numbers->n < 4096)
		numbers->number[numbers->n++] = lease->number;
}

TEST(history_is_bounded)
{
	int fd = kt_mount("a", NULL);
	static struct numbers dump;
	uint64_t numbers[8];
	struct fgnl nl;
	unsigned int i;

	kt_open(&nl);
	kt_set_parameter("history", 4);
	for (i = 0; i < 8; i++) {
		numbers[i] = kt_frozen(&nl, i % 2 ? "odd" : "even", 10000, &fd, 1)->number;
		kt_end(&nl, numbers[i]);
	}
	for (i = 0; i < 4; i++)
		REFUSED(&nl, fg_get(&nl, numbers[i], NULL), ENOENT);
	for (; i < 8; i++)
		EQUAL(fg_get(&nl, numbers[i], NULL), 0);
	EQUAL(fg_dump(&nl, note_number, &dump), 4);
	for (i = 0; i < 4; i++)
		EQUAL(dump.number[i], numbers[4 + i]);

	kt_set_parameter("history", 0);
	numbers[0] = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	EQUAL(fg_end(&nl, numbers[0], NULL), 0);
	kt_await_fs_state(&nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN);
	for (i = 0; i < 100 && fg_dump(&nl, NULL, NULL); i++)
		kt_sleep_ms(10);
	EQUAL(fg_dump(&nl, NULL, NULL), 0);
}

TEST(dump_has_live_ones_and_history_oldest_first)
{
	static struct numbers dump;
	uint64_t numbers[6];
	struct fgnl nl;
	int fds[6];
	unsigned int i, from;

	kt_mounts("a", fds, 6);
	kt_open(&nl);
	for (i = 0; i < 6; i++)
		numbers[i] = kt_frozen(&nl, NULL, 10000, &fds[i], 1)->number;
	/* out of order */
	kt_end(&nl, numbers[4]);
	kt_end(&nl, numbers[0]);
	CHECK(fg_dump(&nl, note_number, &dump) >= 6);
	for (i = 1; i < dump.n; i++)
		CHECK(dump.number[i] > dump.number[i - 1]);
	from = dump.n - 6;
	for (i = 0; i < 6; i++)
		EQUAL(dump.number[from + i], numbers[i]);
}

TEST(extend_moves_the_deadline)
{
	int fd = kt_mount("a", NULL);
	struct fg_lease *lease, reply;
	uint64_t number, begin_ns, before_ns;
	struct fgnl nl;

	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 2000, &fd, 1);
	number = lease->number;
	begin_ns = lease->begin_ns;
	before_ns = kt_now_ns();
	EQUAL(fg_extend(&nl, number, 30000, &reply), 0);
	CHECK(reply.deadline_ns >= before_ns + 30000 * MS);
	CHECK(reply.deadline_ns <= kt_now_ns() + 30000 * MS);
	EQUAL(reply.begin_ns, begin_ns);
	EQUAL(reply.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	/* sooner is a new deadline as well */
	before_ns = kt_now_ns();
	EQUAL(fg_extend(&nl, number, 50, &reply), 0);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	CHECK(lease->ended_ns >= before_ns + 50 * MS);
	CHECK(lease->ended_ns < before_ns + 1500 * MS);
}

TEST(extend_while_freezing)
{
	int fd = kt_mount("a", "freeze=hang");
	struct fg_lease reply;
	uint64_t number;
	struct fgnl nl;

	kt_open(&nl);
	number = kt_new(&nl, NULL, 1000, &fd, 1);
	kt_await_state("a", "freeze_inside", 1);
	EQUAL(fg_extend(&nl, number, 20000, &reply), 0);
	EQUAL(reply.state, FREEZEGUARD_LEASE_STATE_FREEZING);
	kt_sleep_ms(1200);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FREEZING, 0);
	kt_tell("a", "release", "0");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, number);
}

TEST(extend_stays_within_the_bound_on_the_whole_life)
{
	int fd = kt_mount("a", NULL);
	struct fg_lease *lease, reply;
	uint64_t number, deadline_ns;
	struct fgnl nl;

	kt_open(&nl);
	kt_set_parameter("max_timeout_ms", 3000);
	REFUSED(&nl, fg_new(&nl, NULL, 3001, &fd, 1, NULL), ERANGE);
	lease = kt_frozen(&nl, NULL, 2900, &fd, 1);
	number = lease->number;
	deadline_ns = lease->deadline_ns;
	kt_sleep_ms(200);
	/* 2900 from now is within the bound by itself, but not the life */
	REFUSED(&nl, fg_extend(&nl, number, 2900, NULL), ERANGE);
	REFUSED(&nl, fg_extend(&nl, number, UINT32_MAX, NULL), ERANGE);
	EQUAL(kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0)->deadline_ns, deadline_ns);
	EQUAL(fg_extend(&nl, number, 1000, &reply), 0);
	CHECK(reply.deadline_ns <= reply.begin_ns + 3000 * MS);
	kt_end(&nl, number);
}

TEST(detach_outlives_the_socket)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl, other;
	struct fg_lease reply;
	uint64_t number;

	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	EQUAL(fg_detach(&nl, number, &reply), 0);
	CHECK(!reply.bound);
	EQUAL(fg_detach(&nl, number, &reply), 0);
	fgnl_close(&nl);
	kt_sleep_ms(100);
	CHECK(!kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0)->bound);
	EQUAL(kt_fs_state(&other, fd), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_end(&other, number);
}

TEST(detach_needs_all_frozen)
{
	struct fg_lease *lease;
	uint64_t number;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", NULL);
	fds[1] = kt_mount("b", "freeze=hang");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 10000, fds, 2);
	kt_await_state("b", "freeze_inside", 1);
	kt_await_fs_state(&nl, fds[0], FREEZEGUARD_FS_STATE_COMPLETE);
	REFUSED(&nl, fg_detach(&nl, number, NULL), EAGAIN);
	kt_tell("b", "release", "0");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	CHECK(lease->bound);
	EQUAL(fg_detach(&nl, number, NULL), 0);
	kt_end(&nl, number);
}

TEST(end_while_freezing)
{
	struct fg_lease *lease, reply;
	uint64_t number;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", NULL);
	fds[1] = kt_mount("b", "freeze=hang");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 10000, fds, 2);
	kt_await_state("b", "freeze_inside", 1);
	kt_await_fs_state(&nl, fds[0], FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(fg_end(&nl, number, &reply), 0);
	EQUAL(reply.state, FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
	kt_await_fs_state(&nl, fds[0], FREEZEGUARD_FS_STATE_UNFROZEN);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, 0);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_REQUEST);
	EQUAL(lease->holds_live, 1);
	kt_tell("b", "release", "0");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_REQUEST);
	EQUAL(lease->frozen_ns, 0);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_state("b", "thaw_calls"), 1);
}

TEST(levels_freeze_in_order)
{
	static const uint32_t levels[] = { 7, 0, 3 };
	struct fg_lease *lease, reply;
	uint64_t number;
	struct fgnl nl;
	int fds[3];

	kt_mounts("a", fds, 3);
	kt_tell("a1", "freeze", "hang");
	kt_tell("a2", "freeze", "sleep:100");
	kt_open(&nl);
	EQUAL(fg_new_levels(&nl, NULL, 10000, fds, levels, 3, &reply), 0);
	number = reply.number;
	kt_await_state("a1", "freeze_inside", 1);
	kt_sleep_ms(100);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FREEZING, 0);
	EQUAL(kt_hold(lease, "a0")->state, FREEZEGUARD_HOLD_STATE_WAITING);
	EQUAL(kt_hold(lease, "a1")->state, FREEZEGUARD_HOLD_STATE_FREEZING);
	EQUAL(kt_hold(lease, "a2")->state, FREEZEGUARD_HOLD_STATE_WAITING);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_state("a0", "freeze_calls") + kt_state("a2", "freeze_calls"), 0);
	kt_tell("a1", "release", "0");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	CHECK(kt_hold(lease, "a1")->frozen_ns <= kt_hold(lease, "a2")->freeze_begin_ns);
	CHECK(kt_hold(lease, "a2")->frozen_ns <= kt_hold(lease, "a0")->freeze_begin_ns);
	EQUAL(kt_hold(lease, "a0")->level, 7);
	EQUAL(kt_hold(lease, "a2")->level, 3);
	kt_end(&nl, number);
}

TEST(one_level_freezes_in_parallel)
{
	struct fgnl nl;
	uint64_t number;
	unsigned int i;
	char name[8];
	int fds[8];

	kt_mounts("a", fds, 8);
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		kt_tell(name, "freeze", "hang");
	}
	kt_open(&nl);
	number = kt_new(&nl, NULL, 10000, fds, 8);
	/* each hangs until all do */
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		kt_await_state(name, "freeze_inside", 1);
	}
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		kt_tell(name, "release", "0");
	}
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, number);
}
