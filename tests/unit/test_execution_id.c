// SPDX-License-Identifier: GPL-2.0-only
/* dlm: which execution ids there are */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "commands/execution_id.h"

static void execution_ids(void **state)
{
	static const char *const good[] = { "None", "11111111-1111-4111-8111-111111111111",
					    "ABCDEFab-cdef-0123-4567-89abcdefABCD" };
	static const char *const bad[] = {
		"", "none", "None ", "11111111-1111-4111-8111-11111111111",
		"11111111-1111-4111-8111-1111111111111", "11111111-1111-4111-8111-11111111111g",
		"111111111111-4111-8111-1111-11111111", "11111111_1111_4111_8111_111111111111",
		"11111111-1111-4111-8111-11111111111\n",
	};
	char id[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(dlm_execution_id_valid(good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dlm_execution_id_valid(bad[i]));
	assert_string_equal(dlm_lease_id("None", id, sizeof(id)), "dlm-None");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(execution_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
