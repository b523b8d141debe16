// SPDX-License-Identifier: GPL-2.0-only
/* timefmt: the kernel's times as people read them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/timefmt.h"

/* 2023-11-14 22:13:20 UTC, 1000 seconds after booting. */
static const struct clocks now = { .now_ns = 1000 * NS_PER_S, .wall_ns = 1700000000 * NS_PER_S };

static void times_with_their_distance(void **state)
{
	char buf[TIMEFMT_TEXT_MAX];

	(void)state;
	assert_string_equal(timefmt_text(&now, 1060 * NS_PER_S, buf), "22:14:20, in 1min");
	assert_string_equal(timefmt_text(&now, 997 * NS_PER_S, buf), "22:13:17, 3s ago");
	assert_string_equal(timefmt_clock(&now, 1000 * NS_PER_S, buf), "22:13:20");
	/* Past midnight it takes the date. */
	assert_string_equal(timefmt_clock(&now, (1000 + 7200) * NS_PER_S, buf),
			    "2023-11-15 00:13:20");
	assert_string_equal(timefmt_iso(&now, 1000 * NS_PER_S + 250 * NS_PER_MS, buf),
			    "2023-11-14T22:13:20.250+0000");
}

static void spans_are_rounded_when_long(void **state)
{
	char buf[TIMEFMT_TEXT_MAX];

	(void)state;
	assert_string_equal(timefmt_span(0, 52 * NS_PER_MS + 400000, buf), "52ms");
	assert_string_equal(timefmt_span(0, 59999 * NS_PER_MS, buf), "1min");
	assert_string_equal(timefmt_span(5, 4, buf), timefmt_span(4, 4, (char [TIMEFMT_TEXT_MAX]) { 0 }));
}

static uint64_t since(const char *text)
{
	uint64_t ms = 1;

	/* 2023-11-14 22:13:20 UTC */
	return timefmt_parse_since(text, 1700000000000, &ms) ? ms / 1000 : 1;
}

static void times_of_the_past(void **state)
{
	(void)state;
	assert_int_equal(since("2023-11-14"), 1699920000);
	assert_int_equal(since("2023-11-14 03:00"), 1699930800);
	assert_int_equal(since("2023-11-14T03:00:05"), 1699930805);
	assert_int_equal(since("03:00"), 1699930800);
	assert_int_equal(since("3:00:10"), 1699930810);
	assert_int_equal(since("2h"), 1700000000 - 7200);
	assert_int_equal(since("1d 30s"), 1700000000 - 86430);
	assert_int_equal(since("90"), 1700000000 - 90);
	/* A duration has less than 50 days. */
	assert_int_equal(since("49d"), 1700000000 - 49 * 86400);
	assert_int_equal(since("100y"), 1);
	assert_int_equal(since("soon"), 1);
	assert_int_equal(since(""), 1);
	assert_int_equal(since("2023-11-14 25:00"), 1);
	assert_int_equal(since("2023-11-14 03:00x"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_with_their_distance),
		cmocka_unit_test(spans_are_rounded_when_long),
		cmocka_unit_test(times_of_the_past),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
