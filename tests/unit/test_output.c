// SPDX-License-Identifier: GPL-2.0-only
/* output: JSON that is JSON whatever is in a path, text that does nothing to a terminal, bounds */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <cmocka.h>

#include "base/output.h"
#include "base/util.h"
#include "show/lease.h"
#include "show/plan.h"
#include "show/table.h"

static int saved_out;

/* Standard output to a pipe; returns its reading end. */
static int redirect(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(stdout);
	saved_out = dup(STDOUT_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	return ends[0];
}

static void restore(void)
{
	dup2(saved_out, STDOUT_FILENO);
	close(saved_out);
}

static const char *as_json(const char *text)
{
	static char copy[256];
	struct json_object *object = output_json_string(text);

	snprintf(copy, sizeof(copy), "%s", json_object_get_string(object));
	json_object_put(object);
	return copy;
}

static void strings_become_utf8(void **state)
{
	(void)state;
	assert_string_equal(as_json("plain"), "plain");
	assert_string_equal(as_json(""), "");
	assert_string_equal(as_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7"),
			    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7");
	/* A lone byte, a cut character, an overlong one, a surrogate, one beyond Unicode. */
	assert_string_equal(as_json("a\xff" "b"), "a\xef\xbf\xbd" "b");
	assert_string_equal(as_json("a\xe2\x82"), "a\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(as_json("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(as_json("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(as_json("\xf4\x90\x80\x80"),
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void control_characters_show(void **state)
{
	char buf[64], tiny[6];

	(void)state;
	assert_string_equal(output_clean("a\x1b[2Jb\n\x7f", buf, sizeof(buf)),
			    "a\\x1b[2Jb\\x0a\\x7f");
	assert_string_equal(output_clean("\xc3\xa4 b", buf, sizeof(buf)), "\xc3\xa4 b");
	assert_string_equal(output_clean("\xc2\x9b" "2J\x9b" "2J\xc2\xa0", buf, sizeof(buf)),
			    "\\xc2\\x9b2J\\x9b2J\xc2\xa0");
	assert_string_equal(output_clean("abcdefgh", tiny, sizeof(tiny)), "ab");
}

static void a_lease_is_valid_json(void **state)
{
	struct freezeguard_hold hold = { .major = 8, .minor = 1, .fstype = "ext4", .name = "sda1",
					 .state = FREEZEGUARD_HOLD_STATE_THAWING, .error = EIO,
					 .thaw_failures = 2 };
	struct freezeguard_lease lease = { .number = UINT64_MAX, .id = "a\"b\\c",
					   .owner_comm = "\x01\xff", .owner_pid = 4000000000U,
					   .state = FREEZEGUARD_LEASE_STATE_THAWING,
					   .cause = FREEZEGUARD_CAUSE_REQUEST,
					   .begin_ns = 5 * NS_PER_S, .holds = &hold, .n_holds = 1 };
	struct plan_target target = { .major = 8, .minor = 1, .path = "/my \"data\"\n" };
	const struct plan plan = { .v = &target, .n = 1 };
	const struct paths paths = { .plan = &plan };
	struct clocks clocks = { .now_ns = 6 * NS_PER_S, .wall_ns = 1700000000 * NS_PER_S };
	struct json_object *object, *again, *value;

	(void)state;
	object = show_lease_json(&lease, &paths, &clocks);
	again = json_tokener_parse(json_object_to_json_string(object));
	assert_non_null(again);
	assert_true(json_object_equal(object, again));
	assert_int_equal(json_object_get_uint64(json_object_object_get(again, "number")),
			 UINT64_MAX);
	assert_string_equal(json_object_get_string(json_object_object_get(again, "id")),
			    "a\"b\\c");
	assert_string_equal(json_object_get_string(json_object_object_get(again, "state")),
			    "thawing");
	assert_string_equal(json_object_get_string(json_object_object_get(again, "begin_time")),
			    "2023-11-14T22:13:19.000+0000");
	/* What has not happened is null, not 0. */
	assert_true(json_object_object_get_ex(again, "ended_ns", &value));
	assert_null(value);
	assert_true(json_object_object_get_ex(again, "ender", &value));
	assert_null(value);
	assert_true(json_object_object_get_ex(again, "continuity", &value));
	assert_null(value);
	value = json_object_object_get(json_object_object_get(again, "owner"), "pid");
	assert_true(json_object_get_int64(value) == 4000000000LL);
	value = json_object_array_get_idx(json_object_object_get(again, "filesystems"), 0);
	assert_string_equal(json_object_get_string(json_object_object_get(value, "path")),
			    "/my \"data\"\n");
	assert_null(json_object_object_get(value, "continuity"));
	assert_string_equal(json_object_get_string(json_object_object_get(value, "error_name")),
			    "EIO");
	json_object_put(object);
	json_object_put(again);
}

static void continuity_is_shown_once_it_is_decided(void **state)
{
	(void)state;
	assert_null(show_continuity(FREEZEGUARD_CONTINUITY_UNKNOWN, true));
	assert_string_equal(show_continuity(FREEZEGUARD_CONTINUITY_BROKEN, true), "broken");
	assert_string_equal(show_continuity(FREEZEGUARD_CONTINUITY_UNKNOWN, false), "unknown");
	assert_string_equal(show_continuity(FREEZEGUARD_CONTINUITY_OBSERVED, false), "observed");
}

static void a_document_has_code_and_findings(void **state)
{
	struct findings findings = { 0 };
	char text[4096];
	struct json_object *doc;
	struct output out;
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(output_open(&out, true, "freeze"), 0);
	findings_add(&findings, 205, "/a", "first");
	findings_add(&findings, 202, NULL, "second");
	fd = redirect();
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	/* Once only. */
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	restore();
	n = read(fd, text, sizeof(text) - 1);
	assert_in_range(n, 1, sizeof(text) - 1);
	text[n] = '\0';
	doc = json_tokener_parse(text);
	assert_non_null(doc);
	assert_string_equal(json_object_get_string(json_object_object_get(doc, "command")),
			    "freeze");
	assert_int_equal(json_object_get_int(json_object_object_get(doc, "code")), 202);
	assert_int_equal(json_object_array_length(json_object_object_get(doc, "findings")), 2);
	assert_null(strstr(strstr(text, "\"command\"") + 1, "\"command\""));
	json_object_put(doc);
	close(fd);
	findings_free(&findings);
	output_close(&out);
}

static void text_is_printed_once(void **state)
{
	struct findings findings = { 0 };
	struct output out;
	char text[64];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(output_open(&out, false, "x"), 0);
	fd = redirect();
	fputs("one\n", out.text);
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	fputs("2\n", out.text);
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	restore();
	n = read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, "one\n2\n");
	close(fd);
	output_close(&out);
}

static void a_reader_that_went_away_is_an_error(void **state)
{
	struct findings findings = { 0 };
	struct output out;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(output_open(&out, false, "x"), 0);
	fputs("text\n", out.text);
	close(redirect());
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), -EPIPE);
	restore();
	output_close(&out);
}

static void a_reader_that_does_not_read_is_waited_for_so_long(void **state)
{
	uint64_t begin = freezeguard_now_ns();
	struct findings findings = { 0 };
	struct output out;
	size_t i;
	int fd;

	(void)state;
	assert_int_equal(output_open(&out, false, "x"), 0);
	for (i = 0; i < 20000; i++)
		fputs("0123456789\n", out.text);
	fd = redirect();
	assert_int_equal(output_print(&out, &findings, begin + 100 * NS_PER_MS), -ETIMEDOUT);
	restore();
	assert_in_range(freezeguard_now_ns() - begin, 100 * NS_PER_MS, NS_PER_S);
	close(fd);
	output_close(&out);
}

static void a_full_disk_is_an_error(void **state)
{
	struct findings findings = { 0 };
	struct output out;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(output_open(&out, true, "x"), 0);
	saved_out = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), -ENOSPC);
	restore();
	output_close(&out);
}

/* A path is escaped once: its control characters show, its backslashes stay. */
static void tables_show_any_path(void **state)
{
	static const char *const headers[] = { "PATH", NULL };
	struct findings findings = { 0 };
	struct table *table;
	struct output out;
	char text[64];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(output_open(&out, false, "x"), 0);
	table = table_new(headers);
	table_row(table, (const char *[]) { "/a\nb\x1b[2J c" });
	table_print(table, out.text);
	fd = redirect();
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), 0);
	restore();
	n = read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, "PATH\n/a\\x0ab\\x1b[2J c\n");
	close(fd);
	output_close(&out);
}

