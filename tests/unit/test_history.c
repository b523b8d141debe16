// SPDX-License-Identifier: GPL-2.0-only
/* history, log: the file of ended leases, the lines of the log, and freezectl history */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "capture.h"
#include "hookdir.h"
#include "apps/history.h"
#include "base/log.h"
#include "lease/history.h"
#include "show/history.h"

static char keep_dir[100], file[120];
static bool gap;

static int setup(void **state)
{
	if (hookdir_make(state))
		return -1;
	snprintf(keep_dir, sizeof(keep_dir), "%s/keep", hookdir);
	snprintf(file, sizeof(file), "%s/" HISTORY_FILE, keep_dir);
	setenv(CONFIG_ENV, hookdir_conf, 1);
	return 0;
}

static int teardown(void **state)
{
	unsetenv(CONFIG_ENV);
	return hookdir_remove(state);
}

/* An entry of a lease that ended so many seconds ago, with an application. */
static struct json_object *entry_of(uint64_t number, unsigned int seconds_ago)
{
	uint64_t ended = freezeguard_now_ns() - seconds_ago * NS_PER_S;
	struct freezeguard_hold hold = {
		.major = 8, .minor = 1, .fstype = "ext4", .name = "sda1",
		.state = FREEZEGUARD_HOLD_STATE_RELEASED,
	};
	struct freezeguard_lease lease = {
		.number = number, .state = FREEZEGUARD_LEASE_STATE_EXPIRED,
		.cause = FREEZEGUARD_CAUSE_DEADLINE, .begin_ns = number * 10,
		.frozen_ns = ended - 90 * NS_PER_S, .ended_ns = ended, .released_ns = ended,
		.continuity = FREEZEGUARD_CONTINUITY_OBSERVED, .holds = &hold, .n_holds = 1,
	};
	struct json_object *apps = json_object_new_array(), *app = json_object_new_object();
	const struct paths paths = { 0 };

	snprintf(lease.id, sizeof(lease.id), "nightly-%llu", (unsigned long long)number % 10);
	output_json_add(app, "name", output_json_string("mysql"));
	output_json_add(app, "state", output_json_string("lost"));
	json_object_array_add(apps, app);
	return show_history_json(&lease, apps, &paths);
}

static struct json_object *array_of(struct json_object *entry)
{
	struct json_object *array = json_object_new_array();

	json_object_array_add(array, entry);
	return array;
}

/* How many were added. */
static size_t add(uint64_t number)
{
	struct json_object *array = array_of(entry_of(number, 60));
	size_t n;

	assert_int_equal(history_add(keep_dir, array, false, &gap), 0);
	n = json_object_array_length(array);
	json_object_put(array);
	return n;
}

static size_t count(void)
{
	struct json_object *entries;
	size_t n;

	assert_int_equal(history_read(keep_dir, &entries), 0);
	n = json_object_array_length(entries);
	json_object_put(entries);
	return n;
}

