// SPDX-License-Identifier: GPL-2.0-only
/* config: the configuration file, what is wrong with it, and what freezectl config shows of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <sys/stat.h>

#include "capture.h"
#include "base/config.h"

static char path[] = "/tmp/test_config.XXXXXX";
static struct config config;
static struct findings findings;

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
}

static int read_text(const char *text, const char *profile, bool must)
{
	write_file(text);
	return config_read(&config, path, profile, must, &findings);
}

/* The only finding is of code 1, about this line, and says this. */
static void refused(const char *text, unsigned int line, const char *says)
{
	char target[100];

	assert_int_equal(read_text(text, NULL, false), -22);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.v[0].code, 1);
	snprintf(target, sizeof(target), line ? "%s:%u" : "%s", path, line);
	assert_string_equal(findings.v[0].target, target);
	if (!strstr(findings.v[0].message, says))
		fail_msg("'%s' does not say '%s'", findings.v[0].message, says);
	findings_free(&findings);
	config_free(&config);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_config.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	findings_free(&findings);
	config_free(&config);
	return unlink(path);
}

static void defaults_without_anything(void **state)
{
	(void)state;
	assert_int_equal(read_text("", NULL, false), 0);
	assert_int_equal(findings.n, 0);
	assert_true(config.read);
	assert_int_equal(config.timeout_ms, 60000);
	assert_int_equal(config.script_timeout_ms, 8000);
	assert_int_equal(config.hook_timeout_ms, 5000);
	assert_int_equal(config.thaw_timeout_ms, 5000);
	assert_true(config.call_apps);
	assert_false(config.allow_root);
	assert_string_equal(config.hooks_dir, "/etc/freezeguard/hooks.d");
	assert_string_equal(config.run_dir, "/run/freezeguard");
	assert_int_equal(config.paths.n + config.exclude.n + config.apps.n + config.n_hooks, 0);
	assert_null(config.profile);
}

static void every_key(void **state)
{
	const struct config_hook *hook;

	(void)state;
	assert_int_equal(read_text("# a comment\n"
				   "[default]\n"
				   "timeout = 1min 30s\n"
				   "script_timeout=9s\n"
				   "sync_budget = 4s\n"
				   "path = /data\n"
				   "path = /my logs\n"
				   "exclude = /scratch   ; another comment\n"
				   "allow_root = yes\n"
				   "apps = no\n"
				   "app = mysql\n"
				   "app = web\n"
				   "hook_timeout = 2\n"
				   "thaw_timeout = 500ms\n"
				   "hooks_dir = /h\nshipped_dir = /s\nrun_dir = /r\nkeep_dir = /k\n"
				   "[hook mysql]\n"
				   "timeout = 3s\n"
				   "thaw_timeout = 4s\n"
				   "enabled = off\n"
				   "paths = /srv/my db\n"
				   "paths = /srv/log\n"
				   "allow_unfrozen = yes\n"
				   "when_stopped = skip\n"
				   "env.MYSQL_DEFAULTS = /etc/my file.cnf\n"
				   "[profile x]\nrequire_continuity = yes\n", "x", false), 0);
	assert_int_equal(findings.n, 0);
	assert_int_equal(config.timeout_ms, 90000);
	assert_int_equal(config.from[0].line, 3);
	assert_int_equal(config.script_timeout_ms, 9000);
	assert_int_equal(config.sync_budget_ms, 4000);
	assert_int_equal(config.paths.n, 2);
	assert_string_equal(config.paths.v[1], "/my logs");
	assert_int_equal(config.exclude.n, 1);
	assert_string_equal(config.exclude.v[0], "/scratch");
	assert_true(config.allow_root && config.require_continuity);
	assert_false(config.call_apps);
	assert_int_equal(config.apps.n, 2);
	assert_string_equal(config.apps.v[1], "web");
	assert_int_equal(config.hook_timeout_ms, 2000);
	assert_int_equal(config.thaw_timeout_ms, 500);
	assert_string_equal(config.hooks_dir, "/h");
	assert_string_equal(config.shipped_dir, "/s");
	assert_string_equal(config.run_dir, "/r");
	assert_string_equal(config.keep_dir, "/k");
	hook = config_hook(&config, "mysql");
	assert_non_null(hook);
	assert_false(hook->enabled);
	assert_true(hook->skip_stopped);
	assert_int_equal(hook->timeout_ms, 3000);
	assert_int_equal(hook->thaw_timeout_ms, 4000);
	assert_int_equal(hook->paths.n, 2);
	assert_string_equal(hook->paths.v[0], "/srv/my db");
	assert_true(hook->allow_unfrozen);
	assert_int_equal(hook->env.n, 1);
	assert_string_equal(hook->env.v[0], "MYSQL_DEFAULTS=/etc/my file.cnf");
	assert_null(config_hook(&config, "web"));
}