/* In a locale of wide characters columns are aligned by width, in others by characters. */
static void tables_are_aligned(void **state)
{
	static const char *const headers[] = { "A", "SECOND", "C", NULL };
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	struct table *table;

	(void)state;
	table = table_new(headers);
	table_row(table, (const char *[]) { "\xc3\xa4\xc3\xb6", "2", "end" });
	table_row(table, (const char *[]) { "\xe6\x97\xa5", NULL, "" });
	table_row(table, (const char *[]) { "", "longer than that", "x" });
	table_print(table, file);
	fclose(file);
	assert_int_equal(wcwidth(0x65e5), 2);
	assert_string_equal(text, "A  SECOND           C\n"
				  "\xc3\xa4\xc3\xb6 2                end\n"
				  "\xe6\x97\xa5 -                \n"
				  "   longer than that x\n");
	free(text);
	file = open_memstream(&text, &size);
	table_print(table_new(headers), file);
	fclose(file);
	assert_string_equal(text, "");
	free(text);
	table_free(NULL);
	table_row(NULL, headers);
	table_print(NULL, stdout);
}

/* What could not be printed in the document is told on standard error, all of it. */
static void findings_of_a_lost_document_are_kept(void **state)
{
	struct findings findings = { 0 };
	struct output out;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(output_open(&out, true, "x"), 0);
	findings_add(&findings, 204, "/a", "first");
	close(redirect());
	assert_int_equal(output_print(&out, &findings, freezeguard_now_ns() + NS_PER_S), -EPIPE);
	restore();
	assert_int_equal(out.n_findings, 0);
	findings_free(&findings);
	output_close(&out);
}

