// SPDX-License-Identifier: GPL-2.0-only
/* hooks, hook_call: which hooks there are, and what one call of one is like */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include <freezeguard.h>

#include "hookdir.h"
#include "apps/hook_call.h"
#include "apps/hooks.h"
#include "base/timefmt.h"

static struct hooks hooks;
static struct hook_call run = { .in = -1, .out = -1 };
static const struct hook_call_args call = {
	.id = "dlm-None", .limit_ms = 61500, .paths = "/data\n/my logs", .keep = "/keep/x",
};

static int teardown(void **state)
{
	hooks_free(&hooks);
	hook_call_close(&run);
	return hookdir_remove(state);
}

static int find(const char *app)
{
	char *names[] = { (char *)app };
	const struct text_list apps = { .v = names, .n = app ? 1 : 0 };

	hooks_free(&hooks);
	findings_free(&hookdir_findings);
	return hooks_find(&hooks, &hookdir_config, &apps, &hookdir_findings);
}

static void order_names_and_kinds(void **state)
{
	(void)state;
	hookdir_hook("20-mysql.session", "");
	hookdir_hook("10-web", "");
	hookdir_hook("100-late.sh", "");
	hookdir_hook("Plain", "");
	hookdir_hook("9x", "");
	/* None of these is one. */
	hookdir_hook("30-old.bak", "");
	hookdir_hook("30-old~", "");
	hookdir_hook(".hidden", "");
	hookdir_hook("30-x.dpkg-new", "");
	hookdir_hook("30-x.rpmsave", "");
	hookdir_hook("#30-x#", "");
	hookdir_hook("30-x.save", "");
	hookdir_hook("30-x.disabled", "");
	hookdir_write("hooks.d/README", "text", 0644);
	hookdir_write("hooks.d/README.md", "text", 0644);
	hookdir_hook("/shipped", "");

	assert_int_equal(find(NULL), 0);
	assert_int_equal(hookdir_findings.n, 0);
	assert_int_equal(hooks.n, 5);
	assert_string_equal(hooks.v[0].name, "web");
	assert_string_equal(hooks.v[1].name, "late.sh");
	assert_string_equal(hooks.v[2].name, "mysql");
	assert_string_equal(hooks.v[3].name, "9x");
	assert_string_equal(hooks.v[4].name, "Plain");
	assert_false(hooks.v[0].session);
	assert_true(hooks.v[2].session);
	assert_int_equal(hooks_n_called(&hooks), 5);
	assert_int_equal(hooks.v[0].timeout_ms, 5000);
}

/* The path of a file of the directory; valid until the next call. */
static const char *in_dir(const char *file)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", hookdir, file);
	return path;
}

static void none_at_all(void **state)
{
	(void)state;
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hooks.n, 0);
	assert_int_equal(hookdir_findings.n, 0);
	/* As it is where no hook was ever enabled: nothing names the directory. */
	rmdir(in_dir("hooks.d"));
	memset(hookdir_config.from, 0, sizeof(hookdir_config.from));
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hookdir_findings.n, 0);
}

static void a_directory_that_the_configuration_names_is_missing(void **state)
{
	(void)state;
	rmdir(in_dir("hooks.d"));
	hookdir_hook("/mysql.session", "");
	assert_int_equal(find(NULL), -ENOENT);
	assert_int_equal(hookdir_findings.n, 1);
	assert_int_equal(hookdir_findings.v[0].code, 1);
	assert_non_null(strstr(hookdir_findings.v[0].target, "/conf:2"));
	assert_non_null(strstr(hookdir_findings.v[0].message, "hooks.d"));
	assert_non_null(strstr(hookdir_findings.v[0].message, "mkdir"));
	/* Those that are found all the same can be called, to undo something. */
	assert_int_equal(find("mysql"), -ENOENT);
	assert_int_equal(hooks_n_called(&hooks), 1);
	/* A link that leads nowhere is no directory that was never made. */
	assert_int_equal(symlink("/nowhere", in_dir("hooks.d")), 0);
	memset(hookdir_config.from, 0, sizeof(hookdir_config.from));
	assert_int_equal(find(NULL), -ENOENT);
	assert_int_equal(hookdir_findings.v[0].code, 206);
	assert_non_null(strstr(hookdir_findings.v[0].message, "/nowhere"));
	unlink(in_dir("hooks.d"));
}

