// SPDX-License-Identifier: GPL-2.0-only
/* The registry: numbers, names, what is in a new lease's way, and the bounded history. */
#include "fake_hold.h"
#include "registry.h"
#include "tests.h"

#define LONG_MS		120000

static unsigned int history_max, live_max;

static int registry_init(struct kunit *test)
{
	int err = fake_world_init(test);

	if (err)
		return err;
	fake_world->to_registry = true;
	history_max = fg_registry_history_max;
	live_max = fg_registry_live_max;
	return 0;
}

static void registry_exit(struct kunit *test)
{
	fake_world_exit(test);
	fg_registry_history_max = history_max;
	fg_registry_live_max = live_max;
}

/* A lease on one superblock, registered and started; the caller has a reference. */
static struct fg_lease *add(struct kunit *test, const char *id, unsigned int super)
{
	struct fg_lease *lease = fake_lease(test, id, LONG_MS, &super, NULL, 1);
	unsigned long conflict;

	KUNIT_EXPECT_EQ(test, fg_registry_add(lease, &conflict), 0);
	KUNIT_EXPECT_EQ(test, conflict, 0);
	fg_lease_start(lease);
	return lease;
}

/* Ends a lease, puts the caller's reference once it is history, and returns its number. */
static unsigned long end(struct kunit *test, struct fg_lease *lease)
{
	unsigned long number = lease->number;
	int retired = atomic_read(&fake_world->retired);

	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	EXPECT_SOON(test, atomic_read(&fake_world->retired) == retired + 1);
	fg_lease_put(lease);
	return number;
}

/* The number that a lookup leads to, or 0; puts the reference that it took. */
static unsigned long number_of(struct fg_lease *lease)
{
	unsigned long number = lease ? lease->number : 0;

	if (lease)
		fg_lease_put(lease);
	return number;
}

static struct fg_lease *find_number(u64 number)
{
	return fg_registry_next(number, number);
}

/* Tries to add one. */
static int refused(struct kunit *test, const char *id, const unsigned int *supers, unsigned int n,
		   unsigned long *conflict)
{
	struct fg_lease *lease = fake_lease(test, id, LONG_MS, supers, NULL, n);
	int err = fg_registry_add(lease, conflict);

	if (!err) {	/* it should not have been */
		fg_lease_start(lease);
		fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST);
	}
	fg_lease_put(lease);
	return err;
}

static void numbers(struct kunit *test)
{
	static const unsigned int super;
	unsigned long conflict;
	unsigned long first, second, third;
	struct fg_lease *lease;

	first = end(test, add(test, "a", 0));
	lease = add(test, "b", 0);
	second = lease->number;
	KUNIT_EXPECT_GT(test, second, first);
	/* One that was refused has taken a number with it; nobody gets that again. */
	KUNIT_EXPECT_EQ(test, refused(test, "c", &super, 1, &conflict), -EBUSY);
	KUNIT_EXPECT_EQ(test, number_of(find_number(second + 1)), 0);
	end(test, lease);
	/* nor after the history is forgotten */
	fg_registry_clear();
	KUNIT_EXPECT_EQ(test, number_of(find_number(second)), 0);
	third = end(test, add(test, "b", 0));
	KUNIT_EXPECT_GT(test, third, second + 1);
	KUNIT_EXPECT_EQ(test, number_of(find_number(third)), third);
	KUNIT_EXPECT_EQ(test, number_of(find_number(third + 1)), 0);
	KUNIT_EXPECT_EQ(test, number_of(find_number(0)), 0);
	KUNIT_EXPECT_EQ(test, number_of(find_number(U64_MAX)), 0);
}

static void names(struct kunit *test)
{
	char name[FREEZEGUARD_ID_MAX + 1];
	unsigned long first, second;
	struct fg_lease *lease;

	lease = add(test, "", 0);
	snprintf(name, sizeof(name), "lease-%lu", lease->number);
	KUNIT_EXPECT_STREQ(test, (const char *)lease->id, (const char *)name);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id(name)), lease->number);
	end(test, lease);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("")), 0);

	/* The newest lease of a name answers for it, live or not. */
	first = end(test, add(test, "same", 0));
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("same")), first);
	second = end(test, add(test, "same", 1));
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("same")), second);
	lease = add(test, "same", 0);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("same")), lease->number);
	second = end(test, lease);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("same")), second);
	/* while each keeps its number */
	KUNIT_EXPECT_EQ(test, number_of(find_number(first)), first);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("sam")), 0);
}

