// SPDX-License-Identifier: GPL-2.0-only
/* The lease's deadline: it comes, it is moved, and it races with other ends. */
#include <linux/kthread.h>

#include "fake_hold.h"
#include "lease_test.h"
#include "tests.h"

#define RACE_ROUNDS	40

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

static struct kunit_case fg_lease_deadline_cases[] = {
	KUNIT_CASE(the_deadline_of_a_frozen_one),
	KUNIT_CASE(the_deadline_while_freezing),
	KUNIT_CASE(one_cause_wins),
	KUNIT_CASE(extend),
	KUNIT_CASE(extend_races_with_the_deadline),
	KUNIT_CASE(the_old_deadline_after_an_extension),
	{ }
};

struct kunit_suite fg_lease_deadline_suite = {
	.name = "freezeguard_lease_deadline",
	.init = fake_world_init,
	.exit = fake_world_exit,
	.test_cases = fg_lease_deadline_cases,
};
