// SPDX-License-Identifier: GPL-2.0-only
/* observed: who froze, who thawed, who waited, as the observer says it, and where it doesn't know */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake_observer.h"
#include "observer/observed.h"
#include "lease/thaw.h"
#include "lease/verdict.h"

#define T(seconds) ((seconds) * NS_PER_S)

static const struct clocks now = { .now_ns = T(170), .wall_ns = T(1000000) };

static struct freezeguard_hold holds[2];

static struct fw_process process(uint32_t pid, const char *comm, uint32_t uid)
{
	struct fw_process by = { .pid = pid, .thread = pid + 1, .uid = uid };

	snprintf(by.comm, sizeof(by.comm), "%s", comm);
	return by;
}

/* A lease that held two filesystems from 101 s to 150 s. */
static struct freezeguard_lease make(uint32_t state, uint32_t cause)
{
	struct freezeguard_lease lease = {
		.number = 7, .id = "backup", .state = state, .cause = cause,
		.begin_ns = T(100), .frozen_ns = T(101), .deadline_ns = T(160), .ended_ns = T(150),
		.released_ns = T(150) + NS_PER_MS, .continuity = FREEZEGUARD_CONTINUITY_BROKEN,
		.n_superblocks = 2, .holds = holds, .n_holds = 2,
	};
	int i;

	memset(holds, 0, sizeof(holds));
	for (i = 0; i < 2; i++) {
		holds[i].major = 8;
		holds[i].minor = (uint32_t)i;
		strcpy(holds[i].fstype, "ext4");
		holds[i].state = FREEZEGUARD_HOLD_STATE_RELEASED;
		holds[i].freeze_begin_ns = lease.begin_ns;
		holds[i].frozen_ns = lease.frozen_ns;
		holds[i].released_ns = lease.released_ns;
	}
	return lease;
}

static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static bool mentions(const struct findings *f, const char *text)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strstr(f->v[i].message, text))
			return true;
	return false;
}

static void a_foreign_freeze_has_process_origin_and_time(void **state)
{
	char text[OBSERVED_TEXT_MAX];
	struct fw_frozen *frozen = fake_frozen(8, 1);

	(void)state;
	*frozen = (struct fw_frozen) { .origin = FW_ORIGIN_USER, .by = process(4711, "fsfreeze", 1000),
				       .since_ns = T(160) };
	observed_others(FAKE, 8, 1, &now, text);
	assert_non_null(strstr(text, "something other than freezeguard"));
	assert_non_null(strstr(text, "process 4711 (fsfreeze) of user 1000"));
	assert_non_null(strstr(text, "ioctl"));
	assert_non_null(strstr(text, "10s ago"));
	frozen->origin = FW_ORIGIN_DEVICE;
	assert_non_null(strstr(observed_others(FAKE, 8, 1, &now, text), "device-mapper"));
	assert_string_equal(observed_hint(FAKE), "");
}

static void a_freeze_before_the_observer_is_called_that(void **state)
{
	char text[OBSERVED_TEXT_MAX];
	struct fw_frozen *frozen = fake_frozen(8, 1);

	(void)state;
	*frozen = (struct fw_frozen) { .origin = FW_ORIGIN_UNKNOWN };
	assert_non_null(strstr(observed_others(FAKE, 8, 1, &now, text),
			       "before the observer was loaded"));
}

/* The first freeze was a lease's, which is over: it is not the one that is asked for. */
static void on_top_of_a_lease_the_other_one_is_named(void **state)
{
	char text[OBSERVED_TEXT_MAX];
	struct fw_frozen *frozen = fake_frozen(8, 1);

	(void)state;
	*frozen = (struct fw_frozen) {
		.origin = FW_ORIGIN_LEASE, .by = process(99, "fguard/8:1", 0), .since_ns = T(160),
		.nested = 1, .nested_origin = FW_ORIGIN_DEVICE, .nested_by = process(12, "dmsetup", 0),
		.nested_since_ns = T(165),
	};
	observed_others(FAKE, 8, 1, &now, text);
	assert_non_null(strstr(text, "process 12 (dmsetup) of user 0, device-mapper"));
	assert_null(strstr(text, "fguard"));
	assert_int_equal(observed_freezer(frozen)->pid, 12);
	assert_true(observed_freeze_since(frozen) == T(165));
	assert_non_null(strstr(text, "5s ago"));
	/* also while the lease lives */
	frozen->lease.number = 7;
	assert_true(observed_is_foreign(frozen));
	frozen->nested = 0;
	assert_false(observed_is_foreign(frozen));
	frozen->lease.number = 0;
	assert_true(observed_is_foreign(frozen));
}