static void conflicts(struct kunit *test)
{
	static const unsigned int both[] = { 1, 0 };
	static const unsigned int other[] = { 1, 2, 3 };
	unsigned long conflict;
	struct fg_lease *lease = add(test, "first", 0);

	KUNIT_EXPECT_EQ(test, refused(test, "second", both, 2, &conflict), -EBUSY);
	KUNIT_EXPECT_EQ(test, conflict, lease->number);
	KUNIT_EXPECT_EQ(test, refused(test, "first", other, 3, &conflict), -EEXIST);
	KUNIT_EXPECT_EQ(test, conflict, lease->number);
	/* frozen by nobody that is known */
	fake_world->supers[2].others = true;
	KUNIT_EXPECT_EQ(test, refused(test, "second", other, 3, &conflict), -EBUSY);
	KUNIT_EXPECT_EQ(test, conflict, 0);
	fake_world->supers[2].others = false;
	/* No refused one is to be found, nor touched anything. */
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("second")), 0);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("first")), lease->number);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_next(lease->number + 1, ULONG_MAX)), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[1].freezes), 0);

	fg_registry_live_max = 1;
	KUNIT_EXPECT_EQ(test, refused(test, "second", other, 3, &conflict), -EUSERS);
	fg_registry_live_max = 2;
	end(test, add(test, "second", 1));
	end(test, lease);
	/* What was in the way is not any more. */
	end(test, add(test, "first", 0));
}

/* A superblock leads to its lease until it is released, be the lease live as it may. */
static void superblocks(struct kunit *test)
{
	static const unsigned int both[] = { 0, 1 };
	struct fake_super *supers = fake_world->supers;
	unsigned long conflict;
	unsigned long number;
	struct fg_lease *lease;

	supers[1].thaw_hangs = true;
	lease = fake_lease(test, "supers", LONG_MS, both, NULL, 2);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[0].sb)), 0);
	KUNIT_EXPECT_EQ(test, fg_registry_add(lease, &conflict), 0);
	number = lease->number;
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[0].sb)), number);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[1].sb)), number);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[2].sb)), 0);
	fg_lease_start(lease);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	EXPECT_SOON(test, fake_hold_state(lease, 0) == FREEZEGUARD_HOLD_STATE_RELEASED);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[0].sb)), 0);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_super(&supers[1].sb)), number);
	/* The released one is free for the next lease, the other not; the name neither. */
	end(test, add(test, "next", 0));
	KUNIT_EXPECT_EQ(test, refused(test, "next", &both[1], 1, &conflict), -EBUSY);
	KUNIT_EXPECT_EQ(test, refused(test, "supers", &both[0], 1, &conflict), -EEXIST);
	complete(&supers[1].thaw_go);
	EXPECT_SOON(test, !number_of(fg_registry_find_super(&supers[1].sb)));
	EXPECT_SOON(test, !fg_lease_is_live(lease));
	fg_lease_put(lease);
}

static void expect_numbers(struct kunit *test, const unsigned long *expected, unsigned int n)
{
	unsigned long number = 0;
	struct fg_lease *lease;
	unsigned int i = 0;

	while ((lease = fg_registry_next(number, ULONG_MAX))) {
		number = number_of(lease);
		KUNIT_EXPECT_LT(test, i, n);
		if (i < n)
			KUNIT_EXPECT_EQ(test, number, expected[i]);
		i++;
		number++;
	}
	KUNIT_EXPECT_EQ(test, i, n);
}

static void history(struct kunit *test)
{
	unsigned long number[6];
	struct fg_lease *live;
	unsigned int i;

	fg_registry_history_max = 3;
	live = add(test, "live", 1);	/* older than all, and not history */
	number[0] = live->number;
	for (i = 1; i <= 5; i++)
		number[i] = end(test, add(test, i & 1 ? "odd" : "even", 0));
	/* The oldest are gone. */
	KUNIT_EXPECT_EQ(test, number_of(find_number(number[1])), 0);
	KUNIT_EXPECT_EQ(test, number_of(find_number(number[2])), 0);
	expect_numbers(test, (unsigned long []) { number[0], number[3], number[4], number[5] }, 4);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("odd")), number[5]);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("even")), number[4]);
	/* By when they ended, not by when they began: the live one is now the newest of it. */
	end(test, live);
	expect_numbers(test, (unsigned long []) { number[0], number[4], number[5] }, 3);
	/* A lower bound counts from the next end on, and no history at all works too. */
	fg_registry_history_max = 1;
	number[1] = end(test, add(test, "even", 0));
	expect_numbers(test, &number[1], 1);
	fg_registry_history_max = 0;
	end(test, add(test, "even", 0));
	expect_numbers(test, NULL, 0);
	KUNIT_EXPECT_EQ(test, number_of(fg_registry_find_id("even")), 0);
}

