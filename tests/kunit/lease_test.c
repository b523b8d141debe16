// SPDX-License-Identifier: GPL-2.0-only
/* The lease's state machine: every transition of lease.h's diagram, and its races. */
#include <linux/kthread.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake_hold.h"
#include "tests.h"

/* Long enough to end by nothing but what a test does. */
#define LONG_MS		120000
/* The longest that a lease may live, for fg_lease_extend(). */
#define LONGEST_NS	(600000 * NSEC_PER_MSEC)
#define RACE_ROUNDS	40

struct last_state {
	enum freezeguard_cause cause;
	enum freezeguard_lease_state from_frozen;
};

static const struct last_state last_states[] = {
	{ FREEZEGUARD_CAUSE_REQUEST, FREEZEGUARD_LEASE_STATE_THAWED },
	{ FREEZEGUARD_CAUSE_DEADLINE, FREEZEGUARD_LEASE_STATE_EXPIRED },
	{ FREEZEGUARD_CAUSE_OWNER_DEATH, FREEZEGUARD_LEASE_STATE_ABORTED },
	{ FREEZEGUARD_CAUSE_FOREIGN_THAW, FREEZEGUARD_LEASE_STATE_BROKEN },
	{ FREEZEGUARD_CAUSE_SHUTDOWN, FREEZEGUARD_LEASE_STATE_ABORTED },
	{ FREEZEGUARD_CAUSE_SLEEP, FREEZEGUARD_LEASE_STATE_ABORTED },
};

static enum freezeguard_lease_state last_state_of(enum freezeguard_cause cause)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last_states); i++)
		if (last_states[i].cause == cause)
			return last_states[i].from_frozen;
	return 0;
}

/* Every superblock was frozen and thawed as often as was asked for, and let go of once. */
static void expect_balanced(struct kunit *test, unsigned int n, int freezes)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct fake_super *super = &fake_world->supers[i];

		KUNIT_EXPECT_EQ(test, atomic_read(&super->freezes), freezes);
		KUNIT_EXPECT_EQ(test, atomic_read(&super->thaws),
				super->freeze_error ? 0 : freezes);
		KUNIT_EXPECT_EQ(test, atomic_read(&super->puts), freezes);
	}
}

/* It is remembered, and its threads are not. */
static void await_over(struct kunit *test, struct fg_lease *lease)
{
	unsigned int i;

	EXPECT_SOON(test, !fg_lease_is_live(lease));
	for (i = 0; i < lease->nr_holds; i++)
		EXPECT_SOON(test, !READ_ONCE(lease->holds[i].thread));
}

static void a_life(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 3);
	struct fg_lease_info info;

	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_NONE);
	KUNIT_EXPECT_EQ(test, info.nr_live, 3);
	KUNIT_EXPECT_TRUE(test, info.bound);
	KUNIT_EXPECT_EQ(test, info.deadline_ns, info.begin_ns + LONG_MS * NSEC_PER_MSEC);
	EXPECT_SOON(test, atomic_read(&fake_world->changed) == 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->ending), 0);

	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	EXPECT_SOON(test, atomic_read(&fake_world->changed) == 3);
	EXPECT_SOON(test, atomic_read(&fake_world->ending) == 1);
	EXPECT_SOON(test, atomic_read(&fake_world->retired) == 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->thaw_failed), 0);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_THAWED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_REQUEST);
	KUNIT_EXPECT_EQ(test, info.error, 0);
	KUNIT_EXPECT_EQ(test, info.nr_live, 0);
	KUNIT_EXPECT_EQ(test, info.continuity, FREEZEGUARD_CONTINUITY_GUARANTEED);
	KUNIT_EXPECT_EQ(test, info.ender.pid, task_tgid_nr(current));
	KUNIT_EXPECT_LE(test, info.begin_ns, info.frozen_ns);
	KUNIT_EXPECT_LE(test, info.frozen_ns, info.ended_ns);
	KUNIT_EXPECT_LE(test, info.ended_ns, info.released_ns);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&lease->timer));
	expect_balanced(test, 3, 1);
	fg_lease_put(lease);
}