static void without_an_observer_it_says_how_to_know(void **state)
{
	char text[OBSERVED_TEXT_MAX];

	(void)state;
	fake_frozen(8, 1)->by = process(4711, "fsfreeze", 1000);
	assert_null(strstr(observed_others(NULL, 8, 1, &now, text), "4711"));
	assert_non_null(strstr(observed_hint(NULL), "freezectl observer load"));
	assert_string_equal(observed_unseen(NULL), observed_hint(NULL));
	/* One that is loaded and saw nothing */
	assert_non_null(strstr(observed_others(FAKE, 8, 2, &now, text), "did not see"));
	assert_null(strstr(text, "4711"));
}

static void texts_have_room_for_the_longest(void **state)
{
	char text[OBSERVED_TEXT_MAX], name[FW_COMM_LEN];
	struct fw_frozen *frozen = fake_frozen(8, 1);

	(void)state;
	memset(name, 'x', sizeof(name));
	*frozen = (struct fw_frozen) { .origin = FW_ORIGIN_SUSPEND, .since_ns = T(1) };
	frozen->by = (struct fw_process) { .pid = UINT32_MAX, .uid = UINT32_MAX };
	/* no NUL at the end: only its own length bounds it */
	memcpy(frozen->by.comm, name, sizeof(name));
	observed_others(FAKE, 8, 1, &now, text);
	assert_non_null(strstr(text, "(xxxxxxxxxxxxxxxx) of user 4294967295, system suspend"));
	assert_non_null(strstr(text, "ago"));
}

static void who_thawed_is_the_modules_word_or_the_observers(void **state)
{
	struct freezeguard_lease lease = make(FREEZEGUARD_LEASE_STATE_BROKEN,
					      FREEZEGUARD_CAUSE_REQUEST);
	struct verdict_context context = { .clocks = now, .observer = FAKE };
	struct fw_filesystem *fs = fake_filesystem(8, 1);
	struct findings f = { 0 };

	(void)state;
	holds[1].continuity = FREEZEGUARD_CONTINUITY_BROKEN;
	fs->last = (struct fw_last) { .lease = 7, .thaw_origin = FW_ORIGIN_USER, .thawed_ns = T(120),
				      .thawed_by = process(4711, "fsfreeze", 1000) };
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	assert_true(mentions(&f, "process 4711 (fsfreeze) of user 1000 thawed it (ioctl)"));
	assert_true(mentions(&f, "50s ago"));
	findings_free(&f);

	/* the module knows better */
	lease.cause = FREEZEGUARD_CAUSE_FOREIGN_THAW;
	lease.ender_pid = 12;
	strcpy(lease.ender_comm, "ender");
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	assert_true(mentions(&f, "process 12 (ender)"));
	assert_false(mentions(&f, "4711"));
	findings_free(&f);
	lease.ender_pid = 0;

	/* another lease's thaw, one after this lease, one before it, its own, nobody's */
	fs->last.lease = 8;
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	fs->last.lease = 7;
	fs->last.thawed_ns = T(151);
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	fs->last.thawed_ns = T(99);
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	fs->last.thawed_ns = T(120);
	fs->last.thaw_origin = FW_ORIGIN_LEASE;
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	fs->last.thaw_origin = FW_ORIGIN_USER;
	fs->last.thawed_by.pid = 0;
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	assert_true(f.n >= 5);
	assert_false(mentions(&f, "4711"));
	assert_true(mentions(&f, "something other than freezeguard thawed it"));
	assert_true(mentions(&f, "the observer did not see which process"));
	assert_false(mentions(&f, "observer load"));
	findings_free(&f);

	context.observer = NULL;
	verdict_thaw(&lease, VERDICT_LATE, &context, &f);
	assert_true(mentions(&f, "freezectl observer load"));
	findings_free(&f);
}

