// SPDX-License-Identifier: GPL-2.0-only
/* verdict: every lease state with every cause, for a freeze and for a thaw, won and late */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lease/verdict.h"

#define S(name) FREEZEGUARD_LEASE_STATE_##name
#define C(name) FREEZEGUARD_CAUSE_##name

#define T(seconds) ((seconds) * NS_PER_S)

static struct freezeguard_hold holds[2];

/* A lease that can be: times and counts that fit its state. */
static struct freezeguard_lease make(uint32_t state, uint32_t cause, bool was_frozen)
{
	bool ended = state >= S(THAWING), live = state <= S(ROLLING_BACK);
	struct freezeguard_lease lease = {
		.number = 1, .id = "backup", .state = state, .cause = cause,
		.begin_ns = T(100), .deadline_ns = T(160),
		.frozen_ns = was_frozen ? T(101) : 0, .ended_ns = ended ? T(150) : 0,
		.released_ns = live ? 0 : T(150) + NS_PER_MS,
		.continuity = FREEZEGUARD_CONTINUITY_GUARANTEED,
		.owner_pid = 11, .owner_comm = "maker", .ender_pid = 12, .ender_comm = "ender",
		.n_superblocks = 2, .n_live = live ? 2 : 0, .holds = holds, .n_holds = 2,
	};
	uint32_t hold_state = state == S(FREEZING) ? FREEZEGUARD_HOLD_STATE_FREEZING :
			      state == S(FROZEN) ? FREEZEGUARD_HOLD_STATE_FROZEN :
			      state == S(THAWING) ? FREEZEGUARD_HOLD_STATE_THAWING :
			      state == S(ROLLING_BACK) ? FREEZEGUARD_HOLD_STATE_FREEZING :
			      FREEZEGUARD_HOLD_STATE_RELEASED;
	int i;

	memset(holds, 0, sizeof(holds));
	for (i = 0; i < 2; i++) {
		holds[i].major = 8;
		holds[i].minor = (uint32_t)i;
		strcpy(holds[i].fstype, "ext4");
		snprintf(holds[i].name, sizeof(holds[i].name), "sd%c", 'a' + i);
		holds[i].state = hold_state;
		holds[i].continuity = FREEZEGUARD_CONTINUITY_GUARANTEED;
		holds[i].frozen_ns = lease.frozen_ns;
		holds[i].released_ns = lease.released_ns;
	}
	return lease;
}

static const struct verdict_context context = {
	.clocks = { .now_ns = T(170), .wall_ns = T(1000000) },
	.wait_ms = 10000,
};

/* The codes of all findings as a text: "202 205". */
static const char *codes(const struct findings *f)
{
	static char text[256];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < f->n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", i ? " " : "",
					 f->v[i].code);
	return text;
}

static bool mentions(const struct findings *f, const char *text)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strstr(f->v[i].message, text) ||
		    (f->v[i].target && strstr(f->v[i].target, text)))
			return true;
	return false;
}

static const char *thaw_codes(const struct freezeguard_lease *lease, enum verdict_asked asked,
			      struct findings *f)
{
	bool good;

	findings_free(f);
	good = verdict_thaw(lease, asked, &context, f);
	assert_int_equal(good, findings_exit_code(f) == 0);
	return codes(f);
}

static const char *freeze_codes(const struct freezeguard_lease *lease,
				const struct verdict_context *c, struct findings *f)
{
	bool good;

	findings_free(f);
	good = verdict_freeze(lease, c, f);
	assert_int_equal(good, f->n == 0);
	return codes(f);
}

/*
 * What a thaw is told, by the lease's state and cause: exit codes for a request that won and for
 * one that came late; the state and the cause together say whether it had been frozen.
 */
