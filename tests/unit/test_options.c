// SPDX-License-Identifier: GPL-2.0-only
/*
 * options: every way to get the command line wrong that can be told without the kernel. None of
 * these gets as far as asking it: all exit with 1 before that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "capture.h"

#define ID64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define UUID "11111111-1111-4111-8111-111111111111"

static const struct {
	const char *arguments[10];
	const char *says;
} wrong[] = {
	{ { NULL }, "subcommand is missing" },
	{ { "--json" }, "subcommand is missing" },
	{ { "chill" }, "'chill'" },
	{ { "--colour" }, "'--colour'" },
	{ { "freeze" }, "give paths, or --all" },
	{ { "freeze", "--all", "/data" }, "exclude each other" },
	{ { "freeze", "--colour", "/data" }, "'--colour'" },
	{ { "freeze", "-x", "/data" }, "'-x'" },
	{ { "freeze", "--all=1" }, "takes no argument" },
	{ { "freeze", "/data", "--timeout" }, "needs an argument" },
	{ { "freeze", "--timeout", "0", "/data" }, "--timeout: '0'" },
	{ { "freeze", "--timeout", "-5s", "/data" }, "'-5s'" },
	{ { "freeze", "--timeout", "soon", "/data" }, "'soon'" },
	{ { "freeze", "--timeout", "", "/data" }, "--timeout: ''" },
	{ { "freeze", "--timeout", "9999999999999s", "/data" }, "too long" },
	{ { "freeze", "--timeout", "infinity", "/data" }, "too long" },
	{ { "freeze", "--id", "", "/data" }, "empty" },
	{ { "freeze", "--id", "a b", "/data" }, "byte 2" },
	{ { "freeze", "--id", "ab\n", "/data" }, "byte 3" },
	{ { "freeze", "--id", "\xc3\xa4", "/data" }, "byte 1" },
	{ { "freeze", "--id", "a$(reboot)", "/data" }, "byte 2" },
	{ { "freeze", "--id", "ab`reboot`", "/data" }, "byte 3" },
	{ { "thaw", "--id", "a/b" }, "byte 2" },
	{ { "extend", "--id", "a%2f", "10s" }, "byte 2" },
	{ { "status", "--id", "a\\b" }, "byte 2" },
	{ { "freeze", "--id", "'a", "/data" }, "byte 1" },
	{ { "freeze", "--id", "\"a", "/data" }, "letters, digits and ._:@+-" },
	{ { "freeze", "--id", ID64, "/data" }, "64 characters" },
	{ { "thaw" }, "nothing to thaw is named" },
	{ { "thaw", "--all" }, "add --force" },
	{ { "thaw", "--force", "/data" }, "--force belongs to --all" },
	{ { "thaw", "--id", "x", "/data" }, "exclude each other" },
	{ { "thaw", "--id", "x", "--all", "--force" }, "exclude each other" },
	{ { "thaw", "--wait", "0", "--id", "x" }, "--wait: '0'" },
	{ { "thaw", "--id", "x", "--app", "a", "--apps" }, "exclude each other" },
	{ { "thaw", "--all", "--force", "--apps" }, "no success to any application" },
	{ { "thaw", "--abort", "--id", "x", "--profile", "y" }, "no success to any application" },
	{ { "thaw", "--id", "x", "--profile", "nobodys" }, "[profile nobodys]" },
	{ { "freeze", "--app", "a", "--no-apps", "/data" }, "exclude each other" },
	{ { "freeze", "--apps", "--script-timeout", "0", "/data" }, "--script-timeout: '0'" },
	{ { "freeze", "--apps", "--script-timeout", "3s", "--sync-budget", "3s", "/data" },
	  "part of --script-timeout" },
	{ { "run", "--apps", "--no-apps", "/data", "--", "true" }, "exclude each other" },
	{ { "complete" }, "--id is missing" },
	{ { "complete", "--id", "a/b" }, "byte 2" },
	{ { "complete", "--id", "x", "y" }, "'y'" },
	{ { "complete", "--id", "x", "--timeout", "soon" }, "'soon'" },
	{ { "run", "/data" }, "command is missing" },
	{ { "run", "/data", "--" }, "command is missing" },
	{ { "run", "--", "true" }, "give paths, or --all" },
	{ { "run", "--all", "/data", "--", "true" }, "exclude each other" },
	{ { "run", "--colour", "/data", "--", "true" }, "'--colour'" },
	{ { "extend", "10s" }, "--id" },
	{ { "extend", "--id", "x" }, "duration" },
	{ { "extend", "--id", "x", "10s", "20s" }, "duration" },
	{ { "extend", "--id", "x", "never" }, "'never'" },
	{ { "status", "--id", "x", "/data" }, "exclude each other" },
	{ { "status", "--id", "x", "--history" }, "exclude each other" },
	{ { "plan", "--all", "/data" }, "exclude each other" },
	{ { "plan", "--timeout", "x" }, "'x'" },
	{ { "monitor", "now" }, "'now'" },
	{ { "monitor", "--count", "0" }, "--count: '0'" },
	{ { "monitor", "--count", "-3" }, "--count: '-3'" },
	{ { "monitor", "--count", "3x" }, "--count: '3x'" },
	{ { "monitor", "--timeout", "0" }, "--timeout: '0'" },
	{ { "dlm" }, "--execution-id is missing" },
	{ { "dlm", "pre-script" }, "--execution-id is missing" },
	{ { "dlm", "--execution-id", UUID }, "pre-script, post-script or dry-run" },
	{ { "dlm", "mid-script", "--execution-id", UUID }, "'mid-script'" },
	{ { "dlm", "pre-script", "--execution-id", "$(reboot)" }, "'$(reboot)'" },
	{ { "dlm", "pre-script", "--execution-id", "none" }, "'none'" },
	{ { "dlm", "pre-script", "--execution-id", UUID "0" }, "neither a UUID" },
	{ { "dlm", "pre-script", "--execution-id", UUID, "--script-timeout", "0" },
	  "--script-timeout" },
	{ { "dlm", "pre-script", "--execution-id", UUID, "--app", "mysql", "--no-apps" },
	  "exclude each other" },
	{ { "dlm", "pre-script", "--execution-id", UUID, "--profile", "nobodys" },
	  "[profile nobodys]" },
	{ { "freeze", "--profile", "nobodys", "/data" }, "[profile nobodys]" },
	{ { "run", "--profile", "nobodys", "/data", "--", "true" }, "[profile nobodys]" },
	{ { "plan", "--profile", "nobodys" }, "[profile nobodys]" },
	{ { "config", "timeout" }, "'timeout'" },
	{ { "apps", "mysql" }, "'mysql'" },
	{ { "apps", "--id", "" }, "empty" },
};

#define N_WRONG (sizeof(wrong) / sizeof(wrong[0]))

static void each_is_named_and_exits_with_1(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_WRONG; i++) {
		assert_int_equal(freezectl(wrong[i].arguments), 1);
		if (strcmp(wrong[i].arguments[0] ? wrong[i].arguments[0] : "", "--json")) {
			assert_string_equal(captured_out, "");
			assert_ptr_equal(strstr(captured_err, "freezectl: 1: "), captured_err);
			assert_non_null(strstr(captured_err, wrong[i].says));
		}
	}
}

static void json_says_the_same(void **state)
{
	const char *arguments[12];
	struct json_object *doc, *value;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_WRONG; i++) {
		static char text[sizeof(captured_err)];
		char target[256];
		size_t k, used = 0;

		freezectl(wrong[i].arguments);
		for (n = 0; wrong[i].arguments[n]; n++)
			arguments[n + 1] = wrong[i].arguments[n];
		arguments[0] = "--json";
		arguments[n + 1] = NULL;
		if (n && !strcmp(wrong[i].arguments[0], "--json"))
			continue;
		memcpy(text, captured_err, sizeof(text));
		assert_int_equal(freezectl(arguments), 1);
		assert_string_equal(captured_err, "");
		doc = json_tokener_parse(captured_out);
		assert_non_null(doc);
		assert_true(json_object_object_get_ex(doc, "code", &value));
		assert_int_equal(json_object_get_int(value), 1);
		/* The findings, written as text, are what the text was. */
		assert_true(json_object_object_get_ex(doc, "findings", &value));
		captured_err[0] = '\0';
		for (k = 0; k < json_object_array_length(value); k++) {
			struct json_object *finding = json_object_array_get_idx(value, k);
			const char *to = json_object_get_string(
				json_object_object_get(finding, "target"));

			snprintf(target, sizeof(target), "%s%s", to ? to : "", to ? ": " : "");
			used += (size_t)snprintf(captured_err + used, sizeof(captured_err) - used,
						 "freezectl: %d: %s%s\n", json_object_get_int(
						 json_object_object_get(finding, "code")), target,
						 json_object_get_string(
						 json_object_object_get(finding, "message")));
		}
		assert_string_equal(captured_err, text);
		json_object_put(doc);
	}
}