static void a_refused_freeze_names_whose_it_is(void **state)
{
	struct freezeguard_lease lease = make(FREEZEGUARD_LEASE_STATE_FAILED,
					      FREEZEGUARD_CAUSE_HOLD_FAILED);
	struct verdict_context context = { .clocks = now, .observer = FAKE };
	struct findings f = { 0 };

	(void)state;
	lease.frozen_ns = holds[0].frozen_ns = holds[1].frozen_ns = 0;
	holds[1].error = EBUSY;
	*fake_frozen(8, 1) = (struct fw_frozen) { .by = process(5, "xfs_freeze", 3),
						  .since_ns = T(160), .origin = FW_ORIGIN_USER };
	assert_false(verdict_freeze(&lease, &context, &f));
	assert_int_equal(findings_exit_code(&f), 204);
	assert_true(mentions(&f, "process 5 (xfs_freeze) of user 3"));
	findings_free(&f);
}

static void writers_are_added_up_over_the_filesystems(void **state)
{
	struct freezeguard_lease lease = make(FREEZEGUARD_LEASE_STATE_THAWED,
					      FREEZEGUARD_CAUSE_REQUEST);
	struct fw_filesystem *a = fake_filesystem(8, 0), *b = fake_filesystem(8, 1);
	struct observed_stalls stalls;
	char text[OBSERVED_TEXT_MAX];

	(void)state;
	assert_false(observed_stalls(NULL, &lease, 0, &stalls));
	a->last = (struct fw_last) { .lease = 7, .since_ns = T(100), .waits = 3, .ended = 3,
				     .longest_ns = T(2) };
	b->last = (struct fw_last) { .lease = 7, .since_ns = T(100), .waits = 2, .ended = 2,
				     .longest_ns = T(5) };
	assert_true(observed_stalls(FAKE, &lease, 0, &stalls));
	assert_true(stalls.known);
	assert_int_equal(stalls.waited, 5);
	assert_int_equal(stalls.waiting, 0);
	assert_int_equal(stalls.longest_ns, T(5));
	assert_string_equal(observed_stalls_text(&stalls, text), "5 writers waited, the longest for 5s");

	/* a newer freeze than the lease's, and one that began before the observer came */
	b->last.lease = 8;
	assert_true(observed_stalls(FAKE, &lease, 0, &stalls));
	assert_false(stalls.known);
	assert_string_equal(observed_stalls_text(&stalls, text),
			    "at least 3 writers waited, the longest for at least 2s");
	b->last.lease = 7;
	b->last.since_ns = 0;
	assert_true(observed_stalls(FAKE, &lease, 0, &stalls));
	assert_false(stalls.known);
	a->last.lease = b->last.lease = 8;
	assert_true(observed_stalls(FAKE, &lease, 0, &stalls));
	assert_non_null(strstr(observed_stalls_text(&stalls, text), "is unknown"));

	/* a superblock that was never begun to be frozen stopped nobody */
	a->last = (struct fw_last) { .lease = 7, .since_ns = T(100) };
	holds[1].freeze_begin_ns = 0;
	assert_true(observed_stalls(FAKE, &lease, 0, &stalls));
	assert_true(stalls.known);
	assert_string_equal(observed_stalls_text(&stalls, text), "no writer waited");
}