/* The hook of this name is refused with these words, and with 206. */
static void is_refused(const char *name, const char *why, const char *help)
{
	size_t i;

	for (i = 0; i < hooks.n && strcmp(hooks.v[i].name, name); i++)
		;
	if (i == hooks.n || !hooks.v[i].wrong)
		fail_msg("%s is not refused", name);
	if (!strstr(hooks.v[i].skip, why) || !strstr(hooks.v[i].skip, help))
		fail_msg("of %s it is said: %s", name, hooks.v[i].skip);
	findings_free(&hookdir_findings);
	hooks_refuse(&hooks, &hookdir_findings);
	for (i = 0; i < hookdir_findings.n; i++)
		assert_int_equal(hookdir_findings.v[i].code, 206);
	assert_true(hookdir_findings.n > 0);
}

static void what_cannot_be_called_is_refused(void **state)
{
	(void)state;
	/* Its package was removed, or installed elsewhere. */
	assert_int_equal(symlink("/nowhere/mysql.session", in_dir("hooks.d/20-mysql.session")), 0);
	assert_int_equal(find(NULL), 0);
	is_refused("mysql", "/nowhere/mysql.session", "rm ");
	hookdir_hook("/mysql.session", "");
	assert_int_equal(find(NULL), 0);
	is_refused("mysql", "/nowhere/mysql.session", "ln -sf ");
	assert_non_null(strstr(hooks.v[0].skip, in_dir("shipped/mysql.session")));
	/* What a link leads to counts, too. */
	chmod(in_dir("shipped/mysql.session"), 0644);
	unlink(in_dir("hooks.d/20-mysql.session"));
	assert_int_equal(symlink("../shipped/mysql.session", in_dir("hooks.d/20-mysql.session")), 0);
	assert_int_equal(find(NULL), 0);
	is_refused("mysql", "not executable", "chmod ");
	chmod(in_dir("shipped/mysql.session"), 0755);
	hookdir_write("hooks.d/30-copied.session", "#!/bin/sh\n", 0644);
	assert_int_equal(mkdir(in_dir("hooks.d/40-dir"), 0755), 0);
	assert_int_equal(mkfifo(in_dir("hooks.d/50-pipe"), 0755), 0);
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hooks_n_called(&hooks), 1);
	is_refused("copied", "not executable", "chmod 755 ");
	is_refused("dir", "directory", ".sample");
	is_refused("pipe", "not a regular file", ".sample");
	/* Others are named. */
	assert_int_equal(find("mysql"), 0);
	findings_free(&hookdir_findings);
	hooks_refuse(&hooks, &hookdir_findings);
	assert_int_equal(hookdir_findings.n, 0);
}

/* That the own one was meant is certain; one that comes with freezeguard is no substitute. */
static void a_broken_one_is_not_replaced(void **state)
{
	(void)state;
	hookdir_write("hooks.d/20-mysql.session", "#!/bin/sh\n", 0644);
	hookdir_hook("/mysql.session", "");
	assert_int_equal(find("mysql"), 0);
	assert_int_equal(hooks_n_called(&hooks), 0);
	is_refused("mysql", "not executable", "chmod 755 ");
}