/* Somebody who has a lease keeps it, though the history forgets it. */
static void forgotten_but_used(struct kunit *test)
{
	struct fg_lease *lease;
	unsigned long number;

	fg_registry_history_max = 0;
	lease = add(test, "used", 0);
	fg_lease_get(lease);
	number = end(test, lease);
	KUNIT_EXPECT_EQ(test, number_of(find_number(number)), 0);
	EXPECT_SOON(test, !fg_lease_is_live(lease));
	KUNIT_EXPECT_EQ(test, lease->number, number);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->destroyed), 0);
	fg_lease_put(lease);
}

static unsigned int seen;

static void see(struct fg_lease *lease)
{
	seen++;
	fg_lease_end(lease, FREEZEGUARD_CAUSE_SHUTDOWN);
}

static void the_live_ones(struct kunit *test)
{
	struct fg_lease *leases[3];
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, fg_registry_wait_idle(0));
	end(test, add(test, "over", 0));
	fake_world->supers[2].thaw_hangs = true;
	for (i = 0; i < 3; i++) {
		leases[i] = add(test, "", i);
		EXPECT_SOON(test, fake_state(leases[i]) == FREEZEGUARD_LEASE_STATE_FROZEN);
	}
	KUNIT_EXPECT_FALSE(test, fg_registry_wait_idle(10));
	seen = 0;
	fg_registry_for_each_live(see);
	KUNIT_EXPECT_EQ(test, seen, 3);
	EXPECT_SOON(test, !fg_lease_is_live(leases[0]) && !fg_lease_is_live(leases[1]));
	/* THAWING is live. */
	KUNIT_EXPECT_FALSE(test, fg_registry_wait_idle(10));
	complete(&fake_world->supers[2].thaw_go);
	KUNIT_EXPECT_TRUE(test, fg_registry_wait_idle(FAKE_SOON_MS));
	seen = 0;
	fg_registry_for_each_live(see);
	KUNIT_EXPECT_EQ(test, seen, 0);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, fake_state(leases[i]), FREEZEGUARD_LEASE_STATE_ABORTED);
		fg_lease_put(leases[i]);
	}
}

/* Each reason to refuse leases ends alone, and a shutdown is the strongest. */
static void closed(struct kunit *test)
{
	static const unsigned int super;
	unsigned long conflict;
	struct fg_lease *lease = add(test, "before", 0);

	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	KUNIT_EXPECT_EQ(test, fg_registry_close(FG_CLOSED_FOR_SUSPEND, FREEZEGUARD_CAUSE_SLEEP), 1);
	KUNIT_EXPECT_EQ(test, fg_registry_close(FG_CLOSED_FOR_HIBERNATION, FREEZEGUARD_CAUSE_SLEEP), 0);
	KUNIT_EXPECT_TRUE(test, fg_registry_wait_idle(FAKE_SOON_MS));
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_ABORTED);
	fg_lease_put(lease);
	KUNIT_EXPECT_EQ(test, refused(test, "a", &super, 1, &conflict), -EAGAIN);
	fg_registry_open(FG_CLOSED_FOR_SUSPEND);
	fg_registry_open(FG_CLOSED_FOR_RESTORE);
	KUNIT_EXPECT_EQ(test, refused(test, "a", &super, 1, &conflict), -EAGAIN);
	fg_registry_open(FG_CLOSED_FOR_HIBERNATION);
	end(test, add(test, "a", 0));
	fg_registry_close(FG_CLOSED_FOR_RESTORE, FREEZEGUARD_CAUSE_SLEEP);
	fg_registry_close(FG_CLOSED_FOR_SHUTDOWN, FREEZEGUARD_CAUSE_SHUTDOWN);
	KUNIT_EXPECT_EQ(test, refused(test, "a", &super, 1, &conflict), -ESHUTDOWN);
	fg_registry_open(FG_CLOSED_FOR_RESTORE);
	KUNIT_EXPECT_EQ(test, refused(test, "a", &super, 1, &conflict), -ESHUTDOWN);
	fg_registry_open(FG_CLOSED_FOR_SHUTDOWN);	/* for the tests that follow */
}

static struct kunit_case fg_registry_cases[] = {
	KUNIT_CASE(numbers),
	KUNIT_CASE(names),
	KUNIT_CASE(conflicts),
	KUNIT_CASE(superblocks),
	KUNIT_CASE(history),
	KUNIT_CASE(forgotten_but_used),
	KUNIT_CASE(the_live_ones),
	KUNIT_CASE(closed),
	{ }
};

struct kunit_suite fg_registry_suite = {
	.name = "freezeguard_registry",
	.init = registry_init,
	.exit = registry_exit,
	.test_cases = fg_registry_cases,
};