static void append(const char *text, size_t n)
{
	int fd = open(file, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void each_lease_once(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(count(), 0);
	assert_int_equal(add(1), 1);
	assert_int_equal(add(1), 0);
	assert_int_equal(add(2), 1);
	assert_int_equal(add(12), 1);
	assert_int_equal(count(), 3);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(keep_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* Of one that has just ended, only the end of the file is read. */
static void a_fresh_lease_once(void **state)
{
	struct json_object *array;
	uint64_t number;

	(void)state;
	for (number = 1; number <= 60; number++) {
		array = array_of(entry_of(number, 0));
		assert_int_equal(history_add(keep_dir, array, true, &gap), 0);
		assert_int_equal(json_object_array_length(array), 1);
		assert_false(gap);
		json_object_put(array);
	}
	array = array_of(entry_of(56, 0));
	assert_int_equal(history_add(keep_dir, array, true, &gap), 0);
	assert_int_equal(json_object_array_length(array), 0);
	json_object_put(array);
	assert_int_equal(add(1), 0);
	assert_int_equal(count(), 60);
}

static void a_gap_is_seen(void **state)
{
	(void)state;
	add(1);
	assert_false(gap);
	add(2);
	assert_false(gap);
	add(5);
	assert_true(gap);
	/* It lived longer than the one before. */
	add(4);
	assert_false(gap);
	add(5);
	assert_false(gap);
}

static void what_a_crash_left(void **state)
{
	(void)state;
	add(1);
	append("{ \"key\":\"half", 13);
	assert_int_equal(count(), 1);
	assert_int_equal(add(2), 1);
	assert_int_equal(count(), 2);
	append("\0\0\0\0", 4);
	assert_int_equal(add(3), 1);
	assert_int_equal(add(1) + add(2) + add(3), 0);
	append("[1]\n{}\nnull\n\n", 13);
	assert_int_equal(count(), 3);
}

/* Each of them tries to add each lease. */
static void writers_at_once(void **state)
{
	enum { WRITERS = 6, LEASES = 30 };
	pid_t pids[WRITERS];
	uint64_t k;
	int status;
	size_t i;

	(void)state;
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		for (k = 1; k <= LEASES; k++) {
			struct json_object *array = array_of(entry_of(k, 60));

			if (history_add(keep_dir, array, false, &gap))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count(), LEASES);
}

static void it_stays_bounded(void **state)
{
	struct stat st = { 0 };
	uint64_t number = 0;
	struct json_object *entries, *last;
	off_t before = 0;
	int trims = 0, i;

	(void)state;
	while (trims < 2 && number < 100000) {
		struct json_object *array = json_object_new_array();

		for (i = 0; i < 100; i++)
			json_object_array_add(array, entry_of(++number, 60));
		assert_int_equal(history_add(keep_dir, array, false, &gap), 0);
		json_object_put(array);
		assert_int_equal(stat(file, &st), 0);
		assert_true(st.st_size <= HISTORY_BYTES_MAX);
		trims += st.st_size < before;
		before = st.st_size;
	}
	assert_int_equal(trims, 2);
	assert_true(st.st_size > HISTORY_BYTES_MAX / 4);
	assert_int_equal(add(number), 0);
	assert_int_equal(history_read(keep_dir, &entries), 0);
	last = json_object_array_get_idx(entries, json_object_array_length(entries) - 1);
	assert_int_equal(json_object_get_uint64(json_object_object_get(last, "number")), number);
	json_object_put(entries);
	assert_int_equal(access(strcat(strcpy((char[130]){ 0 }, file), ".new"), F_OK), -1);
}

/* As while the file's filesystem is frozen, another writer keeps the lock. */
static void nobody_waits_for_a_writer(void **state)
{
	struct freezectl ctl = { 0 };
	const struct freezeguard_lease lease = {
		.number = 3, .id = "x", .state = FREEZEGUARD_LEASE_STATE_THAWED,
	};
	uint64_t begin;
	int fd, i;

	(void)state;
	add(1);
	fd = open(file, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begin = freezeguard_now_ns();
	assert_int_equal(history_keep(&ctl, &lease), -ETIMEDOUT);
	assert_true(freezeguard_now_ns() - begin < 2 * NS_PER_S);
	close(fd);
	/* The one that was left behind has ended the wait for the lock, or gets it now. */
	history_keep(&ctl, &lease);
	for (i = 0; i < 400 && count() < 2; i++)
		usleep(50000);
	assert_int_equal(count(), 2);
}

static void what_is_no_file_is_not_written(void **state)
{
	struct json_object *array = array_of(entry_of(1, 60));

	(void)state;
	assert_int_equal(mkdir(keep_dir, 0700), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(history_add(keep_dir, array, false, &gap), -EINVAL);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(history_add(keep_dir, array, false, &gap), -ELOOP);
	json_object_put(array);
}

static int open_log(char path[110])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(path, 110, "%s/log", hookdir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void a_line_of_the_log(void **state)
{
	struct json_object *entry = entry_of(7, 60);
	char *line = show_history_line(entry), path[110], text[4096] = "", longer[5000];
	int fd = open_log(path), i, r = 0;
	uint64_t begin;

	(void)state;
	assert_int_equal(log_line(path, LOG_WARNING, line), 0);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strncmp(text, "<28>", 4), 0);
	assert_non_null(strstr(text, " freezectl["));
	assert_non_null(strstr(text, "]: lease nightly-7 (number 7) ended at 20"));
	assert_non_null(strstr(text, " by deadline; frozen for 1min 30s; continuity observed; "
			       "filesystems: sda1; applications: mysql lost"));
	assert_false(show_history_is_fine(entry));
	free(line);
	json_object_put(entry);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(log_line(path, LOG_NOTICE, longer), 0);
	assert_true(recv(fd, text, sizeof(text), 0) < 2100);
	/* A daemon that reads nothing holds up nobody. */
	begin = freezeguard_now_ns();
	for (i = 0; i < 100000 && !r; i++)
		r = log_line(path, LOG_NOTICE, "x");
	assert_int_equal(r, -EAGAIN);
	assert_true(freezeguard_now_ns() - begin < 30 * NS_PER_S);
	close(fd);
	assert_int_equal(log_line(path, LOG_NOTICE, "x"), -ECONNREFUSED);
	assert_int_equal(log_line("/nowhere/log", LOG_NOTICE, "x"), -ENOENT);
}

static size_t shown(void)
{
	struct json_object *doc = json_tokener_parse(captured_out);
	size_t n;

	assert_non_null(doc);
	n = json_object_array_length(json_object_object_get(doc, "history"));
	json_object_put(doc);
	return n;
}

static void the_command(void **state)
{
	struct json_object *array = json_object_new_array(), *first, *doc;

	(void)state;
	assert_int_equal(FREEZECTL("history"), 0);
	assert_non_null(strstr(captured_out, "no such lease has ended"));
	assert_int_equal(FREEZECTL("history", "--json"), 0);
	assert_int_equal(shown(), 0);
	/* The newest first: it is sorted when it is shown. */
	json_object_array_add(array, entry_of(3, 5));
	json_object_array_add(array, entry_of(2, 3 * 3600));
	json_object_array_add(array, entry_of(1, 5 * 24 * 3600));
	assert_int_equal(history_add(keep_dir, array, false, &gap), 0);
	json_object_put(array);
	assert_int_equal(FREEZECTL("history"), 0);
	assert_string_equal(captured_err, "");
	first = NULL;
	assert_non_null(strstr(captured_out, "nightly-1"));
	assert_true(strstr(captured_out, "nightly-1") < strstr(captured_out, "nightly-2"));
	assert_true(strstr(captured_out, "nightly-2") < strstr(captured_out, "nightly-3"));
	assert_non_null(strstr(captured_out, "deadline"));
	assert_non_null(strstr(captured_out, "1min 30s"));
	assert_non_null(strstr(captured_out, "mysql lost"));
	assert_int_equal(FREEZECTL("history", "--json"), 0);
	assert_int_equal(shown(), 3);
	doc = json_tokener_parse(captured_out);
	first = json_object_array_get_idx(json_object_object_get(doc, "history"), 0);
	assert_string_equal(json_object_get_string(json_object_object_get(first, "id")),
			    "nightly-1");
	assert_string_equal(json_object_get_string(json_object_object_get(first, "cause")),
			    "deadline");
	json_object_put(doc);
	assert_int_equal(FREEZECTL("history", "--json", "--since", "1d"), 0);
	assert_int_equal(shown(), 2);
	assert_int_equal(FREEZECTL("history", "--json", "--since", "1min"), 0);
	assert_int_equal(shown(), 1);
	assert_int_equal(FREEZECTL("history", "--json", "--since", "1d", "--id", "nightly-2"), 0);
	assert_int_equal(shown(), 1);
	assert_int_equal(FREEZECTL("history", "--json", "--id", "nightly-9"), 0);
	assert_int_equal(shown(), 0);
	assert_int_equal(FREEZECTL("history", "--since", "soon"), 1);
	assert_non_null(strstr(captured_err, "'soon' is neither a time nor a duration"));
	assert_int_equal(FREEZECTL("history", "x"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_lease_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fresh_lease_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gap_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_crash_left, setup, teardown),
		cmocka_unit_test_setup_teardown(writers_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(it_stays_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_a_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_not_written, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_of_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(the_command, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