static void a_section_without_a_hook(void **state)
{
	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("/mysql.session", "");
	assert_int_equal(hookdir_configure("[hook web]\ntimeout = 1s\n[hook billing]\n"
					   "timeout = 1s\n[hook old]\nenabled = no\n"), 0);
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hooks_n_called(&hooks), 1);
	is_refused("billing", "no hook of that name", "ln -s");
	assert_int_equal(hookdir_findings.n, 1);
	assert_non_null(strstr(hookdir_findings.v[0].target, "/conf:9"));
	/* Another one is to be called. */
	assert_int_equal(find("web"), 0);
	hooks_refuse(&hooks, &hookdir_findings);
	assert_int_equal(hookdir_findings.n, 0);
	/* It is there, it was set up, and it would not be called. */
	assert_int_equal(hookdir_configure("[hook mysql]\nenv.A = b\n"), 0);
	assert_int_equal(find(NULL), 0);
	is_refused("mysql", "not enabled", "ln -s");
	assert_non_null(strstr(hooks.v[1].skip, in_dir("shipped/mysql.session")));
	assert_int_equal(find("mysql"), 0);
	hooks_refuse(&hooks, &hookdir_findings);
	assert_int_equal(hookdir_findings.n, 0);
	assert_int_equal(hooks_n_called(&hooks), 1);
}

static void those_that_are_named(void **state)
{
	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-mysql.session", "");
	hookdir_hook("/mysql.session", "");
	hookdir_hook("/postgresql.session", "");
	assert_int_equal(find("mysql"), 0);
	assert_int_equal(hooks.n, 2);
	assert_int_equal(hooks_n_called(&hooks), 1);
	assert_null(hooks.v[1].skip);
	assert_non_null(strstr(hooks.v[1].path, "/hooks.d/20-mysql.session"));
	/* One that comes with freezeguard needs no link. */
	assert_int_equal(find("postgresql"), 0);
	assert_int_equal(hookdir_findings.n, 0);
	assert_int_equal(hooks_n_called(&hooks), 1);
	assert_string_equal(hooks.v[2].name, "postgresql");
	assert_non_null(strstr(hooks.v[2].path, "/shipped/postgresql.session"));
	assert_int_equal(find("oracle"), 0);
	assert_int_equal(hookdir_findings.n, 1);
	assert_int_equal(hookdir_findings.v[0].code, 206);
	assert_string_equal(hookdir_findings.v[0].target, "oracle");
}

static void settings_of_one(void **state)
{
	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-mysql.session", "");
	assert_int_equal(hookdir_configure("hook_timeout = 3s\n[hook web]\nenabled = no\n"
					   "[hook mysql]\nthaw_timeout = 7s\nenv.A = b c\n"), 0);
	assert_int_equal(find(NULL), 0);
	assert_non_null(strstr(hooks.v[0].skip, "disabled"));
	assert_false(hooks.v[0].wrong);
	assert_null(hooks.v[1].skip);
	assert_int_equal(hooks.v[1].timeout_ms, 3000);
	assert_int_equal(hooks.v[1].thaw_timeout_ms, 7000);
	assert_string_equal(hooks.v[1].env->v[0], "A=b c");
	/* To name what is disabled is an error, not an override. */
	assert_int_equal(find("web"), 0);
	assert_int_equal(hookdir_findings.n, 1);
	assert_int_equal(hookdir_findings.v[0].code, 206);
}

static void what_others_could_write_is_not_run(void **state)
{
	char link_path[200];
	char path[200];

	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-mysql", "");
	snprintf(path, sizeof(path), "%s/hooks.d/20-mysql", hookdir);
	chmod(path, 0775);
	assert_int_equal(find(NULL), 0);
	assert_null(hooks.v[0].skip);
	assert_true(hooks.v[1].wrong);
	assert_int_equal(hooks_n_called(&hooks), 1);
	hooks_refuse(&hooks, &hookdir_findings);
	assert_int_equal(hookdir_findings.n, 1);
	assert_int_equal(hookdir_findings.v[0].code, 206);
	assert_non_null(strstr(hookdir_findings.v[0].message, "mode 775"));
	chmod(path, 0755);
	snprintf(path, sizeof(path), "%s/hooks.d", hookdir);
	chmod(path, 0777);
	assert_int_equal(find(NULL), 0);
	assert_true(hooks.v[0].wrong && hooks.v[1].wrong);
	chmod(path, 0755);
	/* What a link leads to, and what comes with freezeguard. */
	snprintf(path, sizeof(path), "%s/shipped", hookdir);
	hookdir_hook("/aux", "");
	snprintf(link_path, sizeof(link_path), "%s/hooks.d/30-link", hookdir);
	assert_int_equal(symlink("../shipped/aux", link_path), 0);
	chmod(path, 0777);
	assert_int_equal(find(NULL), 0);
	assert_true(hooks.v[2].wrong);
	assert_non_null(strstr(hooks.v[2].skip, "could replace it"));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(find("aux"), 0);
	assert_true(hooks.v[2].wrong);
	/* As /tmp: nobody can replace what is another's. */
	chmod(path, 01777);
	assert_int_equal(find("aux"), 0);
	assert_null(hooks.v[2].skip);
}