static const struct {
	uint32_t state, cause;
	bool was_frozen;
	int won, late;
} thaw_cells[] = {
	/* not ended: cannot be after a request, and is not called success */
	{ S(FREEZING), C(NONE), false, 202, 202 },
	{ S(FROZEN), C(NONE), true, 202, 202 },
	/* not released within the wait */
	{ S(THAWING), C(REQUEST), true, 202, 202 },
	{ S(THAWING), C(DEADLINE), true, 202, 202 },
	{ S(THAWING), C(OWNER_DEATH), true, 202, 202 },
	{ S(THAWING), C(FOREIGN_THAW), true, 202, 202 },
	{ S(THAWING), C(SHUTDOWN), true, 202, 202 },
	{ S(THAWING), C(SLEEP), true, 202, 202 },
	{ S(ROLLING_BACK), C(REQUEST), false, 202, 202 },
	{ S(ROLLING_BACK), C(DEADLINE), false, 202, 202 },
	{ S(ROLLING_BACK), C(OWNER_DEATH), false, 202, 202 },
	{ S(ROLLING_BACK), C(HOLD_FAILED), false, 202, 202 },
	{ S(ROLLING_BACK), C(SHUTDOWN), false, 202, 202 },
	{ S(ROLLING_BACK), C(SLEEP), false, 202, 202 },
	{ S(ROLLING_BACK), C(FOREIGN_THAW), false, 202, 202 },
	/* history */
	{ S(THAWED), C(REQUEST), true, 0, 205 },
	{ S(EXPIRED), C(DEADLINE), true, 203, 203 },
	{ S(BROKEN), C(REQUEST), true, 205, 205 },
	{ S(BROKEN), C(DEADLINE), true, 203, 203 },
	{ S(BROKEN), C(FOREIGN_THAW), true, 205, 205 },
	{ S(ABORTED), C(OWNER_DEATH), true, 205, 205 },
	{ S(ABORTED), C(SHUTDOWN), true, 205, 205 },
	{ S(ABORTED), C(SLEEP), true, 205, 205 },
	{ S(FAILED), C(REQUEST), false, 205, 205 },
	{ S(FAILED), C(DEADLINE), false, 205, 205 },
	{ S(FAILED), C(OWNER_DEATH), false, 205, 205 },
	{ S(FAILED), C(HOLD_FAILED), false, 205, 205 },
	{ S(FAILED), C(FOREIGN_THAW), false, 205, 205 },
	{ S(FAILED), C(SHUTDOWN), false, 205, 205 },
	{ S(FAILED), C(SLEEP), false, 205, 205 },
};

static void thaw_of_every_possible_lease(void **state)
{
	struct findings f = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(thaw_cells) / sizeof(thaw_cells[0]); i++) {
		struct freezeguard_lease lease = make(thaw_cells[i].state, thaw_cells[i].cause,
						      thaw_cells[i].was_frozen);

		thaw_codes(&lease, VERDICT_WON, &f);
		assert_int_equal(findings_exit_code(&f), thaw_cells[i].won);
		thaw_codes(&lease, VERDICT_LATE, &f);
		assert_int_equal(findings_exit_code(&f), thaw_cells[i].late);
		/* The first time it won: what is true of the lease is true again. */
		thaw_codes(&lease, VERDICT_AGAIN, &f);
		if (thaw_cells[i].state == S(THAWED)) {
			assert_string_equal(codes(&f), "0");
			assert_true(mentions(&f, "was already thawed in time"));
		}
	}
	findings_free(&f);
}

/*
 * Also combinations that the kernel does not make, and values from a newer one: success is only
 * ever what a request ended and was THAWED, and a live lease is never called thawed.
 */
static void thaw_of_every_combination(void **state)
{
	struct findings f = { 0 };
	uint32_t s, c;
	int frozen, asked, code;

	(void)state;
	for (s = 1; s <= S(FAILED) + 2; s++) {
		for (c = 0; c <= C(SLEEP) + 2; c++) {
			for (frozen = 0; frozen < 2; frozen++) {
				for (asked = 0; asked <= VERDICT_AGAIN; asked++) {
					struct freezeguard_lease lease = make(s, c, frozen);

					thaw_codes(&lease, (enum verdict_asked)asked, &f);
					code = findings_exit_code(&f);
					if (freezeguard_lease_is_live(&lease))
						assert_int_equal(code, 202);
					else if (code == 0)
						assert_true(c == C(REQUEST) && frozen &&
							    asked != VERDICT_LATE &&
							    s != S(BROKEN));
					else
						assert_true(code == 203 || code == 205);
				}
			}
		}
	}
	findings_free(&f);
}

