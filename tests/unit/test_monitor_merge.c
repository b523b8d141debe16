// SPDX-License-Identifier: GPL-2.0-only
/* merge: lease events and the observer's in the order of time, whichever is heard of first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "commands/monitor_merge.h"

#define S(name) FREEZEGUARD_LEASE_STATE_##name
#define NOW 1000

static void lease_event(struct merge *merge, uint64_t number, uint32_t state, uint64_t ns)
{
	struct freezeguard_lease lease = { .number = number, .state = state, .begin_ns = 10 };

	switch (state) {
	case S(FREEZING):
		lease.begin_ns = ns;
		break;
	case S(FROZEN):
		lease.frozen_ns = ns;
		break;
	case S(THAWING):
		lease.ended_ns = ns;
		break;
	default:
		lease.released_ns = ns;
	}
	assert_int_equal(merge_lease(merge, &lease, NOW), 0);
	assert_int_equal(lease.number, 0);
}

static void observed(struct merge *merge, uint64_t ns)
{
	const struct fw_event event = { .time_ns = ns, .type = FW_EVENT_FROZEN };

	assert_int_equal(merge_observed(merge, &event), 0);
}

/* "l10 o20": what comes out by @until_ns. */
static const char *order(struct merge *merge, uint64_t until_ns)
{
	static char text[512];
	struct merged event;
	size_t used = 0;

	text[0] = '\0';
	while (merge_next(merge, until_ns, &event))
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c%llu",
					 used ? " " : "", event.observed ? 'o' : 'l',
					 (unsigned long long)event.time_ns);
	return text;
}

static void whichever_comes_first(void **state)
{
	struct merge merge = { 0 };

	(void)state;
	observed(&merge, 30);
	observed(&merge, 50);
	lease_event(&merge, 1, S(FREEZING), 20);
	lease_event(&merge, 1, S(FROZEN), 40);
	observed(&merge, 10);
	lease_event(&merge, 1, S(THAWED), 60);
	assert_string_equal(order(&merge, NOW), "o10 l20 o30 l40 o50 l60");
	assert_string_equal(order(&merge, NOW), "");
	merge_free(&merge);
}

static void what_is_young_is_held_back(void **state)
{
	struct merge merge = { 0 };

	(void)state;
	lease_event(&merge, 1, S(FREEZING), 20);
	lease_event(&merge, 1, S(FROZEN), 40);
	assert_string_equal(order(&merge, 30), "l20");
	/* it was heard of late, and is shown in its place all the same */
	observed(&merge, 35);
	assert_string_equal(order(&merge, 40), "o35 l40");
	/* later than that it can't be helped */
	observed(&merge, 5);
	assert_string_equal(order(&merge, 40), "o5");
	merge_free(&merge);
}

/* A new deadline, a failed thaw: no state's time is theirs. */
static void a_change_without_a_new_state_happens_when_it_comes(void **state)
{
	struct freezeguard_lease failed = { .number = 1, .state = S(THAWING), .ended_ns = 50,
					    .n_holds = 1 };
	struct merge merge = { 0 };

	(void)state;
	lease_event(&merge, 1, S(FROZEN), 40);
	lease_event(&merge, 2, S(FROZEN), 45);
	lease_event(&merge, 1, S(FROZEN), 40);
	assert_string_equal(order(&merge, NOW), "l40 l45 l1000");
	failed.holds = calloc(1, sizeof(*failed.holds));
	assert_int_equal(merge_lease(&merge, &failed, NOW), 0);
	assert_int_equal(merge.v[0].time_ns, NOW);
	merge_free(&merge);
}

static void leases_stay_in_their_order(void **state)
{
	struct merge merge = { 0 };

	(void)state;
	/* told in this order, so it happened in this order; and nothing happens in the future */
	lease_event(&merge, 1, S(FROZEN), 40);
	lease_event(&merge, 2, S(FROZEN), 39);
	lease_event(&merge, 1, S(THAWING), NOW + 5);
	assert_string_equal(order(&merge, NOW), "l40 l40 l1000");
	merge_free(&merge);
}

static void leases_that_end_are_forgotten(void **state)
{
	struct freezeguard_lease live = { .number = 3, .state = S(FROZEN) };
	struct merge merge = { 0 };
	uint64_t i;

	(void)state;
	merge_live(&merge, &live);
	for (i = 4; i < 200; i++) {
		lease_event(&merge, i, S(FREEZING), i);
		lease_event(&merge, i, S(THAWED), i);
	}
	assert_int_equal(merge.n_states, 1);
	assert_int_equal(merge.n, 392);
	/* the one that was live at the beginning was frozen then */
	lease_event(&merge, 3, S(FROZEN), 2);
	assert_int_equal(merge.v[392].time_ns, NOW);
	merge_free(&merge);
}

/* Any order of coming gives the order of time. */
static void any_interleaving(void **state)
{
	unsigned int seed, i;

	(void)state;
	for (seed = 1; seed <= 200; seed++) {
		struct merge merge = { 0 };
		uint64_t last = 0, lease_ns = 0;
		struct merged event;
		size_t n = 0;

		srand(seed);
		for (i = 0; i < 100; i++) {
			if (rand() % 2) {
				lease_ns += (uint64_t)(rand() % 5);
				lease_event(&merge, i + 1, S(FROZEN), lease_ns + 1);
			} else {
				observed(&merge, (uint64_t)(rand() % 200));
			}
		}
		while (merge_next(&merge, UINT64_MAX, &event)) {
			assert_true(event.time_ns >= last);
			last = event.time_ns;
			n++;
		}
		assert_int_equal(n, 100);
		merge_free(&merge);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whichever_comes_first),
		cmocka_unit_test(what_is_young_is_held_back),
		cmocka_unit_test(a_change_without_a_new_state_happens_when_it_comes),
		cmocka_unit_test(leases_stay_in_their_order),
		cmocka_unit_test(leases_that_end_are_forgotten),
		cmocka_unit_test(any_interleaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