static void the_last_writer_is_waited_for_within_a_bound(void **state)
{
	struct freezeguard_lease lease = make(FREEZEGUARD_LEASE_STATE_THAWED,
					      FREEZEGUARD_CAUSE_REQUEST);
	struct fw_filesystem *a = fake_filesystem(8, 0);
	uint64_t begin = freezeguard_now_ns();
	struct observed_stalls stalls;
	char text[OBSERVED_TEXT_MAX];

	(void)state;
	lease.n_holds = 1;
	a->last = (struct fw_last) { .lease = 7, .since_ns = T(100), .waits = 2, .ended = 1,
				     .longest_ns = T(5) };
	fake.filesystems[0].ends_after = 3;
	assert_true(observed_stalls(FAKE, &lease, begin + T(20), &stalls));
	assert_int_equal(stalls.waiting, 0);
	assert_in_range(fake.filesystems[0].asked, 4, 5);
	assert_true(freezeguard_now_ns() - begin < T(10));

	fake.filesystems[0].ends_after = UINT32_MAX;
	begin = freezeguard_now_ns();
	assert_true(observed_stalls(FAKE, &lease, begin + 50 * NS_PER_MS, &stalls));
	assert_true(freezeguard_now_ns() - begin >= 50 * NS_PER_MS);
	assert_int_equal(stalls.waiting, 1);
	assert_string_equal(observed_stalls_text(&stalls, text),
			    "2 writers waited, the longest for 5s, 1 still waits");
}

static void what_is_not_known_is_null(void **state)
{
	struct thaw thaw = { .lease = make(FREEZEGUARD_LEASE_STATE_THAWED,
					   FREEZEGUARD_CAUSE_REQUEST) };
	const struct paths paths = { 0 };
	struct json_object *object, *value;

	(void)state;
	object = thaw_json(&thaw, &paths);
	assert_true(json_object_object_get_ex(object, "writers_waited", &value));
	assert_null(value);
	assert_string_equal(json_object_get_string(json_object_object_get(object, "stalls")),
			    "unknown");
	json_object_put(object);

	thaw.stalls_known = true;
	thaw.stalls = (struct observed_stalls) { .known = true, .waited = 5, .longest_ns = T(5) };
	object = thaw_json(&thaw, &paths);
	assert_int_equal(json_object_get_int(json_object_object_get(object, "writers_waited")), 5);
	assert_true(json_object_get_uint64(json_object_object_get(object, "longest_stall_ns")) ==
		    T(5));
	assert_string_equal(json_object_get_string(json_object_object_get(object, "stalls")),
			    "complete");
	json_object_put(object);
}

static void every_name_is_there(void **state)
{
	uint32_t i;

	(void)state;
	for (i = FW_ORIGIN_UNKNOWN; i <= FW_ORIGIN_SYSRQ; i++) {
		assert_string_not_equal(observed_origin_name(i), "unrecognised");
		assert_string_not_equal(observed_origin(i), "unrecognised");
	}
	for (i = FW_PHASE_NONE; i <= FW_PHASE_COMPLETE; i++)
		assert_string_not_equal(observed_phase_name(i), "unrecognised");
	for (i = FW_EVENT_FROZEN; i <= FW_EVENT_EMERGENCY_THAW; i++)
		assert_string_not_equal(observed_event_name(i), "unrecognised");
	assert_string_equal(observed_origin_name(1000), "unrecognised");
	assert_string_equal(observed_event_name(0), "unrecognised");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_foreign_freeze_has_process_origin_and_time, reset),
		cmocka_unit_test_setup(a_freeze_before_the_observer_is_called_that, reset),
		cmocka_unit_test_setup(on_top_of_a_lease_the_other_one_is_named, reset),
		cmocka_unit_test_setup(without_an_observer_it_says_how_to_know, reset),
		cmocka_unit_test_setup(texts_have_room_for_the_longest, reset),
		cmocka_unit_test_setup(who_thawed_is_the_modules_word_or_the_observers, reset),
		cmocka_unit_test_setup(a_refused_freeze_names_whose_it_is, reset),
		cmocka_unit_test_setup(writers_are_added_up_over_the_filesystems, reset),
		cmocka_unit_test_setup(the_last_writer_is_waited_for_within_a_bound, reset),
		cmocka_unit_test_setup(what_is_not_known_is_null, reset),
		cmocka_unit_test_setup(every_name_is_there, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