static void help_is_complete(void **state)
{
	static const char *const names[] = { "freeze", "thaw", "run", "extend", "status", "plan",
					     "monitor", "dlm", "config", "apps" };
	char line[64];
	size_t i;

	(void)state;
	assert_int_equal(FREEZECTL("--help"), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "\n  %s ", names[i]);
		assert_non_null(strstr(captured_out, line));
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(FREEZECTL(names[i], "--help"), 0);
		snprintf(line, sizeof(line), "Usage: freezectl %s ", names[i]);
		assert_ptr_equal(strstr(captured_out, line), captured_out);
		assert_non_null(strstr(captured_out, "\n  --json "));
		assert_string_equal(captured_err, "");
	}
}

/* "  --id ID  ..." and "  --all  ...": an argument is needed where the help has one, and only there. */
static void options_take_what_the_help_says(void **state)
{
	static const char *const names[] = { "freeze", "thaw", "run", "extend", "status", "plan",
					     "monitor", "dlm", "observer", "config", "apps" };
	static char help[sizeof(captured_out)];
	char *line, *save, option[32], given[40], expected[80];
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(FREEZECTL(names[i], "--help"), 0);
		memcpy(help, captured_out, sizeof(help));
		for (line = strtok_r(help, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			bool argument;

			if (sscanf(line, "  --%24[a-z-]", option) != 1)
				continue;
			argument = line[4 + strlen(option)] == ' ' && line[5 + strlen(option)] != ' ';
			snprintf(given, sizeof(given), "--%s%s", option, argument ? "" : "=1");
			snprintf(expected, sizeof(expected), "option '%s' %s", given,
				 argument ? "needs an argument" : "takes no argument");
			assert_int_equal(FREEZECTL(names[i], given), 1);
			assert_non_null(strstr(captured_err, expected));
			n++;
		}
	}
	assert_true(n >= 40);
}

