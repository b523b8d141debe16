// SPDX-License-Identifier: GPL-2.0-only
/* stream: the observer's events, while observers come, go and are replaced */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake_observer.h"
#include "observer/stream.h"
#include "base/timefmt.h"

#define GONE_NS (STREAM_GONE_MS * NS_PER_MS)

static struct stream stream;
static int error;

/* Observer number 1 is there, with 100 events of which 7 were lost. */
static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&stream, 0, sizeof(stream));
	fake.instance = 1;
	fake.totals.next_event = 100;
	fake.totals.lost_events = 7;
	return 0;
}

/* Every one that was opened is closed again. */
static int close_all(void **state)
{
	(void)state;
	stream_close(&stream);
	assert_int_equal(fake.opened, fake.closed);
	return 0;
}

/* How many events there are, and the number of the first. */
static size_t read_all(uint64_t *first)
{
	struct fw_event event;
	size_t n;

	for (n = 0; stream_next(&stream, &event); n++)
		if (!n)
			*first = event.time_ns;
	return n;
}

static void it_begins_now(void **state)
{
	uint64_t first = 0;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	assert_int_equal(read_all(&first), 0);
	/* what was lost before is nobody's business */
	assert_int_equal(stream_lost(&stream), 0);
	fake.totals.next_event = 103;
	assert_int_equal(read_all(&first), 3);
	assert_int_equal(first, 100);
	assert_int_equal(stream_watch(&stream, 1, &error), STREAM_AS_BEFORE);
}

static void what_is_lost_is_told_once(void **state)
{
	uint64_t first = 0;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	fake.totals.lost_events = 9;
	assert_int_equal(read_all(&first), 0);
	assert_int_equal(stream_lost(&stream), 2);
	assert_int_equal(stream_lost(&stream), 0);
	stream.cursor.lost += 5;
	assert_int_equal(stream_lost(&stream), 5);
}

static void without_one(void **state)
{
	uint64_t first = 0;

	(void)state;
	fake.instance = 0;
	fake.error = -ENOENT;
	assert_int_equal(stream_open(&stream), -ENOENT);
	assert_int_equal(read_all(&first), 0);
	assert_int_equal(stream_lost(&stream), 0);
	assert_int_equal(stream_watch(&stream, 1, &error), STREAM_AS_BEFORE);
	/* it comes, at first not whole */
	fake.instance = 2;
	assert_int_equal(stream_watch(&stream, 2, &error), STREAM_AS_BEFORE);
	fake.error = 0;
	assert_int_equal(stream_watch(&stream, 3, &error), STREAM_LOADED);
	assert_int_equal(stream_watch(&stream, 4, &error), STREAM_AS_BEFORE);
	fake.totals.next_event++;
	assert_int_equal(read_all(&first), 1);
}

static void it_goes(void **state)
{
	uint64_t now = 1000;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	fake.instance = 0;
	assert_int_equal(stream_watch(&stream, now, &error), STREAM_AS_BEFORE);
	assert_int_equal(stream_watch(&stream, now + GONE_NS - 1, &error), STREAM_AS_BEFORE);
	assert_non_null(stream.observer);
	assert_int_equal(stream_watch(&stream, now + GONE_NS, &error), STREAM_GONE);
	assert_null(stream.observer);
	assert_int_equal(stream_watch(&stream, now + GONE_NS + 1, &error), STREAM_AS_BEFORE);
}

/* Away for a moment, several times, but never long. */
static void it_comes_back(void **state)
{
	uint64_t now;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	for (now = 1; now < 10 * GONE_NS; now += GONE_NS / 2) {
		fake.instance = !fake.instance;
		assert_int_equal(stream_watch(&stream, now, &error), STREAM_AS_BEFORE);
	}
	assert_int_equal(fake.opened, 1);
}

static void another_goes_on_with_its_events(void **state)
{
	uint64_t first = 0;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	fake.totals.next_event = 102;
	fake.instance = 2;
	assert_int_equal(stream_watch(&stream, 1, &error), STREAM_REPLACED);
	assert_int_equal(stream_watch(&stream, 2, &error), STREAM_AS_BEFORE);
	assert_int_equal(read_all(&first), 2);
	assert_int_equal(first, 100);
	assert_int_equal(stream_lost(&stream), 0);
}

static void another_begins_anew(void **state)
{
	uint64_t first = 99;

	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	fake.totals.lost_events = 8;
	assert_int_equal(read_all(&first), 0);
	assert_int_equal(stream_lost(&stream), 1);
	fake.totals.next_event = 3;
	fake.totals.lost_events = 2;
	fake.instance = 2;
	assert_int_equal(stream_watch(&stream, 1, &error), STREAM_REPLACED);
	assert_int_equal(read_all(&first), 3);
	assert_int_equal(first, 0);
	assert_int_equal(stream_lost(&stream), 2);
}

static void another_that_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(stream_open(&stream), 0);
	fake.instance = 2;
	fake.error = -EPROTO;
	assert_int_equal(stream_watch(&stream, 1000, &error), STREAM_AS_BEFORE);
	assert_int_equal(stream_watch(&stream, 1000 + GONE_NS, &error), STREAM_UNREADABLE);
	assert_int_equal(error, -EPROTO);
	/* said once */
	assert_int_equal(stream_watch(&stream, 1001 + GONE_NS, &error), STREAM_AS_BEFORE);
	/* until it is replaced, too */
	fake.instance = 3;
	fake.error = 0;
	assert_int_equal(stream_watch(&stream, 1002 + GONE_NS, &error), STREAM_LOADED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_begins_now, reset, close_all),
		cmocka_unit_test_setup_teardown(what_is_lost_is_told_once, reset, close_all),
		cmocka_unit_test_setup_teardown(without_one, reset, close_all),
		cmocka_unit_test_setup_teardown(it_goes, reset, close_all),
		cmocka_unit_test_setup_teardown(it_comes_back, reset, close_all),
		cmocka_unit_test_setup_teardown(another_goes_on_with_its_events, reset, close_all),
		cmocka_unit_test_setup_teardown(another_begins_anew, reset, close_all),
		cmocka_unit_test_setup_teardown(another_that_cannot_be_read, reset, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