static void a_profile_stands_above_the_default(void **state)
{
	static const char text[] = "[profile night]\n"
				   "timeout = 5min\n"
				   "path = /night\n"
				   "[default]\n"
				   "timeout = 20s\n"
				   "script_timeout = 7s\n"
				   "path = /a\n"
				   "path = /b\n";

	(void)state;
	assert_int_equal(read_text(text, NULL, false), 0);
	assert_int_equal(config.timeout_ms, 20000);
	assert_int_equal(config.paths.n, 2);
	config_free(&config);
	assert_int_equal(read_text(text, "night", true), 0);
	assert_string_equal(config.profile, "night");
	assert_int_equal(config.timeout_ms, 300000);
	assert_true(config.from[0].profile);
	assert_true(config_from_profile(&config, "path"));
	assert_false(config_from_profile(&config, "script_timeout"));
	assert_false(config_from_profile(&config, "app"));
	assert_int_equal(config.from[0].line, 2);
	assert_int_equal(config.script_timeout_ms, 7000);
	assert_int_equal(config.paths.n, 1);
	assert_string_equal(config.paths.v[0], "/night");
	config_free(&config);
	/* One that is only usual need not be there. */
	assert_int_equal(read_text(text, "day", false), 0);
	assert_null(config.profile);
	config_free(&config);
	assert_int_equal(read_text(text, "day", true), -22);
	assert_int_equal(findings.n, 1);
	assert_non_null(strstr(findings.v[0].message, "[profile day]"));
}

static void wrong_lines(void **state)
{
	char text[1200] = "[default]\npath = /";

	(void)state;
	refused("[default]\n\ntimout = 3s\n", 3, "unknown key 'timout'");
	refused("[default]\ntimout = 3s\n", 2, "known are timeout, script_timeout");
	refused("[defaults]\ntimeout = 3s\n", 2, "unknown section [defaults]");
	refused("timeout = 3s\n", 1, "begin with [default]");
	refused("[default]\ntimeout\n", 2, "key = value");
	refused("[default\ntimeout = 3s\n", 1, "[section]");
	refused("[default]\ntimeout = soon\n", 2, "'soon' is not a duration");
	refused("[default]\ntimeout = 0\n", 2, "'0' is not a duration");
	refused("[default]\ntimeout = 1s\n\ntimeout = 2s\n", 4, "already set in line 2");
	refused("[default]\nallow_root = perhaps\n", 2, "neither yes nor no");
	refused("[default]\npath = data\n", 2, "not an absolute path");
	refused("[default]\npath = \n", 2, "not an absolute path");
	refused("[default]\nhooks_dir = hooks\n", 2, "not an absolute path");
	refused("[default]\napp = a, b\n", 2, "several lines");
	refused("[profile x]\nrun_dir = /r\n", 2, "belongs in [default]");
	/* A profile that is not in force is looked at too. */
	refused("[default]\n[profile x]\ntimout = 1\n", 3, "unknown key 'timout' in [profile x]");
	refused("[profile ]\ntimeout = 1\n", 2, "unknown section");
	refused("[hook mysql]\ntimout = 1s\n", 2, "unknown key 'timout' in [hook mysql]");
	refused("[hook mysql]\nwhen_stopped = ignore\n", 2, "neither skip nor not-ready");
	refused("[hook a/b]\ntimeout = 1s\n", 2, "not the name of a hook");
	refused("[hook a]\nenv.A-B = 1s\n", 2, "'A-B'");
	refused("[hook a]\npaths = srv\n", 2, "not one absolute path");
	refused("[hook a]\nallow_unfrozen = perhaps\n", 2, "neither yes nor no");
	refused("[hook a]\nenv.A = pause ; sync\n", 2, "begins a comment");
	refused("[hook a]\n env.A = pause\t;", 2, "begins a comment");
	refused("[hook a]\nenv.FREEZEGUARD_ID = x\n", 2, "set by freezectl");
	refused("[hook a]\nenv.A = x\nenv.A = y\n", 3, "is already set");
	memset(text + 18, 'x', 900);
	strcpy(text + 918, "\n");
	refused(text, 2, "longer than");
}