static void freeze_of_every_combination(void **state)
{
	struct verdict_context gave_up = context;
	struct findings f = { 0 };
	uint32_t s, c;
	int frozen, code;

	(void)state;
	gave_up.gave_up = "within a second";
	for (s = 1; s <= S(FAILED) + 2; s++) {
		for (c = 0; c <= C(SLEEP) + 2; c++) {
			for (frozen = 0; frozen < 2; frozen++) {
				struct freezeguard_lease lease = make(s, c, frozen);

				freeze_codes(&lease, &context, &f);
				code = findings_exit_code(&f);
				assert_int_equal(code, s == S(FROZEN) ? 0 : 201);
				if (s == S(FROZEN))
					continue;
				freeze_codes(&lease, &gave_up, &f);
				assert_int_equal(findings_exit_code(&f), 201);
				assert_true(mentions(&f, "within a second"));
			}
		}
	}
	findings_free(&f);
}

static void every_cause_is_told(void **state)
{
	struct findings f = { 0 };
	uint32_t c;

	(void)state;
	for (c = C(REQUEST); c <= C(SLEEP) + 1; c++) {
		struct freezeguard_lease lease = make(S(FAILED), c, false);

		freeze_codes(&lease, &context, &f);
		assert_int_equal(mentions(&f, "does not know"), c > C(SLEEP));
		thaw_codes(&lease, VERDICT_LATE, &f);
		assert_int_equal(mentions(&f, "does not know"), c > C(SLEEP));
	}
	findings_free(&f);
}

static void a_foreign_freeze_is_204_and_named(void **state)
{
	struct freezeguard_lease lease = make(S(FAILED), C(HOLD_FAILED), false);
	struct findings f = { 0 };

	(void)state;
	lease.error = EBUSY;
	holds[0].frozen_ns = T(110);
	holds[1].error = EBUSY;
	assert_string_equal(freeze_codes(&lease, &context, &f), "204");
	assert_true(mentions(&f, "sdb"));
	assert_false(mentions(&f, "sda"));
	assert_true(mentions(&f, "something other than freezeguard"));

	/* The holds may not be known; the lease's own error is. */
	lease.n_holds = 0;
	assert_string_equal(freeze_codes(&lease, &context, &f), "204");
	lease.error = EIO;
	assert_string_equal(freeze_codes(&lease, &context, &f), "201");
	assert_true(mentions(&f, "(EIO)"));
	findings_free(&f);
}

static void each_filesystem_that_failed_is_named(void **state)
{
	struct freezeguard_lease lease = make(S(FAILED), C(HOLD_FAILED), false);
	struct findings f = { 0 };

	(void)state;
	holds[0].error = EIO;
	holds[1].error = EBUSY;
	assert_string_equal(freeze_codes(&lease, &context, &f), "201 204");
	assert_true(mentions(&f, "(EIO)"));

	/* An error of a thaw in the roll-back is not the freeze's. */
	lease = make(S(ROLLING_BACK), C(HOLD_FAILED), false);
	holds[0].frozen_ns = T(110);
	holds[0].error = EBUSY;
	holds[0].state = FREEZEGUARD_HOLD_STATE_THAWING;
	holds[0].thaw_failures = 2;
	holds[1].error = EIO;
	holds[1].state = FREEZEGUARD_HOLD_STATE_RELEASED;
	assert_string_equal(freeze_codes(&lease, &context, &f), "201 201");
	assert_true(mentions(&f, "2 thaws failed"));
	findings_free(&f);
}