/* Told to end with each cause while FROZEN; the thaw hangs, so that THAWING can be seen. */
static void each_cause_from_frozen(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	unsigned int i;

	super->thaw_hangs = true;
	for (i = 0; i < ARRAY_SIZE(last_states); i++) {
		struct fg_lease *lease = fake_frozen(test, LONG_MS, 2);

		KUNIT_EXPECT_EQ(test, fg_lease_end(lease, last_states[i].cause), 0);
		EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
		KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_THAWING);
		KUNIT_EXPECT_TRUE(test, fg_lease_is_live(lease));
		complete(&super->thaw_go);
		await_over(test, lease);
		fg_lease_snapshot(lease, &info);
		KUNIT_EXPECT_EQ_MSG(test, info.state, last_states[i].from_frozen, "cause %d",
				    last_states[i].cause);
		KUNIT_EXPECT_EQ(test, info.cause, last_states[i].cause);
		KUNIT_EXPECT_EQ(test, info.error, 0);
		KUNIT_EXPECT_EQ(test, !info.ender.pid,
				last_states[i].cause != FREEZEGUARD_CAUSE_REQUEST);
		fg_lease_put(lease);
	}
	expect_balanced(test, 2, ARRAY_SIZE(last_states));
}

/* The same while one freeze does not come to an end. */
static void each_cause_while_freezing(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	unsigned int i;

	super->freeze_hangs = true;
	for (i = 0; i < ARRAY_SIZE(last_states); i++) {
		struct fg_lease *lease = fake_start(test, LONG_MS, 2);

		EXPECT_SOON(test, fake_hold_state(lease, 0) == FREEZEGUARD_HOLD_STATE_FREEZING &&
				  fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_FROZEN);
		KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FREEZING);
		KUNIT_EXPECT_EQ(test, fg_lease_end(lease, last_states[i].cause), 0);
		/* The other one doesn't wait for it. */
		EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
		KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
		KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_SHUTDOWN), -EALREADY);
		complete(&super->freeze_go);
		await_over(test, lease);
		fg_lease_snapshot(lease, &info);
		KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
		KUNIT_EXPECT_EQ(test, info.cause, last_states[i].cause);
		KUNIT_EXPECT_EQ(test, info.frozen_ns, 0);
		KUNIT_EXPECT_EQ(test, info.continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
		fg_lease_put(lease);
	}
	expect_balanced(test, 2, ARRAY_SIZE(last_states));
}

static void a_freeze_fails(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[1];
	struct fg_lease_info info;
	struct fg_lease *lease;
	struct fg_hold copy;

	super->freeze_error = -EROFS;
	lease = fake_start(test, LONG_MS, 3);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
	KUNIT_EXPECT_EQ(test, info.error, EROFS);
	fake_hold(lease, 1, &copy);
	KUNIT_EXPECT_EQ(test, copy.error, EROFS);
	KUNIT_EXPECT_EQ(test, copy.frozen_ns, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&super->thaws), 0);
	/* The others may have been spared; what was frozen was thawed. */
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes),
			atomic_read(&fake_world->supers[0].thaws));
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[2].freezes),
			atomic_read(&fake_world->supers[2].thaws));
	EXPECT_SOON(test, atomic_read(&fake_world->ending) == 1);
	fg_lease_put(lease);
}

/* A freeze on top of somebody else's is an error, and has to be taken back. */
static void a_foreign_thaw(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 3);
	struct fg_lease_info info;
	struct fg_hold hold;
	unsigned int i;

	fg_lease_foreign_thaw(&lease->holds[1]);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_BROKEN);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	KUNIT_EXPECT_EQ(test, info.continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	KUNIT_EXPECT_EQ(test, info.ender.pid, task_tgid_nr(current));
	for (i = 0; i < 3; i++) {
		fg_lease_snapshot_hold(&lease->holds[i], &hold);
		KUNIT_EXPECT_EQ(test, hold.lost, i == 1);
		KUNIT_EXPECT_EQ(test, hold.continuity,
				i == 1 ? FREEZEGUARD_CONTINUITY_BROKEN :
					 FREEZEGUARD_CONTINUITY_GUARANTEED);
	}
	fg_lease_put(lease);
}

/* What happens after the end breaks nothing, but there is nothing left to thaw either. */
static void a_foreign_thaw_after_the_end(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_lease *lease;

	super->thaw_hangs = true;
	lease = fake_frozen(test, LONG_MS, 1);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_SHUTDOWN), 0);
	fg_lease_foreign_thaw(&lease->holds[0]);
	KUNIT_EXPECT_TRUE(test, lease->holds[0].lost);
	complete(&super->thaw_go);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_ABORTED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_SHUTDOWN);
	KUNIT_EXPECT_EQ(test, info.continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
	KUNIT_EXPECT_EQ(test, info.ender.pid, 0);
	fg_lease_put(lease);
}