/* Before anything is frozen, and not where all is ASCII: the first to be run, as it is loaded once. */
static void rehearsing_loads_the_locale(void **state)
{
	struct plan_target target = { .major = 8, .minor = 1, .path = "/data" };
	const struct plan plan = { .v = &target, .n = 1 };

	(void)state;
	show_rehearse(&plan, false);
	assert_string_equal(setlocale(LC_CTYPE, NULL), "C");
	target.path = "/d\xc3\xa4t\xc3\xa4";
	show_rehearse(&plan, false);
	assert_string_equal(setlocale(LC_CTYPE, NULL), "C.UTF-8");
}

static void rehearsing_prints_nothing(void **state)
{
	struct plan_target target = { .major = 8, .minor = 1, .path = "/data" };
	const struct plan plan = { .v = &target, .n = 1 };
	char byte;
	int fd;

	(void)state;
	fd = redirect();
	show_rehearse(&plan, false);
	show_rehearse(&plan, true);
	fflush(stdout);
	restore();
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

/* A machine has dozens of images; each network filesystem may hold a database. */
static void alike_filesystems_share_a_line(void **state)
{
	struct plan_target targets[] = {
		{ .path = "/snap/a/1", .fstype = "squashfs", .read_only = true, .skip = "it is read-only" },
		{ .path = "/data", .fstype = "ext4" },
		{ .path = "/snap/b/2", .fstype = "squashfs", .read_only = true, .skip = "it is read-only" },
		{ .path = "/efs", .fstype = "nfs4", .skip = "network" },
		{ .path = "/efs2", .fstype = "nfs4", .skip = "network" },
		{ .path = "/cd", .fstype = "iso9660", .read_only = true, .skip = "it is read-only" },
		{ .path = "/snap/c/3", .fstype = "squashfs", .read_only = true, .skip = "it is read-only" },
	};
	static const char *const names[] = {
		"/snap/a/1 and 2 more", "/data", NULL, "/efs", "/efs2", "/cd", NULL,
	};
	const struct plan plan = { .v = targets, .n = ARRAY_SIZE(targets) };
	char name[SHOW_PLAN_NAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < plan.n; i++) {
		assert_int_equal(show_plan_name(&plan, i, name), names[i] != NULL);
		if (names[i])
			assert_string_equal(name, names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rehearsing_loads_the_locale),
		cmocka_unit_test(strings_become_utf8),
		cmocka_unit_test(control_characters_show),
		cmocka_unit_test(a_lease_is_valid_json),
		cmocka_unit_test(continuity_is_shown_once_it_is_decided),
		cmocka_unit_test(a_document_has_code_and_findings),
		cmocka_unit_test(text_is_printed_once),
		cmocka_unit_test(a_reader_that_went_away_is_an_error),
		cmocka_unit_test(a_reader_that_does_not_read_is_waited_for_so_long),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(tables_show_any_path),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(findings_of_a_lost_document_are_kept),
		cmocka_unit_test(rehearsing_prints_nothing),
		cmocka_unit_test(alike_filesystems_share_a_line),
	};

	setenv("TZ", "UTC", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
