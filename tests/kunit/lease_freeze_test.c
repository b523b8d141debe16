// SPDX-License-Identifier: GPL-2.0-only
/* What comes before a lease is FROZEN: write-back, short grace periods, levels. */
#include "fake_hold.h"
#include "lease_test.h"
#include "tests.h"

static void rcu_is_short_while_leases_freeze(struct kunit *test)
{
	static const unsigned int second[] = { 1 };
	struct fg_lease *a, *b;

	fake_world->supers[0].freeze_hangs = true;
	fake_world->supers[1].freeze_hangs = true;
	a = fake_start(test, LONG_MS, 1);
	EXPECT_SOON(test, atomic_read(&fake_world->expedited) == 1);
	b = fake_lease(test, "b", LONG_MS, second, NULL, 1);
	fg_lease_start(b);
	EXPECT_SOON(test, atomic_read(&fake_world->supers[1].freezes) == 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 1);
	complete(&fake_world->supers[0].freeze_go);
	EXPECT_SOON(test, fake_state(a) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 1);
	/* b ends without having frozen, and its freeze goes on */
	KUNIT_EXPECT_EQ(test, fg_lease_end(b, FREEZEGUARD_CAUSE_REQUEST), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	KUNIT_EXPECT_EQ(test, fg_lease_end(a, FREEZEGUARD_CAUSE_REQUEST), 0);
	complete(&fake_world->supers[1].freeze_go);
	await_over(test, a);
	await_over(test, b);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	fg_lease_put(a);
	fg_lease_put(b);
}

static void rcu_is_not_short_for_long(struct kunit *test)
{
	struct fg_lease *lease;

	fake_world->supers[0].freeze_hangs = true;
	lease = fake_start(test, LONG_MS, 1);
	EXPECT_SOON(test, atomic_read(&fake_world->expedited) == 1);
	EXPECT_SOON(test, !atomic_read(&fake_world->expedited));
	complete(&fake_world->supers[0].freeze_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	fg_lease_put(lease);
}

static void start_with_budget(struct fg_lease *lease, u64 budget_ms)
{
	lease->sync_budget_ns = budget_ms * NSEC_PER_MSEC;
	fg_lease_prepare(lease, LONG_MS * NSEC_PER_MSEC);
	fg_lease_start(lease);
}

/* Those with nothing to write wait for the others, whatever their level. */
static void all_write_back_before_any_freezes(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1, 2 };
	static const unsigned int levels[] = { 1, 0, 0 };
	struct fg_lease *lease = fake_lease(test, "sync", LONG_MS, supers, levels, 3);
	unsigned int i;

	fake_world->supers[0].write_backs = 5;
	fake_world->supers[0].write_back_hangs = true;
	start_with_budget(lease, LONG_MS / 2);
	EXPECT_SOON(test, fake_world->supers[1].written_back && fake_world->supers[2].written_back);
	msleep(50);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, fake_hold_state(lease, i), FREEZEGUARD_HOLD_STATE_WAITING);
	/* that may take long, and is not what expedited grace periods are for */
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	complete_all(&fake_world->supers[0].write_back_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, fake_world->supers[0].write_backs, 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_GT(test, fake_world->supers[i].begun,
				fake_world->supers[0].written_back);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	expect_balanced(test, 3, 1);
	fg_lease_put(lease);
}

/* Writers go on while another one writes back, and dirty what was clean. */
static void who_is_through_early_writes_back_again(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1 };
	struct fg_lease *lease = fake_lease(test, "sync", LONG_MS, supers, NULL, 2);
	struct fake_super *early = &fake_world->supers[1];
	int first;

	fake_world->supers[0].write_back_hangs = true;
	start_with_budget(lease, LONG_MS / 2);
	EXPECT_SOON(test, early->written_back);
	first = early->written_back;
	EXPECT_SOON(test, early->written_back > first);
	/* in the middle of it when the other one is through: not one may freeze before */
	early->write_back_hangs = true;
	EXPECT_SOON(test, READ_ONCE(lease->nr_writing_again) == 1);
	complete_all(&fake_world->supers[0].write_back_go);
	EXPECT_SOON(test, fake_world->supers[0].written_back);
	msleep(50);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes), 0);
	complete_all(&early->write_back_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_GT(test, fake_world->supers[0].begun, early->written_back);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	fg_lease_put(lease);
}

/* A round that does not come to an end keeps its own hold alone. */
static void an_end_while_writing_back(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1 };
	struct fg_lease *lease = fake_lease(test, "sync", LONG_MS, supers, NULL, 2);

	fake_world->supers[0].write_back_hangs = true;
	start_with_budget(lease, LONG_MS / 2);
	EXPECT_SOON(test, fake_world->supers[1].written_back);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
	complete_all(&fake_world->supers[0].write_back_go);
	await_over(test, lease);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[1].freezes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	fg_lease_put(lease);
}

