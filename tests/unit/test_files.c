// SPDX-License-Identifier: GPL-2.0-only
/* files: are applications' files on what is frozen? On made-up machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>

#include "apps/files.h"
#include "hookdir.h"
#include "machine.h"

static struct plan plan;
static struct findings findings;

static int teardown(void **state)
{
	plan_free(&plan);
	findings_free(&findings);
	return hookdir_remove(state);
}

static const struct machine_path paths[] = {
	{ .path = "/", .mount_id = 27 }, { .path = "/data", .mount_id = 40 },
	{ .path = "/data/my db", .mount_id = 40 }, { .path = "/var/lib/mysql", .mount_id = 41 },
	{ .path = "/var/log", .mount_id = 42 }, { .path = "/var/log/journal", .mount_id = 42 },
	{ .path = "/var/log/mysql", .mount_id = 42 }, { .path = "/efs/db", .mount_id = 43 },
	{ .path = "/archive", .mount_id = 45 }, { .path = "/archive/2020", .mount_id = 45 },
	{ .path = "/etc/mysql", .mount_id = 27 }, { .path = "/link", .mount_id = 40, .link = "data" },
	{ .path = "/binlog", .mount_id = 27, .link = "/var/log/mysql" }, {}
};

static const struct machine *make_plan(const char *mountinfo, const struct machine_path *which)
{
	const struct machine *machine = machine_make(mountinfo, which, NULL);
	const struct plan_request request = { .all = true, .machine = machine };

	plan_free(&plan);
	assert_int_equal(plan_make(&plan, &request, &findings), 0);
	findings_free(&findings);
	return machine;
}

/* What a hook "db" that says these paths is told; the only finding, if there is one, says @text */
static bool check(const struct machine *machine, char **said, int code, const char *text)
{
	const struct files_check with = {
		.config = &hookdir_config, .plan = &plan, .machine = machine, .findings = &findings,
	};
	struct text_list list = { .v = said };
	bool good;

	while (said[list.n])
		list.n++;
	findings_free(&findings);
	good = files_are_frozen(&with, "db", &list);
	if (!text) {
		if (findings.n)
			fail_msg("%s", findings.v[0].message);
		return good;
	}
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.v[0].code, code);
	assert_string_equal(findings.v[0].target, "db");
	if (!strstr(findings.v[0].message, text))
		fail_msg("%s", findings.v[0].message);
	return good;
}

#define SAID(...) ((char *[]){ __VA_ARGS__, NULL })

static void files_on_what_is_frozen(void **state)
{
	const struct machine *machine = make_plan("ec2.mountinfo", paths);

	(void)state;
	assert_true(check(machine, SAID("/data", "/data/my db", "/var/lib/mysql", "/link"), 0, NULL));
	/* nobody writes there */
	assert_true(check(machine, SAID("/archive/2020"), 0, NULL));
	assert_true(check(machine, SAID(NULL), 0, NULL));
}

static void files_on_what_is_not_frozen(void **state)
{
	const struct machine *machine = make_plan("ec2.mountinfo", paths);

	(void)state;
	assert_false(check(machine, SAID("/data", "/var/log/mysql"), 206,
			   "has files in /var/log/mysql, which is on /var/log (ext4), and that is not frozen: it holds /var/log/journal"));
	assert_false(check(machine, SAID("/binlog"), 206, "which is on /var/log"));
	assert_false(check(machine, SAID("/etc/mysql"), 206, "it is the root filesystem"));
	assert_false(check(machine, SAID("/efs/db"), 206, "it is a network filesystem"));
	assert_false(check(machine, SAID("/nowhere"), 206, "cannot be found: No such file"));
	assert_non_null(strstr(findings.v[0].message, "allow_unfrozen"));
}

/* A dead server is known by its mount, and not asked. */
static void files_on_a_dead_server(void **state)
{
	const struct machine *machine = make_plan("ec2.mountinfo", paths);

	(void)state;
	made_up.hangs = "/efs";
	assert_false(check(machine, SAID("/efs/db"), 206, "network"));
	assert_int_equal(made_up.opened_hanging, 0);
}

static void what_is_allowed_is_a_warning(void **state)
{
	const struct machine *machine = make_plan("ec2.mountinfo", paths);

	(void)state;
	assert_int_equal(hookdir_configure("[hook db]\nallow_unfrozen = yes\n"), 0);
	assert_true(check(machine, SAID("/var/log/mysql"), 0, "that is allowed"));
	assert_true(check(machine, SAID("/nowhere"), 0, "that is allowed"));
	assert_int_equal(hookdir_configure("[hook other]\nallow_unfrozen = yes\n"), 0);
	assert_false(check(machine, SAID("/var/log/mysql"), 206, "--allow-unfrozen"));
}

static void configured_paths_count_too(void **state)
{
	const struct machine *machine = make_plan("ec2.mountinfo", paths);

	(void)state;
	assert_int_equal(hookdir_configure("[hook db]\npaths = /data/my db\npaths = /etc/mysql\n"), 0);
	assert_false(check(machine, SAID("/data"), 206, "has files in /etc/mysql"));
}

/* An overlay keeps nothing itself. */
static void files_on_an_overlay(void **state)
{
	static const struct machine_path overlays[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/persist", .mount_id = 28 },
		{ .path = "/persist/upper", .mount_id = 28 }, { .path = "/data", .mount_id = 29 },
		{ .path = "/data/upper", .mount_id = 29 }, { .path = "/merged/db", .mount_id = 30 },
		{ .path = "/db", .mount_id = 27 }, {}
	};
	const struct machine *machine = make_plan("overlay-root.mountinfo", overlays);

	(void)state;
	assert_true(check(machine, SAID("/merged/db"), 0, NULL));
	assert_false(check(machine, SAID("/db"), 206, "which is on /persist (ext4)"));
}

static void hooks_need_files_too(void **state)
{
	struct text_list files = { 0 };
	struct hooks hooks = { 0 };
	bool shell = false;
	size_t i;

	(void)state;
	hookdir_hook("10-db", "");
	hookdir_hook("20-web", "");
	assert_int_equal(hookdir_configure("[hook web]\nenabled = no\n"), 0);
	assert_int_equal(hooks_find(&hooks, &hookdir_config, &(struct text_list){ 0 }, &findings), 0);
	assert_int_equal(files_of_hooks(&hookdir_config, &hooks, &files), 0);
	/* the records' directory is made in this one */
	assert_string_equal(files.v[0], hookdir);
	assert_non_null(strstr(files.v[1], "hooks.d/10-db"));
	for (i = 2; i < files.n; i++) {
		shell |= !strcmp(files.v[i], realpath("/bin/sh", (char[PATH_MAX]){ 0 }));
		assert_null(strstr(files.v[i], "20-web"));
	}
	assert_true(shell);
	text_list_free(&files);
	hooks_free(&hooks);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hookdir_make, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_on_what_is_frozen),
		TEST(files_on_what_is_not_frozen),
		TEST(files_on_a_dead_server),
		TEST(what_is_allowed_is_a_warning),
		TEST(configured_paths_count_too),
		TEST(files_on_an_overlay),
		TEST(hooks_need_files_too),
	};

	(void)count_fds;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