/* Before it could be noted that it was frozen. */
static void a_foreign_thaw_at_once(struct kunit *test)
{
	struct fg_lease_info info;
	struct fg_lease *lease;

	fake_world->supers[0].freeze_error = -ECANCELED;
	lease = fake_start(test, LONG_MS, 1);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	expect_balanced(test, 1, 1);
	fg_lease_put(lease);
}

/* While it is not known whose freeze it was: it is thawed, and the lease makes no claim. */
static void a_foreign_thaw_while_freezing(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_lease *lease;
	struct fg_hold hold;

	super->freeze_hangs = true;
	lease = fake_start(test, LONG_MS, 1);
	EXPECT_SOON(test, fake_hold_state(lease, 0) == FREEZEGUARD_HOLD_STATE_FREEZING);
	fg_lease_foreign_thaw(&lease->holds[0]);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FREEZING);
	complete(&super->freeze_go);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	fg_lease_snapshot_hold(&lease->holds[0], &hold);
	KUNIT_EXPECT_FALSE(test, hold.lost);
	KUNIT_EXPECT_EQ(test, hold.continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
	expect_balanced(test, 1, 1);
	fg_lease_put(lease);
}

static void a_freeze_beside_other_holders(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_lease *lease;

	super->freeze_other_holders = true;
	lease = fake_start(test, LONG_MS, 1);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.error, EBUSY);
	expect_balanced(test, 1, 1);
	fg_lease_put(lease);
}

static void the_deadline_of_a_frozen_one(struct kunit *test)
{
	struct fg_lease *lease = fake_start(test, 100, 2);
	struct fg_lease_info info;

	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	if (info.frozen_ns)	/* else the machine was too slow for this */
		KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_EXPIRED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_DEADLINE);
	KUNIT_EXPECT_GE(test, info.ended_ns, info.deadline_ns);
	KUNIT_EXPECT_EQ(test, info.ender.pid, 0);
	fg_lease_put(lease);
}

static void the_deadline_while_freezing(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_lease *lease;

	super->freeze_hangs = true;
	lease = fake_start(test, LONG_MS, 2);
	EXPECT_SOON(test, fake_hold_state(lease, 0) == FREEZEGUARD_HOLD_STATE_FREEZING &&
			  fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, 20 * NSEC_PER_MSEC, LONGEST_NS), 0);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
	EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
	complete(&super->freeze_go);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_FAILED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_DEADLINE);
	KUNIT_EXPECT_GE(test, info.ended_ns, info.deadline_ns);
	KUNIT_EXPECT_EQ(test, atomic_read(&super->thaws), 1);
	fg_lease_put(lease);
}

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

/* Notifications tell the state at the time of sending, so that they may come in any order. */
static void each_state_of_an_end_is_news_once(struct kunit *test)
{
	static const struct {
		enum freezeguard_lease_state announced;
		enum fg_lease_event what;
		enum freezeguard_lease_state state;
		bool news;
	} cases[] = {
		{ 0, FG_LEASE_CHANGED, FREEZEGUARD_LEASE_STATE_FREEZING, true },
		{ FREEZEGUARD_LEASE_STATE_FREEZING, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_FROZEN, true },
		/* extended, or detached */
		{ FREEZEGUARD_LEASE_STATE_FROZEN, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_FROZEN, true },
		{ FREEZEGUARD_LEASE_STATE_FROZEN, FG_LEASE_ENDING,
		  FREEZEGUARD_LEASE_STATE_THAWING, true },
		/* that it is FROZEN comes late: before its end is told, and after */
		{ FREEZEGUARD_LEASE_STATE_FREEZING, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_THAWING, true },
		{ FREEZEGUARD_LEASE_STATE_THAWING, FG_LEASE_ENDING,
		  FREEZEGUARD_LEASE_STATE_THAWING, false },
		{ FREEZEGUARD_LEASE_STATE_THAWING, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_THAWING, false },
		{ FREEZEGUARD_LEASE_STATE_ROLLING_BACK, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_ROLLING_BACK, false },
		{ FREEZEGUARD_LEASE_STATE_THAWING, FG_LEASE_THAW_FAILED,
		  FREEZEGUARD_LEASE_STATE_THAWING, true },
		{ FREEZEGUARD_LEASE_STATE_FROZEN, FG_LEASE_ENDING,
		  FREEZEGUARD_LEASE_STATE_EXPIRED, false },
		{ FREEZEGUARD_LEASE_STATE_FROZEN, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_EXPIRED, true },
		{ FREEZEGUARD_LEASE_STATE_THAWING, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_THAWED, true },
		{ FREEZEGUARD_LEASE_STATE_THAWED, FG_LEASE_CHANGED,
		  FREEZEGUARD_LEASE_STATE_THAWED, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, fg_lease_is_news(cases[i].announced, cases[i].what,
							   cases[i].state),
				    cases[i].news, "case %u", i);
}

static void an_end_is_final(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 1);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	for (i = 0; i < ARRAY_SIZE(last_states); i++)
		KUNIT_EXPECT_EQ(test, fg_lease_end(lease, last_states[i].cause), -EALREADY);
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, NSEC_PER_SEC, LONGEST_NS), -EALREADY);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EALREADY);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_THAWED);
	expect_balanced(test, 1, 1);
	fg_lease_put(lease);
}

