// SPDX-License-Identifier: GPL-2.0-only
/* The lease's state machine: every transition of lease.h's diagram, and what a thaw leaves. */
#include "fake_hold.h"
#include "lease_test.h"
#include "tests.h"

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

enum freezeguard_lease_state last_state_of(enum freezeguard_cause cause)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last_states); i++)
		if (last_states[i].cause == cause)
			return last_states[i].from_frozen;
	return 0;
}

/* Every superblock was frozen and thawed as often as was asked for, and let go of once. */
void expect_balanced(struct kunit *test, unsigned int n, int freezes)
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
void await_over(struct kunit *test, struct fg_lease *lease)
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
	KUNIT_CASE(each_state_of_an_end_is_news_once),
	KUNIT_CASE(an_end_is_final),
	KUNIT_CASE(a_thaw_fails),
	KUNIT_CASE(continuity),
	KUNIT_CASE(still_frozen),
	{ }
};

struct kunit_suite fg_lease_suite = {
	.name = "freezeguard_lease",
	.init = fake_world_init,
	.exit = fake_world_exit,
	.test_cases = fg_lease_cases,
};