static void what_looks_alike(void **state)
{
	(void)state;
	assert_int_equal(read_text("[default]\nexclude = /scratch//\npath = /\ntimeout = 2s ; short\n"
				   "[hook a]\nenv.A = pause; sync\n; env.A = x ; y\n", NULL, false), 0);
	assert_string_equal(config.exclude.v[0], "/scratch");
	assert_string_equal(config.paths.v[0], "/");
	assert_int_equal(config.timeout_ms, 2000);
	assert_string_equal(config_hook(&config, "a")->env.v[0], "A=pause; sync");
}

static void everything_that_is_wrong_is_told(void **state)
{
	(void)state;
	assert_int_equal(read_text("[default]\na = 1\ntimeout = x\n[hook y]\nb = 2\n", NULL, false),
			 -22);
	assert_int_equal(findings.n, 3);
}

static void who_may_write_it(void **state)
{
	(void)state;
	write_file("[default]\ntimeout = 1s\n");
	chmod(path, 0664);
	refused("[default]\n", 0, "mode 664");
	chmod(path, 0646);
	refused("[default]\n", 0, "mode 646");
	chmod(path, 0644);
	assert_int_equal(read_text("[default]\n", NULL, false), 0);
}

/* What freezectl dlm uses is shown without naming its profile, and no other profile is. */
static void the_profile_of_dlm_is_shown(void **state)
{
	const char *at;

	(void)state;
	write_file("[default]\ntimeout = 20s\n[profile dlm]\ntimeout = 11s\nsync_budget = 5s\n"
		   "[profile night]\ntimeout = 33s\n");
	setenv(CONFIG_ENV, path, 1);
	assert_int_equal(FREEZECTL("config"), 0);
	at = strstr(captured_out, "[profile dlm]");
	assert_non_null(at);
	assert_true(strstr(captured_out, "20s") < at);
	assert_non_null(strstr(at, "11s"));
	assert_non_null(strstr(at, "sync_budget"));
	assert_null(strstr(captured_out, "33s"));
	assert_null(strstr(at, "script_timeout"));
	assert_int_equal(FREEZECTL("config", "--json"), 0);
	assert_non_null(strstr(captured_out, "\"profile dlm\""));
	assert_int_equal(FREEZECTL("config", "--profile", "night"), 0);
	assert_null(strstr(captured_out, "[profile dlm]"));
	write_file("[default]\ntimeout = 20s\n");
	assert_int_equal(FREEZECTL("config"), 0);
	assert_null(strstr(captured_out, "profile"));
	assert_null(strstr(captured_out, "sync_budget"));
	unsetenv(CONFIG_ENV);
}

static void secrets_that_others_can_read(void **state)
{
	static const char *const secrets[] = {
		"PGPASSWORD", "MYSQL_PWD", "redis_password", "API_TOKEN", "DbSecret",
	};
	static const char *const others[] = { "PGPASSFILE", "PWD", "TOKEN_PATH", "PGUSER" };
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		snprintf(text, sizeof(text), "[hook db]\n\nenv.%s = hunter2\n", secrets[i]);
		chmod(path, 0604);
		refused(text, 3, secrets[i]);
		refused(text, 3, "chmod o-r");
		chmod(path, 0640);
		assert_int_equal(read_text(text, NULL, false), 0);
		config_free(&config);
	}
	chmod(path, 0644);
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		snprintf(text, sizeof(text), "[hook db]\nenv.%s = /srv/x\n", others[i]);
		assert_int_equal(read_text(text, NULL, false), 0);
		config_free(&config);
	}
	assert_int_equal(read_text("[hook db]\nenv.PGPASSWORD =\n", NULL, false), 0);
}