/* ---- races ---- */

/**
 * struct racer - a thread that does one thing to a lease at a chosen moment
 * @task: the thread
 * @lease: the lease
 * @at: when, CLOCK_BOOTTIME
 * @cause: ends it with that cause; FREEZEGUARD_CAUSE_NONE extends it
 * @result: what that returned
 */
struct racer {
	struct task_struct *task;
	struct fg_lease *lease;
	u64 at;
	enum freezeguard_cause cause;
	int result;
};

#define EXTENSION_NS	(20 * NSEC_PER_MSEC)

static int race(void *data)
{
	struct racer *racer = data;

	while (ktime_get_boottime_ns() < racer->at && !kthread_should_stop()) {
		if (ktime_get_boottime_ns() + 3 * NSEC_PER_MSEC < racer->at)
			usleep_range(500, 1000);
		else
			cond_resched();
	}
	if (racer->cause)
		racer->result = fg_lease_end(racer->lease, racer->cause);
	else
		racer->result = fg_lease_extend(racer->lease, EXTENSION_NS, LONGEST_NS);
	while (!kthread_should_stop())
		usleep_range(200, 500);
	return 0;
}

static bool racers_start(struct kunit *test, struct racer *racers, unsigned int n,
			 struct fg_lease *lease, u64 at)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		racers[i].lease = lease;
		racers[i].at = at;
		racers[i].result = 1;
		racers[i].task = kthread_run(race, &racers[i], "racer/%u", i);
		if (IS_ERR(racers[i].task)) {
			KUNIT_FAIL(test, "no thread");
			while (i--)
				kthread_stop(racers[i].task);
			return false;
		}
	}
	return true;
}

static void racers_stop(struct kunit *test, struct racer *racers, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		EXPECT_SOON(test, READ_ONCE(racers[i].result) != 1);
	for (i = 0; i < n; i++)
		kthread_stop(racers[i].task);
}