static void a_stuck_freeze_is_named_the_others_are_not(void **state)
{
	struct freezeguard_lease lease = make(S(ROLLING_BACK), C(DEADLINE), false);
	struct findings f = { 0 };

	(void)state;
	lease.n_live = 1;
	holds[0].state = FREEZEGUARD_HOLD_STATE_RELEASED;
	holds[0].frozen_ns = T(110);
	assert_string_equal(freeze_codes(&lease, &context, &f), "201");
	assert_true(mentions(&f, "sdb"));
	assert_true(mentions(&f, "as soon as it returns"));
	assert_true(mentions(&f, "by the deadline"));

	/* Frozen, but only after the end had been decided. */
	holds[1].frozen_ns = T(155);
	holds[1].state = FREEZEGUARD_HOLD_STATE_RELEASED;
	lease.n_live = 0;
	lease.state = S(FAILED);
	assert_string_equal(freeze_codes(&lease, &context, &f), "201");
	assert_true(mentions(&f, "it is not frozen now"));
	findings_free(&f);
}

static void a_failed_thaw_gets_the_same_answer_again(void **state)
{
	struct freezeguard_lease lease = make(S(THAWING), C(REQUEST), true);
	struct findings f = { 0 };

	(void)state;
	lease.n_live = 1;
	holds[0].state = FREEZEGUARD_HOLD_STATE_RELEASED;
	holds[1].thaw_failures = 3;
	holds[1].error = EIO;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "202");
	assert_true(mentions(&f, "sdb"));
	assert_false(mentions(&f, "sda"));
	assert_true(mentions(&f, "3 thaws failed"));
	assert_true(mentions(&f, "the kernel keeps trying"));
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "202");

	lease = make(S(THAWED), C(REQUEST), true);
	holds[1].thaw_failures = 3;
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "202 205");
	assert_int_equal(findings_exit_code(&f), 202);
	assert_true(mentions(&f, "it is thawed now"));
	/* The request that ended it had its answer in time. */
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "");

	/* No attempt failed, it only took longer than anyone waited. */
	lease = make(S(THAWED), C(REQUEST), true);
	lease.released_ns = lease.ended_ns + 10001 * NS_PER_MS;
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "202 205");
	lease.released_ns = lease.ended_ns + 10000 * NS_PER_MS;
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	findings_free(&f);
}

static void an_expired_lease_says_why_every_time(void **state)
{
	struct freezeguard_lease lease = make(S(EXPIRED), C(DEADLINE), true);
	struct findings f = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "203");
		assert_true(mentions(&f, "its deadline thawed it at"));
		assert_true(mentions(&f, "20s ago"));
		assert_true(mentions(&f, "after 49s frozen"));
	}
	holds[0].thaw_failures = 1;
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "202 203");
	lease = make(S(THAWING), C(DEADLINE), true);
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "202 202 203");
	findings_free(&f);
}

static void a_late_request_is_told_when_and_by_whom(void **state)
{
	struct freezeguard_lease lease = make(S(THAWED), C(REQUEST), true);
	struct findings f = { 0 };

	(void)state;
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	assert_true(mentions(&f, "20s ago"));
	assert_true(mentions(&f, "process 12 (ender)"));
	assert_true(mentions(&f, "continuity guaranteed"));
	lease = make(S(ABORTED), C(OWNER_DEATH), true);
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	assert_true(mentions(&f, "process 11 (maker)"));
	findings_free(&f);
}

static void a_broken_continuity_is_never_success(void **state)
{
	struct freezeguard_lease lease = make(S(THAWED), C(REQUEST), true);
	struct verdict_context require = context;
	struct findings f = { 0 };

	(void)state;
	lease.continuity = FREEZEGUARD_CONTINUITY_BROKEN;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "205");
	holds[1].continuity = FREEZEGUARD_CONTINUITY_BROKEN;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "205");
	assert_true(mentions(&f, "sdb"));
	assert_false(mentions(&f, "sda"));
	lease = make(S(BROKEN), C(DEADLINE), true);
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "203 205");
	lease = make(S(THAWED), C(REQUEST), true);
	lease.continuity = FREEZEGUARD_CONTINUITY_UNKNOWN;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "0");
	assert_true(mentions(&f, "its continuity is unknown"));
	findings_free(&f);
	require.require_continuity = true;
	assert_false(verdict_thaw(&lease, VERDICT_WON, &require, &f));
	assert_string_equal(codes(&f), "205");
	findings_free(&f);
	lease.continuity = FREEZEGUARD_CONTINUITY_OBSERVED;
	assert_true(verdict_thaw(&lease, VERDICT_WON, &require, &f));
	assert_string_equal(codes(&f), "");
	findings_free(&f);
}