/* The only hook's reason not to be run, which has to say this. */
static void refused(const char *says)
{
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hooks.n, 1);
	assert_true(hooks.v[0].wrong);
	if (!strstr(hooks.v[0].skip, says))
		fail_msg("'%s' does not say '%s'", hooks.v[0].skip, says);
}

static void accepted(void)
{
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hooks.n, 1);
	assert_null(hooks.v[0].skip);
}

/* A path in the directory of the test. */
static const char *in(const char *file)
{
	static char text[4][200];
	static int i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), "%s/%s", hookdir, file);
	return text[i];
}

/* hooks.d/10-web leads through a/link to b/dir/web. */
static void every_step_to_a_hook_is_checked(void **state)
{
	static const char *const steps[] = { "", "a", "b", "b/dir", "etc" };
	size_t i;

	(void)state;
	assert_int_equal(mkdir(in("a"), 0755) | mkdir(in("b"), 0755) | mkdir(in("b/dir"), 0755) |
			 mkdir(in("etc"), 0755), 0);
	hookdir_write("b/dir/web", "#!/bin/sh\n", 0755);
	assert_int_equal(symlink("../b/dir", in("a/link")), 0);
	assert_int_equal(symlink("../../a/link/web", in("hooks.d/10-web")), 0);
	assert_int_equal(rename(in("hooks.d"), in("etc/hooks.d")), 0);
	assert_int_equal(symlink("etc/hooks.d", in("hooks.d")), 0);
	accepted();
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		assert_int_equal(chmod(in(steps[i]), 0775), 0);
		refused("could replace it");
		assert_int_equal(chmod(in(steps[i]), 0757), 0);
		refused("could replace it");
		assert_int_equal(chmod(in(steps[i]), 01777), 0);
		accepted();
		assert_int_equal(chmod(in(steps[i]), 0755), 0);
	}
	accepted();
	/* Others could add hooks to it. */
	assert_int_equal(chmod(in("etc/hooks.d"), 01777), 0);
	refused("could change");
	assert_int_equal(chmod(in("etc/hooks.d"), 0755), 0);
	if (geteuid())
		skip();
	/* The owner of a directory, and of a link in a sticky one, could put another there. */
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		assert_int_equal(chown(in(steps[i]), 65534, 0), 0);
		refused("belongs to user 65534");
		assert_int_equal(chown(in(steps[i]), 0, 0), 0);
	}
	assert_int_equal(lchown(in("a/link"), 65534, 0), 0);
	refused("a/link belongs to user 65534");
}

static void two_of_one_name(void **state)
{
	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-web.session", "");
	assert_int_equal(find(NULL), 0);
	assert_null(hooks.v[0].skip);
	assert_true(hooks.v[1].wrong);
	hooks_refuse(&hooks, &hookdir_findings);
	assert_int_equal(hookdir_findings.v[0].code, 206);
}

/* Run the only hook there is. */
static bool whole(const char *verb, uint32_t ms)
{
	hook_call_close(&run);
	assert_int_equal(find(NULL), 0);
	return hook_call_whole(&run, &hooks.v[0], verb, &call,
			       freezeguard_now_ns() + ms * NS_PER_MS);
}