/* Four causes and the deadline at the same moment: one wins, and stays. */
static void one_cause_wins(struct kunit *test)
{
	static const enum freezeguard_cause causes[] = {
		FREEZEGUARD_CAUSE_REQUEST, FREEZEGUARD_CAUSE_OWNER_DEATH,
		FREEZEGUARD_CAUSE_FOREIGN_THAW, FREEZEGUARD_CAUSE_SHUTDOWN,
	};
	struct racer racers[ARRAY_SIZE(causes)] = { };
	unsigned int by_timer = 0, round, i;

	for (round = 0; round < RACE_ROUNDS; round++) {
		enum freezeguard_cause winner = FREEZEGUARD_CAUSE_DEADLINE;
		struct fg_lease *lease = fake_start(test, 30, 2);
		struct fg_lease_info info;
		unsigned int winners = 0;

		fg_lease_snapshot(lease, &info);
		for (i = 0; i < ARRAY_SIZE(causes); i++)
			racers[i].cause = causes[i];
		/* in some rounds before the deadline, in some after it */
		if (!racers_start(test, racers, ARRAY_SIZE(causes), lease,
				  info.deadline_ns + round * 10 * NSEC_PER_USEC -
				  200 * NSEC_PER_USEC))
			break;
		racers_stop(test, racers, ARRAY_SIZE(causes));
		await_over(test, lease);
		for (i = 0; i < ARRAY_SIZE(causes); i++) {
			if (!racers[i].result) {
				winner = racers[i].cause;
				winners++;
			} else {
				KUNIT_EXPECT_EQ(test, racers[i].result, -EALREADY);
			}
		}
		KUNIT_EXPECT_LE(test, winners, 1);
		by_timer += !winners;
		fg_lease_snapshot(lease, &info);
		KUNIT_EXPECT_EQ(test, info.cause, winner);
		KUNIT_EXPECT_EQ(test, info.state,
				info.frozen_ns ? last_state_of(winner) :
				FREEZEGUARD_LEASE_STATE_FAILED);
		EXPECT_SOON(test, atomic_read(&fake_world->ending) == round + 1);
		EXPECT_SOON(test, atomic_read(&fake_world->retired) == round + 1);
		fg_lease_put(lease);
	}
	kunit_info(test, "the deadline won %u of %u rounds\n", by_timer, round);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes),
			atomic_read(&fake_world->supers[0].thaws));
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].puts), round);
}

static void extend(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 1);
	struct fg_lease_info info;
	int changed = 3;

	EXPECT_SOON(test, atomic_read(&fake_world->changed) == 2);
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, LONGEST_NS, LONGEST_NS), -ERANGE);
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, LONG_MS * NSEC_PER_MSEC, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), 2);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.deadline_ns, info.begin_ns + LONG_MS * NSEC_PER_MSEC);
	/* further away */
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, 2 * LONG_MS * NSEC_PER_MSEC, LONGEST_NS), 0);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_GE(test, info.deadline_ns, info.begin_ns + 2 * LONG_MS * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), changed);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);
	/* and nearer: it ends by that one */
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, 20 * NSEC_PER_MSEC, LONGEST_NS), 0);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_EXPIRED);
	KUNIT_EXPECT_GE(test, info.ended_ns, info.deadline_ns);
	fg_lease_put(lease);
}

/* An extension that was granted holds, however close the old deadline was. */
static void extend_races_with_the_deadline(struct kunit *test)
{
	unsigned int granted = 0, round;
	struct racer racer = { };

	for (round = 0; round < RACE_ROUNDS; round++) {
		struct fg_lease *lease = fake_start(test, 30, 1);
		struct fg_lease_info info;
		u64 first_ns;

		fg_lease_snapshot(lease, &info);
		first_ns = info.deadline_ns;
		if (!racers_start(test, &racer, 1, lease,
				  first_ns + round * 10 * NSEC_PER_USEC - 200 * NSEC_PER_USEC))
			break;
		racers_stop(test, &racer, 1);
		await_over(test, lease);
		fg_lease_snapshot(lease, &info);
		KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_DEADLINE);
		KUNIT_EXPECT_GE(test, info.ended_ns, info.deadline_ns);
		if (racer.result) {
			KUNIT_EXPECT_EQ(test, racer.result, -EALREADY);
			KUNIT_EXPECT_EQ(test, info.deadline_ns, first_ns);
		} else {
			granted++;
			KUNIT_EXPECT_GT(test, info.deadline_ns, first_ns);
		}
		EXPECT_SOON(test, atomic_read(&fake_world->retired) == round + 1);
		fg_lease_put(lease);
	}
	kunit_info(test, "%u of %u extensions were granted\n", granted, round);
}

/*
 * The timer had fired for the old deadline when the lease was extended: its callback finds the timer
 * started anew, and leaves the end to that.
 */
static void the_old_deadline_after_an_extension(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 1);
	enum hrtimer_restart (*expired)(struct hrtimer *timer);
	struct fg_lease_info info;

	expired = ACCESS_PRIVATE(&lease->timer, function);
	KUNIT_EXPECT_EQ(test, fg_lease_extend(lease, 2 * LONG_MS * NSEC_PER_MSEC, LONGEST_NS), 0);
	KUNIT_EXPECT_TRUE(test, hrtimer_is_queued(&lease->timer));
	KUNIT_EXPECT_EQ(test, expired(&lease->timer), HRTIMER_NORESTART);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_TRUE(test, hrtimer_is_queued(&lease->timer));
	/* with no other one coming it is the end */
	hrtimer_cancel(&lease->timer);
	KUNIT_EXPECT_EQ(test, expired(&lease->timer), HRTIMER_NORESTART);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_EXPIRED);
	expect_balanced(test, 1, 1);
	fg_lease_put(lease);
}