/* Long ones are wrapped, and what is in brackets stays together. */
static void help_fits_on_80_columns(void **state)
{
	char *line, *save;

	(void)state;
	assert_int_equal(FREEZECTL("dlm", "--help"), 0);
	assert_non_null(strstr(captured_out, "\n                     [--timeout DURATION] "));
	assert_non_null(strstr(captured_out, "\n  --script-timeout DURATION\n          "));
	for (line = strtok_r(captured_out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		assert_true(strlen(line) <= 80);
}

/* getopt_long() takes shortened options, so whoever asks for help so must not freeze instead. */
static void shortened_help_and_json(void **state)
{
	(void)state;
	assert_int_equal(FREEZECTL("thaw", "--all", "--hel"), 0);
	assert_ptr_equal(strstr(captured_out, "Usage: freezectl thaw "), captured_out);
	assert_int_equal(FREEZECTL("thaw", "--all", "--js"), 1);
	assert_int_equal(captured_out[0], '{');
	assert_string_equal(captured_err, "");
}

/* What is quoted is long, what is wrong with it still stands behind. */
static void long_arguments_do_not_push_out_what_is_wrong(void **state)
{
	char argument[4000];

	(void)state;
	memset(argument, 'x', sizeof(argument) - 1);
	argument[sizeof(argument) - 1] = '\0';
	assert_int_equal(FREEZECTL("freeze", "--timeout", argument, "/data"), 1);
	assert_non_null(strstr(captured_err, "is not a duration"));
	assert_int_equal(FREEZECTL(argument), 1);
	assert_non_null(strstr(captured_err, "see freezectl --help"));
}

static void what_is_wrong_with_a_monitor_is_one_line(void **state)
{
	char *end;

	(void)state;
	assert_int_equal(FREEZECTL("monitor", "--json", "now"), 1);
	end = strchr(captured_out, '\n');
	assert_non_null(end);
	assert_string_equal(end, "\n");
	assert_non_null(strstr(captured_out, "\"findings\""));
}

static void the_version(void **state)
{
	(void)state;
	assert_int_equal(FREEZECTL("--version"), 0);
	assert_string_equal(captured_out, "freezectl test\n");
	assert_int_equal(FREEZECTL("--json", "--version"), 0);
	assert_non_null(strstr(captured_out, "\"version\": \"test\""));
}

/* Behind "--" is the command's own. */
static void help_of_a_command_is_not_ours(void **state)
{
	(void)state;
	assert_int_equal(FREEZECTL("run", "--colour", "/data", "--", "x", "--help"), 1);
	assert_non_null(strstr(captured_err, "--colour"));
	assert_string_equal(captured_out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_named_and_exits_with_1),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(help_is_complete),
		cmocka_unit_test(options_take_what_the_help_says),
		cmocka_unit_test(help_fits_on_80_columns),
		cmocka_unit_test(shortened_help_and_json),
		cmocka_unit_test(long_arguments_do_not_push_out_what_is_wrong),
		cmocka_unit_test(what_is_wrong_with_a_monitor_is_one_line),
		cmocka_unit_test(the_version),
		cmocka_unit_test(help_of_a_command_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
