// SPDX-License-Identifier: GPL-2.0-only
/* duration: what systemd.time(7) allows, what it doesn't, and that it can be read back */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/duration.h"

static void reads_spans(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "30", 30000 }, { "30s", 30000 }, { "30 s", 30000 }, { "1min 30s", 90000 },
		{ "1min30s", 90000 }, { "500ms", 500 }, { "2h", 7200000 }, { " 5 ", 5000 },
		{ "1m", 60000 }, { "1h 1min 1s 1ms", 3661001 }, { "1d", 86400000 },
		{ "1w", 604800000 }, { "1M", 2629800000 }, { "1month", 2629800000 },
		{ "1.5s", 1500 }, { ".5", 500 }, { "0.5h", 1800000 }, { "1us", 1 },
		{ "1\xc2\xb5s", 1 }, { "1\xce\xbcs", 1 },
		{ "1001us", 2 }, { "0.0001ms", 1 }, { "0.0000000000001s", 1 }, { "1.0000s", 1000 },
		{ "2seconds", 2000 }, { "2 sec", 2000 }, { "1second", 1000 },
		{ "3minutes", 180000 },
		{ "1minute", 60000 }, { "1hr", 3600000 }, { "2hours", 7200000 },
		{ "1hour", 3600000 }, { "2days", 172800000 }, { "1day", 86400000 },
		{ "2weeks", 1209600000 }, { "1week", 604800000 }, { "1months", 2629800000 },
		{ "0.1y", 3155760000 }, { "0.1year", 3155760000 }, { "0.1years", 3155760000 },
		{ "7usec", 1 }, { "7msec", 7 }, { "30s 30", 60000 }, { "0s 1ms", 1 },
		{ "4294967295ms", 4294967295 }, { "4294967.295", 4294967295 },
		{ "00000000000000000000000000030s", 30000 }, { "\t1\ns", 1000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms = 0;
		int ret = duration_parse(cases[i].text, &ms);

		if (ret || ms != cases[i].ms)
			fail_msg("\"%s\": %d, %llu ms", cases[i].text, ret,
				 (unsigned long long)ms);
	}
}

static void refuses(const char *const *texts, int error)
{
	for (; *texts; texts++) {
		uint64_t ms = 4711;
		int ret = duration_parse(*texts, &ms);

		if (ret != error || ms != 4711)
			fail_msg("\"%s\": %d, %llu ms", *texts, ret, (unsigned long long)ms);
	}
}

static void refuses_what_is_no_span(void **state)
{
	static const char *const texts[] = {
		"", " ", "s", "abc", "-1", "-1s", "+1", "0", "0s", "0.0", "0min 0s", "1x", "1S",
		"1 30", "1..5", "1.", "1. s", ".", ".s", "1.2.3", "1e3", "0x10", "1s,", "1s;2s",
		"1,5s", "1min -30s", "one", "1 s s", "30secs", "1 fortnight", "infinityx",
		"\xc2s", "1\xff", "999999999999999999999999 x", NULL,
	};

	(void)state;
	refuses(texts, -EINVAL);
}

static void refuses_what_is_too_long(void **state)
{
	static const char *const texts[] = {
		"4294967296ms", "4294967.2951", "50d", "1y", "1months 20d", "infinity",
		" infinity ",
		"18446744073709551616", "18446744073709551617ms", "99999999999999999999999999999",
		"4294967295ms 1us", "18446744073709551615us", NULL,
	};

	(void)state;
	refuses(texts, -ERANGE);
}

static void writes_spans(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" }, { 1, "1ms" }, { 999, "999ms" }, { 1000, "1s" }, { 60000, "1min" },
		{ 90000, "1min 30s" }, { 3600000, "1h" }, { 90061001, "25h 1min 1s 1ms" },
		{ UINT64_MAX, "5124095576030h 25min 51s 615ms" },
	};
	char buf[DURATION_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(duration_format(cases[i].ms, buf, sizeof(buf)), cases[i].text);
}

static void cuts_off_in_a_small_buffer(void **state)
{
	char buf[8];

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_string_equal(duration_format(90000, buf, 5), "1min");
	assert_int_equal(buf[5], 'x');
}

static void reads_back_what_it_writes(void **state)
{
	uint64_t ms, got;
	char buf[DURATION_TEXT_MAX];

	(void)state;
	for (ms = 1; ms <= UINT32_MAX; ms += 1 + ms / 7) {
		duration_format(ms, buf, sizeof(buf));
		assert_int_equal(duration_parse(buf, &got), 0);
		assert_true(got == ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_spans),
		cmocka_unit_test(refuses_what_is_no_span),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(writes_spans),
		cmocka_unit_test(cuts_off_in_a_small_buffer),
		cmocka_unit_test(reads_back_what_it_writes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