/* Where other users see them, whoever may read the file. */
static void secrets_in_arguments(void **state)
{
	(void)state;
	chmod(path, 0600);
	refused("[hook mysql]\nenv.MYSQL_OPTIONS = -uroot -phunter2\n", 2, "option file");
	refused("[hook mysql]\nenv.MYSQL_OPTIONS = --password=hunter2 -h x\n", 2, "option file");
	refused("[hook mysql]\nenv.MYSQL_OPTIONS = '--password=hunter2'\n", 2, "option file");
	refused("[hook web]\nenv.OPTIONS = --password=hunter2\n", 2, "option file");
	assert_int_equal(read_text("[hook mysql]\nenv.MYSQL_OPTIONS = -P 3306 --port=1 "
				   "--defaults-extra-file=/etc/x-password=y -p\n", NULL, false), 0);
	config_free(&config);
	/* A port. */
	assert_int_equal(read_text("[hook pg]\nenv.PGOPTIONS = -p5432\n", NULL, false), 0);
}

static void secrets_are_not_shown(void **state)
{
	(void)state;
	chmod(path, 0600);
	write_file("[hook pg]\nenv.PGPASSWORD = hunter2\nenv.PGUSER = backup\n");
	setenv(CONFIG_ENV, path, 1);
	assert_int_equal(FREEZECTL("config"), 0);
	assert_non_null(strstr(captured_out, "env.PGPASSWORD"));
	assert_non_null(strstr(captured_out, "(hidden)"));
	assert_non_null(strstr(captured_out, "backup"));
	assert_null(strstr(captured_out, "hunter2"));
	assert_int_equal(FREEZECTL("config", "--json"), 0);
	assert_non_null(strstr(captured_out, "(hidden)"));
	assert_null(strstr(captured_out, "hunter2"));
	chmod(path, 0644);
	assert_int_equal(FREEZECTL("config"), 1);
	assert_null(strstr(captured_err, "hunter2"));
	unsetenv(CONFIG_ENV);
}

static void a_file_that_is_missing(void **state)
{
	(void)state;
	assert_int_equal(config_read(&config, "/nowhere/x.conf", NULL, false, &findings), -22);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.v[0].target, "/nowhere/x.conf");
}

static void the_command_shows_it(void **state)
{
	struct json_object *doc, *settings, *object;
	bool seen = false;
	size_t i;

	(void)state;
	write_file("[default]\ntimeout = 20s\n[profile night]\nscript_timeout = 3s\n"
		   "[hook mysql]\nenv.A = b\n");
	setenv(CONFIG_ENV, path, 1);
	assert_int_equal(FREEZECTL("config"), 0);
	assert_string_equal(captured_err, "");
	assert_non_null(strstr(captured_out, "20s"));
	assert_non_null(strstr(captured_out, "8s"));
	assert_non_null(strstr(captured_out, "env.A"));
	assert_null(strstr(captured_out, "3s "));
	assert_int_equal(FREEZECTL("config", "--profile", "day"), 1);
	assert_int_equal(FREEZECTL("config", "--json", "--profile", "night"), 0);
	doc = json_tokener_parse(captured_out);
	assert_non_null(doc);
	settings = json_object_object_get(doc, "settings");
	for (i = 0; i < json_object_array_length(settings); i++) {
		object = json_object_array_get_idx(settings, i);
		if (strcmp(json_object_get_string(json_object_object_get(object, "key")),
			   "script_timeout"))
			continue;
		seen = true;
		assert_string_equal(json_object_get_string(
			json_object_object_get(object, "section")), "profile night");
		assert_string_equal(json_object_get_string(
			json_object_object_get(object, "value")), "3s");
		assert_int_equal(json_object_get_int(json_object_object_get(object, "line")), 4);
		assert_string_equal(json_object_get_string(
			json_object_object_get(object, "file")), path);
	}
	assert_true(seen);
	json_object_put(doc);
	write_file("[default]\nx = 20s\n");
	assert_int_equal(FREEZECTL("config"), 1);
	assert_non_null(strstr(captured_err, ":2: unknown key 'x'"));
	unsetenv(CONFIG_ENV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults_without_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(every_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_profile_stands_above_the_default, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(what_looks_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(everything_that_is_wrong_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_write_it, setup, teardown),
		cmocka_unit_test_setup_teardown(the_profile_of_dlm_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_that_others_can_read, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_in_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_are_not_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_command_shows_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