/* ---- the owner ---- */

static struct sock *bind_to_socket(struct kunit *test, struct fg_lease *lease,
				   struct socket **socket)
{
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, PF_UNIX, SOCK_DGRAM, 0, socket), 0);
	lease->owner.sk = (*socket)->sk;
	sock_hold(lease->owner.sk);
	return lease->owner.sk;
}

static const unsigned int first_super;

static void detach(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_owner owner;
	struct socket *socket;
	struct fg_lease *lease;

	super->freeze_hangs = true;
	super->thaw_hangs = true;
	lease = fake_lease(test, "detach", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	fg_lease_start(lease);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, fg_lease_owner_get(lease, &owner));
	KUNIT_EXPECT_PTR_EQ(test, owner.sk, socket->sk);
	sock_put(owner.sk);
	complete(&super->freeze_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	EXPECT_SOON(test, atomic_read(&fake_world->changed) == 2);

	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), 3);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_FALSE(test, info.bound);
	KUNIT_EXPECT_FALSE(test, fg_lease_owner_get(lease, &owner));
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), 3);
	/* The death of the socket is none of its business any more. */
	sock_set_flag(socket->sk, SOCK_DEAD);
	fg_lease_end_orphaned(lease);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);

	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_THAWING);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EALREADY);
	complete(&super->thaw_go);
	await_over(test, lease);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EALREADY);
	sock_reset_flag(socket->sk, SOCK_DEAD);
	sock_release(socket);
	fg_lease_put(lease);
}

static void the_owner_dies(struct kunit *test)
{
	struct fg_lease_info info;
	struct socket *socket;
	struct fg_lease *lease;
	struct fg_owner owner;

	lease = fake_lease(test, "orphan", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	fg_lease_start(lease);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	fg_lease_end_orphaned(lease);	/* it lives */
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);
	sock_set_flag(socket->sk, SOCK_DEAD);
	fg_lease_end_orphaned(lease);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_ABORTED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
	KUNIT_EXPECT_TRUE(test, info.bound);
	/* History doesn't keep the socket. */
	EXPECT_SOON(test, !fg_lease_owner_get(lease, &owner));
	sock_reset_flag(socket->sk, SOCK_DEAD);
	sock_release(socket);
	fg_lease_put(lease);
}

/* ---- levels ---- */

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

/* ---- thaws ---- */

static void a_thaw_fails(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_lease *lease;
	struct fg_hold copy;
	u64 begun_ns;

	super->thaw_errors = 4;
	lease = fake_frozen(test, LONG_MS, 2);
	begun_ns = ktime_get_boottime_ns();
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	EXPECT_SOON(test, atomic_read(&fake_world->thaw_failed) >= 1);
	EXPECT_SOON(test, fake_hold_state(lease, 1) == FREEZEGUARD_HOLD_STATE_RELEASED);
	await_over(test, lease);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->thaw_failed), 4);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_THAWED);
	/* Growing pauses: 10, 20, 40 and 80 ms, less the jiffies' roundings. */
	KUNIT_EXPECT_GE(test, info.released_ns - begun_ns, 140 * NSEC_PER_MSEC);
	fake_hold(lease, 0, &copy);
	KUNIT_EXPECT_EQ(test, copy.thaw_failures, 4);
	KUNIT_EXPECT_EQ(test, copy.error, EIO);
	/* What a later attempt found says nothing of the time until the first. */
	KUNIT_EXPECT_EQ(test, copy.continuity, FREEZEGUARD_CONTINUITY_GUARANTEED);
	KUNIT_EXPECT_EQ(test, info.error, 0);
	expect_balanced(test, 2, 1);
	fg_lease_put(lease);
}

