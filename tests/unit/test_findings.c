// SPDX-License-Identifier: GPL-2.0-only
/* findings: every pair of exit codes, in both orders, and what is kept of a finding */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/findings.h"

/* what matters most first; the table in DESIGN.md, 1 before and 2 after it */
static const int order[] = { 1, 206, 204, 201, 202, 203, 205, 77, 2, 0 };

#define N_ORDER (sizeof(order) / sizeof(order[0]))

static void nothing_found_is_done(void **state)
{
	struct findings f = {};

	(void)state;
	assert_int_equal(findings_exit_code(&f), 0);
	findings_free(&f);
}

static void every_pair_in_both_orders(void **state)
{
	size_t a, b;

	(void)state;
	for (a = 0; a < N_ORDER; a++) {
		for (b = 0; b < N_ORDER; b++) {
			struct findings f = {};

			findings_add(&f, order[a], NULL, "one");
			findings_add(&f, order[b], NULL, "two");
			assert_int_equal(findings_exit_code(&f), order[a < b ? a : b]);
			findings_free(&f);
		}
	}
}

static void warnings_do_not_count(void **state)
{
	struct findings f = {};

	(void)state;
	findings_add(&f, 0, "/data", "a warning");
	assert_int_equal(findings_exit_code(&f), 0);
	findings_add(&f, 2, "/data", "an error");
	findings_add(&f, 0, "/data", "a warning");
	assert_int_equal(findings_exit_code(&f), 2);
	findings_free(&f);
}

static void keeps_texts_and_order(void **state)
{
	struct findings f = {};
	char target[] = "/da ta";
	int i;

	(void)state;
	findings_add(&f, 204, target, "frozen by %s since %d s", "fsfreeze", 12);
	target[0] = 'X';
	findings_add(&f, 1, NULL, "%s", "100%s");
	for (i = 0; i < 100; i++)
		findings_add(&f, 2, "", "more %d", i);
	assert_int_equal(f.n, 102);
	assert_string_equal(f.v[0].target, "/da ta");
	assert_string_equal(f.v[0].message, "frozen by fsfreeze since 12 s");
	assert_int_equal(f.v[0].code, 204);
	assert_null(f.v[1].target);
	assert_string_equal(f.v[1].message, "100%s");
	assert_string_equal(f.v[101].message, "more 99");
	assert_string_equal(f.v[101].target, "");
	findings_free(&f);
}

static void a_lost_finding_still_counts(void **state)
{
	struct findings f = { .lost_code = 204 };

	(void)state;
	findings_add(&f, 201, NULL, "kept");
	assert_int_equal(findings_exit_code(&f), 204);
	findings_add(&f, 206, NULL, "kept");
	assert_int_equal(findings_exit_code(&f), 206);
	findings_free(&f);
}

static void free_leaves_it_empty_and_usable(void **state)
{
	struct findings f = { .lost_code = 202 };

	(void)state;
	findings_add(&f, 1, "x", "y");
	findings_free(&f);
	assert_int_equal(f.n, 0);
	assert_int_equal(findings_exit_code(&f), 0);
	findings_add(&f, 205, "x", "y");
	assert_int_equal(findings_exit_code(&f), 205);
	findings_free(&f);
	findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_found_is_done),
		cmocka_unit_test(every_pair_in_both_orders),
		cmocka_unit_test(warnings_do_not_count),
		cmocka_unit_test(keeps_texts_and_order),
		cmocka_unit_test(a_lost_finding_still_counts),
		cmocka_unit_test(free_leaves_it_empty_and_usable),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