static void one_call(void **state)
{
	(void)state;
	hookdir_hook("10-web", "echo \"$# $1\"; echo err >&2; pwd; exit 3");
	assert_true(whole("freeze", 20000));
	assert_int_equal(hook_call_exit_status(&run), 3);
	assert_non_null(strstr(run.output, "1 freeze\nerr\n/"));
	hookdir_hook("10-web", "kill -9 $$");
	assert_true(whole("freeze", 20000));
	assert_int_equal(hook_call_exit_status(&run), 128 + 9);
	/* A script without an interpreter's line is a shell's, as always. */
	hookdir_write("hooks.d/10-web", "echo plain $1\n", 0755);
	assert_true(whole("thaw", 20000));
	assert_string_equal(run.output, "plain thaw\n");
	hookdir_write("hooks.d/10-web", "#!/nowhere/sh\n", 0755);
	assert_true(whole("thaw", 20000));
	assert_int_equal(hook_call_exit_status(&run), 127);
	assert_non_null(strstr(run.output, "cannot be run"));
}

static void environment_is_clean(void **state)
{
	const char *text;

	(void)state;
	setenv("SECRET", "x", 1);
	signal(SIGUSR1, SIG_IGN);
	hookdir_hook("10-web", "env | sort; ls /proc/self/fd | wc -l; cat; umask\n"
		     "grep SigIgn /proc/self/status");
	hookdir_configure("[hook web]\nenv.HOME = /srv\nenv.DB = a b\n");
	assert_true(whole("freeze", 20000));
	signal(SIGUSR1, SIG_DFL);
	assert_null(strstr(run.output, "SECRET"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_HOOK=web\n"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_ID=dlm-None\n"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_TIMEOUT=5\n"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_LIMIT=62\n"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_PATHS=/data\n"));
	assert_non_null(strstr(run.output, "FREEZEGUARD_KEEP=/keep/x/web\n"));
	assert_non_null(strstr(run.output, "DB=a b\n"));
	assert_non_null(strstr(run.output, "HOME=/srv\n"));
	assert_null(strstr(run.output, "HOME=/root\n"));
	/* 0, 1, 2 and the one of ls */
	assert_non_null(strstr(run.output, "4\n0022\n"));
	/* Two are the C library's own, which can't be set. */
	text = strstr(run.output, "SigIgn:\t");
	assert_non_null(text);
	assert_int_equal(strtoull(text + 8, NULL, 16) & ~0x180000000ULL, 0);
}

/* Only hooks that ask for it are called later, with what they had noted. */
static void a_call_when_all_is_done(void **state)
{
	const struct hook_call_args done = {
		.id = "x", .timeout_ms = 90000, .limit_ms = 90000, .paths = "",
		.notes = "at=5\ngtid=7", .keep = "/keep/x",
	};

	(void)state;
	hookdir_hook("10-web", "echo wants complete; echo WANTS complete, please; echo $1");
	assert_true(whole("freeze", 20000));
	assert_false(run.wants_complete);
	hookdir_hook("10-web", "echo WANTS complete; echo \"$1 $FREEZEGUARD_TIMEOUT $FREEZEGUARD_NOTES\"");
	assert_true(whole("freeze", 20000));
	assert_true(run.wants_complete);
	assert_string_equal(run.output, "freeze 5 \n");
	hook_call_close(&run);
	assert_true(hook_call_whole(&run, &hooks.v[0], "complete", &done,
				    freezeguard_now_ns() + 20 * NS_PER_S));
	assert_string_equal(run.output, "complete 90 at=5\ngtid=7\n");
}

static void too_slow(void **state)
{
	uint64_t begin = freezeguard_now_ns();

	(void)state;
	hookdir_hook("10-web", "echo begun; sleep 60 & echo $! >sleeper; wait; echo never");
	assert_false(whole("freeze", 300));
	assert_int_equal(hook_call_exit_status(&run), 128 + SIGTERM);
	assert_string_equal(run.output, "begun\n");
	/* Its whole group was ended. */
	assert_true(hookdir_gone(atoi(hookdir_read("sleeper"))));
	hookdir_hook("10-web", "trap '' TERM; while :; do sleep 0.05; done");
	assert_false(whole("freeze", 100));
	assert_int_equal(hook_call_exit_status(&run), 128 + SIGKILL);
	assert_true(freezeguard_now_ns() - begin < 30 * NS_PER_S);
}

static void what_it_leaves_running_is_left_alone(void **state)
{
	pid_t sleeper;

	(void)state;
	hookdir_hook("10-web", "sleep 60 & echo $! >sleeper");
	assert_true(whole("freeze", 20000));
	assert_int_equal(hook_call_exit_status(&run), 0);
	sleeper = atoi(hookdir_read("sleeper"));
	assert_int_equal(kill(sleeper, SIGKILL), 0);
}

static void output_is_bounded(void **state)
{
	(void)state;
	hookdir_hook("10-web", "echo first; seq 100000; echo READY; printf end");
	assert_true(whole("freeze", 30000));
	assert_true(run.n_output < HOOK_CALL_OUTPUT_MAX);
	assert_true(run.n_output > HOOK_CALL_OUTPUT_MAX / 2);
	assert_null(strstr(run.output, "first"));
	/* Only a session can be ready, and an unfinished line is one, too. */
	assert_non_null(strstr(run.output, "100000\nREADY\nend"));
	assert_false(run.ready);
	hookdir_hook("10-web", "head -c 3000 /dev/zero | tr '\\0' x; echo; printf 'a\\0b\\n'");
	assert_true(whole("freeze", 30000));
	assert_int_equal(run.n_output, 3005);
	assert_non_null(strstr(run.output, "\na b\n"));
}

static void a_session(void **state)
{
	uint64_t until = freezeguard_now_ns() + 20 * NS_PER_S;

	(void)state;
	hookdir_hook("10-web.session", "echo '$1' $1; echo NOTE file=bin.7; echo NOTE nothing\n"
		     "echo PATH /srv/my db; echo PATH relative; echo PATH /srv/log\n"
		     "echo \"NOTE gtid=$(head -c 3000 /dev/zero | tr '\\0' x)\"\n"
		     "echo READY; echo PATH /late; read -r why; echo \"[$why]\"; exit 4");
	assert_int_equal(find(NULL), 0);
	assert_int_equal(hook_call_start(&run, &hooks.v[0], "session", &call), 0);
	while (!run.ready && freezeguard_now_ns() < until) {
		usleep(5000);
		hook_call_read(&run);
	}
	assert_true(run.ready);
	if (hook_call_reap(&run))
		fail_msg("ended: %d %s", hook_call_exit_status(&run), run.output);
	assert_int_equal(hook_call_exit_status(&run), -1);
	assert_int_equal(run.n_notes, 2);
	assert_string_equal(run.notes[0], "file=bin.7");
	assert_int_equal(strlen(run.notes[1]), 3005);
	assert_int_equal(run.paths.n, 2);
	assert_string_equal(run.paths.v[0], "/srv/my db");
	assert_string_equal(run.paths.v[1], "/srv/log");
	hook_call_let_go(&run, "thaw");
	while (!hook_call_reap(&run) && freezeguard_now_ns() < until)
		usleep(5000);
	assert_int_equal(hook_call_exit_status(&run), 4);
	/* After READY the comparison with what is frozen is over. */
	assert_int_equal(run.paths.n, 2);
	assert_string_equal(run.output,
			    "$1 session\nNOTE nothing\nPATH relative\nPATH /late\n[thaw]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_names_and_kinds, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(none_at_all, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_the_configuration_names_is_missing,
						hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_called_is_refused, hookdir_make,
						teardown),
		cmocka_unit_test_setup_teardown(a_broken_one_is_not_replaced, hookdir_make,
						teardown),
		cmocka_unit_test_setup_teardown(a_section_without_a_hook, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(those_that_are_named, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(settings_of_one, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(what_others_could_write_is_not_run, hookdir_make,
						teardown),
		cmocka_unit_test_setup_teardown(every_step_to_a_hook_is_checked, hookdir_make,
						teardown),
		cmocka_unit_test_setup_teardown(two_of_one_name, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(one_call, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(environment_is_clean, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(a_call_when_all_is_done, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(too_slow, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(what_it_leaves_running_is_left_alone, hookdir_make,
						teardown),
		cmocka_unit_test_setup_teardown(output_is_bounded, hookdir_make, teardown),
		cmocka_unit_test_setup_teardown(a_session, hookdir_make, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