/* The worst hold's continuity is the lease's; a gap makes a request BROKEN and nothing else. */
static void continuity(struct kunit *test)
{
	static const enum freezeguard_continuity from_worst[] = {
		FREEZEGUARD_CONTINUITY_BROKEN, FREEZEGUARD_CONTINUITY_UNKNOWN,
		FREEZEGUARD_CONTINUITY_OBSERVED, FREEZEGUARD_CONTINUITY_GUARANTEED,
	};
	struct fg_lease_info info;
	unsigned int worst, i, j;

	for (worst = 0; worst < ARRAY_SIZE(from_worst); worst++) {
		for (i = 0; i < 2; i++) {
			struct fg_lease *lease = fake_frozen(test, LONG_MS, 3);

			for (j = 0; j < 3; j++)
				fake_world->supers[j].thaw_continuity =
					from_worst[min_t(unsigned int, worst + (3 - j) % 3, 3)];
			fg_lease_end(lease, i ? FREEZEGUARD_CAUSE_DEADLINE :
						FREEZEGUARD_CAUSE_REQUEST);
			await_over(test, lease);
			fg_lease_snapshot(lease, &info);
			KUNIT_EXPECT_EQ(test, info.continuity, from_worst[worst]);
			KUNIT_EXPECT_EQ(test, info.state,
					i ? FREEZEGUARD_LEASE_STATE_EXPIRED : worst ?
					FREEZEGUARD_LEASE_STATE_THAWED :
					FREEZEGUARD_LEASE_STATE_BROKEN);
			fg_lease_put(lease);
		}
	}
}

static void still_frozen(struct kunit *test)
{
	struct fg_lease *lease = fake_frozen(test, LONG_MS, 2);
	struct fg_hold copy;

	fake_world->supers[1].others = true;
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	await_over(test, lease);
	fake_hold(lease, 0, &copy);
	KUNIT_EXPECT_FALSE(test, copy.still_frozen);
	fake_hold(lease, 1, &copy);
	KUNIT_EXPECT_TRUE(test, copy.still_frozen);
	fg_lease_put(lease);
}

/* A lease that is given up before it was started lets go of everything. */
static void never_started(struct kunit *test)
{
	struct socket *socket;
	struct fg_lease *lease;
	unsigned int refs;

	lease = fake_lease(test, "never", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	refs = refcount_read(&socket->sk->sk_refcnt);
	fg_lease_put(lease);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].puts), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&socket->sk->sk_refcnt), refs - 1);
	sock_release(socket);
}

static struct kunit_case fg_lease_cases[] = {
	KUNIT_CASE(a_life),
	KUNIT_CASE(each_cause_from_frozen),
	KUNIT_CASE(each_cause_while_freezing),
	KUNIT_CASE(a_freeze_fails),
	KUNIT_CASE(a_foreign_thaw),
	KUNIT_CASE(a_foreign_thaw_after_the_end),
	KUNIT_CASE(a_foreign_thaw_at_once),
	KUNIT_CASE(a_foreign_thaw_while_freezing),
	KUNIT_CASE(a_freeze_beside_other_holders),
	KUNIT_CASE(the_deadline_of_a_frozen_one),
	KUNIT_CASE(the_deadline_while_freezing),
	KUNIT_CASE(rcu_is_short_while_leases_freeze),
	KUNIT_CASE(rcu_is_not_short_for_long),
	KUNIT_CASE(all_write_back_before_any_freezes),
	KUNIT_CASE(who_is_through_early_writes_back_again),
	KUNIT_CASE(an_end_while_writing_back),
	KUNIT_CASE(a_write_back_that_fails),
	KUNIT_CASE(the_sync_budget_ends),
	KUNIT_CASE(each_state_of_an_end_is_news_once),
	KUNIT_CASE(an_end_is_final),
	KUNIT_CASE(one_cause_wins),
	KUNIT_CASE(extend),
	KUNIT_CASE(extend_races_with_the_deadline),
	KUNIT_CASE(the_old_deadline_after_an_extension),
	KUNIT_CASE(detach),
	KUNIT_CASE(the_owner_dies),
	KUNIT_CASE(levels_in_order),
	KUNIT_CASE(a_level_fails),
	KUNIT_CASE(an_end_between_levels),
	KUNIT_CASE(a_thaw_fails),
	KUNIT_CASE(continuity),
	KUNIT_CASE(still_frozen),
	KUNIT_CASE(never_started),
	{ }
};

struct kunit_suite fg_lease_suite = {
	.name = "freezeguard_lease",
	.init = fake_world_init,
	.exit = fake_world_exit,
	.test_cases = fg_lease_cases,
};