/* The filesystem tells some errors but once, and the freeze would take itself for good. */
static void a_write_back_that_fails(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1 };
	struct fg_lease *lease = fake_lease(test, "sync", LONG_MS, supers, NULL, 2);
	struct fg_lease_info info;

	fake_world->supers[1].write_back_error = -EIO;
	start_with_budget(lease, LONG_MS / 2);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
	KUNIT_EXPECT_EQ(test, info.error, EIO);
	KUNIT_EXPECT_EQ(test, lease->holds[0].error, 0);
	KUNIT_EXPECT_EQ(test, lease->holds[1].error, EIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[1].freezes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->expedited), 0);
	fg_lease_put(lease);
}

/* What is not written by then is written by the freeze. */
static void the_sync_budget_ends(struct kunit *test)
{
	static const unsigned int supers[] = { 0 };
	struct fg_lease *lease = fake_lease(test, "sync", LONG_MS, supers, NULL, 1);
	struct fg_lease_info info;

	fake_world->supers[0].write_backs = UINT_MAX;
	start_with_budget(lease, 50);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_LT(test, fake_world->supers[0].write_backs, UINT_MAX - 1);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_GE(test, info.frozen_ns - info.begin_ns, 50 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	fg_lease_put(lease);
}

static void levels_in_order(struct kunit *test)
{
	/* named the wrong way round */
	static const unsigned int supers[] = { 0, 1, 2, 3, 4, 5 };
	static const unsigned int levels[] = { 7, 7, 3, 3, 0, 0 };
	struct fg_lease *lease = fake_lease(test, "levels", LONG_MS, supers, levels, 6);
	unsigned int i, j;

	/* One of each of the lower levels is slow. */
	fake_world->supers[5].freeze_hangs = true;
	fake_world->supers[3].freeze_hangs = true;
	fg_lease_start(lease);
	EXPECT_SOON(test, fake_hold_state(lease, 4) == FREEZEGUARD_HOLD_STATE_FROZEN &&
			  fake_hold_state(lease, 5) == FREEZEGUARD_HOLD_STATE_FREEZING);
	msleep(20);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, fake_hold_state(lease, i), FREEZEGUARD_HOLD_STATE_WAITING);
	complete(&fake_world->supers[5].freeze_go);
	EXPECT_SOON(test, fake_hold_state(lease, 2) == FREEZEGUARD_HOLD_STATE_FROZEN &&
			  fake_hold_state(lease, 3) == FREEZEGUARD_HOLD_STATE_FREEZING);
	msleep(20);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, fake_hold_state(lease, i), FREEZEGUARD_HOLD_STATE_WAITING);
	complete(&fake_world->supers[3].freeze_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	for (i = 0; i < 6; i++)
		for (j = 0; j < 6; j++)
			if (levels[i] < levels[j])
				KUNIT_EXPECT_LT(test, fake_world->supers[i].frozen,
						fake_world->supers[j].begun);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	expect_balanced(test, 6, 1);
	fg_lease_put(lease);
}

/* What fails in one level keeps the later ones from freezing. */
static void a_level_fails(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1, 2 };
	static const unsigned int levels[] = { 0, 1, 2 };
	struct fg_lease *lease = fake_lease(test, "levels", LONG_MS, supers, levels, 3);
	struct fg_lease_info info;

	fake_world->supers[1].freeze_error = -EIO;
	fg_lease_start(lease);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.error, EIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].thaws), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[1].thaws), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[2].freezes), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[2].puts), 1);
	fg_lease_put(lease);
}

/* So does an end, at once for those that wait for their level. */
static void an_end_between_levels(struct kunit *test)
{
	static const unsigned int supers[] = { 0, 1 };
	static const unsigned int levels[] = { 0, 1 };
	struct fg_lease *lease = fake_lease(test, "levels", LONG_MS, supers, levels, 2);

	fake_world->supers[0].freeze_hangs = true;
	fg_lease_start(lease);
	EXPECT_SOON(test, fake_hold_state(lease, 0) == FREEZEGUARD_HOLD_STATE_FREEZING);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
	complete(&fake_world->supers[0].freeze_go);
	await_over(test, lease);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].thaws), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[1].freezes), 0);
	fg_lease_put(lease);
}

static struct kunit_case fg_lease_freeze_cases[] = {
	KUNIT_CASE(rcu_is_short_while_leases_freeze),
	KUNIT_CASE(rcu_is_not_short_for_long),
	KUNIT_CASE(all_write_back_before_any_freezes),
	KUNIT_CASE(who_is_through_early_writes_back_again),
	KUNIT_CASE(an_end_while_writing_back),
	KUNIT_CASE(a_write_back_that_fails),
	KUNIT_CASE(the_sync_budget_ends),
	KUNIT_CASE(levels_in_order),
	KUNIT_CASE(a_level_fails),
	KUNIT_CASE(an_end_between_levels),
	{ }
};

struct kunit_suite fg_lease_freeze_suite = {
	.name = "freezeguard_lease_freeze",
	.init = fake_world_init,
	.exit = fake_world_exit,
	.test_cases = fg_lease_freeze_cases,
};