static void whoever_thawed_it_is_named(void **state)
{
	struct freezeguard_lease lease = make(S(BROKEN), C(FOREIGN_THAW), true);
	struct findings f = { 0 };

	(void)state;
	lease.continuity = FREEZEGUARD_CONTINUITY_BROKEN;
	holds[1].continuity = FREEZEGUARD_CONTINUITY_BROKEN;
	lease.ender_pid = 4712;
	strcpy(lease.ender_comm, "fsfreeze");
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	assert_true(mentions(&f, "sdb"));
	assert_true(mentions(&f, "process 4712 (fsfreeze)"));
	assert_false(mentions(&f, "SysRq"));
	strcpy(lease.ender_comm, "kworker/0:1");
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	assert_true(mentions(&f, "SysRq-j"));
	/* found at the end of a lease that something else ended: whoever ended it is not the culprit */
	lease.cause = C(REQUEST);
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205 205");
	assert_true(mentions(&f, "something other than freezeguard"));
	findings_free(&f);
}

static void frozen_by_others_is_a_warning(void **state)
{
	struct freezeguard_lease lease = make(S(THAWED), C(REQUEST), true);
	struct findings f = { 0 };

	(void)state;
	holds[1].still_frozen = true;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "0");
	assert_true(mentions(&f, "sdb"));
	assert_true(mentions(&f, "but still by"));
	findings_free(&f);
}

static void read_only_since_is_a_warning(void **state)
{
	struct freezeguard_lease lease = make(S(THAWED), C(REQUEST), true);
	struct findings f = { 0 };

	(void)state;
	holds[1].turned_read_only = true;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "0");
	assert_true(mentions(&f, "sdb"));
	assert_true(mentions(&f, "read-only"));
	findings_free(&f);
}

static void cancelling_is_not_a_thaw(void **state)
{
	struct freezeguard_lease lease = make(S(FAILED), C(REQUEST), false);
	struct findings f = { 0 };

	(void)state;
	assert_string_equal(thaw_codes(&lease, VERDICT_WON, &f), "205");
	assert_true(mentions(&f, "cancelled"));
	/* A stuck freeze that was released late had no thaw that failed. */
	lease.released_ns = lease.ended_ns + T(30);
	assert_string_equal(thaw_codes(&lease, VERDICT_LATE, &f), "205");
	findings_free(&f);
}

static void the_paths_of_the_plan_are_used(void **state)
{
	struct freezeguard_lease lease = make(S(FAILED), C(HOLD_FAILED), false);
	struct plan_target target = { .major = 8, .minor = 1, .path = "/my data" };
	const struct plan plan = { .v = &target, .n = 1 };
	struct verdict_context c = context;
	struct findings f = { 0 };

	(void)state;
	c.paths.plan = &plan;
	holds[1].error = EIO;
	assert_string_equal(freeze_codes(&lease, &c, &f), "201");
	assert_string_equal(f.v[0].target, "/my data");
	findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thaw_of_every_possible_lease),
		cmocka_unit_test(thaw_of_every_combination),
		cmocka_unit_test(freeze_of_every_combination),
		cmocka_unit_test(every_cause_is_told),
		cmocka_unit_test(a_foreign_freeze_is_204_and_named),
		cmocka_unit_test(each_filesystem_that_failed_is_named),
		cmocka_unit_test(a_stuck_freeze_is_named_the_others_are_not),
		cmocka_unit_test(a_failed_thaw_gets_the_same_answer_again),
		cmocka_unit_test(an_expired_lease_says_why_every_time),
		cmocka_unit_test(a_late_request_is_told_when_and_by_whom),
		cmocka_unit_test(a_broken_continuity_is_never_success),
		cmocka_unit_test(whoever_thawed_it_is_named),
		cmocka_unit_test(frozen_by_others_is_a_warning),
		cmocka_unit_test(read_only_since_is_a_warning),
		cmocka_unit_test(cancelling_is_not_a_thaw),
		cmocka_unit_test(the_paths_of_the_plan_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
