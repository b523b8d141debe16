// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks that come with freezeguard for products that have no free server, and the one for any
 * command pair, run by a supervisor. IRIS, HANA and docker are stand-ins that follow the vendors'
 * documented contracts: what is called in which order with what, and the exit codes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervised.h"

/* A script in bin/, which is in front of the hooks' PATH. */
static void stand_in(const char *name, const char *script)
{
	char path[100], text[4096];

	snprintf(path, sizeof(path), "bin/%s", name);
	snprintf(text, sizeof(text), "#!/bin/sh\nS=%s\n%s", hookdir, script);
	hookdir_write(path, text, 0755);
}

/* Link a hook that comes with freezeguard, and configure it. */
static void ship(const char *file, const char *name, const char *settings)
{
	char from[400], to[400], text[2000];

	snprintf(from, sizeof(from), "%s/../../../userspace/hooks/%s", TEST_DATA, file);
	snprintf(to, sizeof(to), "%s/hooks.d/50-%s%s", hookdir, name,
		 strstr(file, ".session") ? ".session" : "");
	assert_int_equal(symlink(from, to), 0);
	snprintf(text, sizeof(text), "[hook %s]\nenv.PATH = %s/bin:/usr/bin:/bin\n%s\n", name,
		 hookdir, settings);
	assert_int_equal(hookdir_configure(text), 0);
}

static int setup_bin(void **state)
{
	char path[100];

	if (setup(state))
		return -1;
	snprintf(path, sizeof(path), "%s/bin", hookdir);
	if (mkdir(path, 0755))
		return -1;
	/* Both ways in which it is called here. */
	stand_in("runuser", "echo \"as $2\" >>$S/users\n"
		 "if [ \"$1\" = -u ]; then shift 3; exec \"$@\"; fi\n"
		 "shell=$4 script=$6; shift 7; exec \"$shell\" -c \"$script\" \"$@\"\n");
	stand_in("id", "exit 0\n");
	return 0;
}

static void quiet(void)
{
	struct supervisor_message message = { 0 };

	start(true, 60000, 20000, 20000);
	assert_int_equal(supervisor_hear(&supervisor, in_s(30), &message), 0);
	load();
	if (message.word != SUPERVISOR_QUIET)
		fail_msg("word %u: %s", message.word, record.apps[0].output);
	tell(SUPERVISOR_LEASE);
}

static void fails(enum record_app_state state, const char *says)
{
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	app_is(0, record.apps[0].name, state);
	if (!strstr(record.apps[0].output, says))
		fail_msg("'%s' does not say '%s'", record.apps[0].output, says);
}

/* A "request" is that of the post-script, in time: a success. */
static void ends(const char *cause, enum record_app_state state)
{
	int post_script = -1;

	if (!strcmp(cause, "request")) {
		supervisor_leave(&supervisor);
		post_script = client(SUPERVISOR_POST_SCRIPT);
	}
	hookdir_write("lease", cause, 0644);
	over(cause);
	if (post_script >= 0)
		close(post_script);
	if (record.apps[0].state != state)
		fail_msg("%s: %s%s", record_app_state_name(record.apps[0].state),
			 record.apps[0].output, record.apps[0].thaw_output);
}

/* What "HOOK check" exits with. */
static int check(void)
{
	static const struct text_list none;
	const struct hook_call_args call = { .id = ID, .paths = "", .keep = "/keep" };
	struct hook_call run;
	int status;

	assert_int_equal(hooks_find(&hooks, &hookdir_config, &none, &hookdir_findings), 0);
	assert_true(hook_call_whole(&run, &hooks.v[0], "check", &call, in_s(20)));
	status = hook_call_exit_status(&run);
	hook_call_close(&run);
	hooks_free(&hooks);
	return status;
}

/* ---- generic ---- */

static void generic_pair(void **state)
{
	char text[400];

	(void)state;
	snprintf(text, sizeof(text), "env.FREEZE_COMMAND = echo pause $FREEZEGUARD_HOOK >>%s/log\n"
		 "env.THAW_COMMAND = echo resume >>%s/log && echo done", hookdir, hookdir);
	ship("generic", "myapp", text);
	quiet();
	log_is("pause myapp\n");
	ends("request", RECORD_APP_RELEASED);
	log_is("pause myapp\nresume\n");
	assert_string_equal(record.apps[0].thaw_output, "done\n");
}

static void generic_not_ready(void **state)
{
	(void)state;
	ship("generic", "myapp", "env.FREEZE_COMMAND = exit 75\nenv.THAW_COMMAND = true");
	fails(RECORD_APP_NOT_READY, "");
}

static void generic_without_commands(void **state)
{
	(void)state;
	ship("generic", "myapp", "env.FREEZE_COMMAND = true");
	fails(RECORD_APP_NOT_READY, "must both be set in [hook myapp]");
}

/* ---- IRIS ---- */

/*
 * Two instances on this machine, one of them down; one in a container, if there is a docker. The default
 * instance has a mark. The lines are those of real machines, but for the names.
 */
static void stand_in_iris(void)
{
	stand_in("iris", "[ $1 = qall ] || exit 1\n"
		 "name=${PLACE:-here}\n"
		 "echo 'Status'; echo '   Instance Name    Version ID        Port   Web    Directory'\n"
		 "[ -e $S/all-down ] || cat <<END\n"
		 "up >${name}A          2024.1.1.347.0.2  1972   52773  /usr/irissys\n"
		 "dn  ${name}B          2018.1.5.659.0    56773  57773  /opt/b\nEND\n"
		 "[ ! -e $S/two-up ] || [ $name != here ] || echo 'up  hereC          2018.1.5.659.0    56774  57774  /opt/c'\n");
	stand_in("irissession", "[ \"$2 $3\" = '-U %SYS' ] || exit 1\n"
		 "[ ! -e $S/all-down ] || exit 1\n"
		 "method=${4#*Backup.General).}\n"
		 "echo \"$1 $method\" >>$S/log\n"
		 "case $method in\n"
		 "IsWDSuspendedExt*) [ ! -e $S/$1.suspended ] || exit 5; exit 3 ;;\n"
		 "ExternalFreeze*) [ ! -e $S/$1.fails ] || exit 3; : >$S/$1.suspended; exit 5 ;;\n"
		 "ExternalThaw*) [ ! -e $S/stuck ] || exit 3; rm $S/$1.suspended; exit 5 ;;\n"
		 "ExternalSetHistory*) exit 5 ;;\n"
		 "esac\nexit 1\n");
}

static void stand_in_docker(void)
{
	stand_in("docker", "case $1 in\n"
		 "ps) echo 'c1 intersystems/iris:2024'; echo 'web nginx' ;;\n"
		 "exec) PLACE=$2; export PLACE; shift 2; exec \"$@\" ;;\nesac\n");
}

static bool suspended(const char *instance)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s.suspended", hookdir, instance);
	return !access(path, F_OK);
}

static void iris(void **state)
{
	const char *log;

	(void)state;
	stand_in_iris();
	stand_in_docker();
	hookdir_write("two-up", "", 0644);
	ship("iris.session", "iris", "env.IRIS_USER = irisowner");
	assert_int_equal(check(), 0);
	quiet();
	assert_true(suspended("hereA") && suspended("hereC") && suspended("c1A"));
	assert_false(suspended("hereB") || suspended("webA"));
	log = hookdir_read("log");
	/* The server's own bound is the seventh argument: 20 s, 60 s and 2 s */
	assert_non_null(strstr(log, "hereA ExternalFreeze(,,,,,,8"));
	assert_null(strstr(log, "Thaw"));
	assert_int_equal(record.apps[0].n_notes, 3);
	assert_string_equal(record.apps[0].notes[1], "instance=hereC");
	assert_string_equal(record.apps[0].notes[2], "instance=c1:c1A");
	ends("request", RECORD_APP_RELEASED);
	assert_false(suspended("hereA") || suspended("c1A"));
	log = hookdir_read("log");
	assert_true(strstr(log, "c1A ExternalThaw()") < strstr(log, "hereA ExternalThaw()"));
	assert_non_null(strstr(log, "hereA ExternalSetHistory()"));
	assert_non_null(strstr(hookdir_read("users"), "as irisowner\n"));
}

static void iris_resumed_by_itself(void **state)
{
	char path[200];

	(void)state;
	stand_in_iris();
	ship("iris.session", "iris", "");
	quiet();
	snprintf(path, sizeof(path), "%s/hereA.suspended", hookdir);
	assert_int_equal(unlink(path), 0);
	ends("request", RECORD_APP_LOST);
	assert_true(record.apps[0].lost);
	assert_null(strstr(hookdir_read("log"), "ExternalThaw"));
}

/* Suspended, and then there is that file for the stand-ins. */
static void iris_ends_with(const char *file, enum record_app_state state, const char *says)
{
	stand_in_iris();
	ship("iris.session", "iris", "");
	quiet();
	hookdir_write(file, "", 0644);
	ends("request", state);
	assert_non_null(strstr(record.apps[0].thaw_output, says));
}

static void iris_goes_down(void **state)
{
	(void)state;
	iris_ends_with("all-down", RECORD_APP_LOST, "LOST hereA is down");
}

static void iris_cannot_thaw(void **state)
{
	(void)state;
	iris_ends_with("stuck", RECORD_APP_THAW_FAILED, "hereA could not be resumed: status 3");
}

static void iris_refusals(void **state)
{
	(void)state;
	stand_in_iris();
	stand_in_docker();
	ship("iris.session", "iris", "env.IRIS_CONTAINERS = -");
	hookdir_write("hereA.suspended", "", 0644);
	assert_int_equal(check(), 75);
	fails(RECORD_APP_NOT_READY, "hereA is already suspended");
	/* It is not ours to thaw. */
	assert_true(suspended("hereA"));
}

static void iris_is_down(void **state)
{
	(void)state;
	stand_in_iris();
	ship("iris.session", "iris", "");
	hookdir_write("all-down", "", 0644);
	assert_int_equal(check(), 75);
	fails(RECORD_APP_NOT_READY, "no running instance\n");
	assert_true(record.apps[0].stopped);
}

static void iris_is_not_there(void **state)
{
	(void)state;
	ship("iris.session", "iris", "env.IRIS_CONTAINERS = -");
	fails(RECORD_APP_NOT_READY, "no running instance");
	assert_false(record.apps[0].stopped);
}

static void iris_of_which_one_fails(void **state)
{
	(void)state;
	stand_in_iris();
	stand_in_docker();
	ship("iris.session", "iris", "env.IRIS_CONTAINERS = c1 c2");
	hookdir_write("c2A.fails", "", 0644);
	fails(RECORD_APP_FAILED, "c2:c2A could not be suspended: status 3");
	assert_false(suspended("hereA") || suspended("c1A") || suspended("c2A"));
}

static void iris_when_the_supervisor_dies(void **state)
{
	uint64_t until;

	(void)state;
	stand_in_iris();
	ship("iris.session", "iris", "");
	quiet();
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	for (until = in_s(20); suspended("hereA") && freezeguard_now_ns() < until; )
		usleep(10000);
	assert_false(suspended("hereA"));
}

/* ---- HANA ---- */

static void stand_in_hana(void)
{
	stand_in("hdbsql", "[ \"$5 $6\" = '-U KEY' ] || exit 10\n"
		 "[ ! -e $S/down ] || { echo '* -10709: Connection failed'; exit 3; }\n"
		 "echo \"$7\" | tr -s ' \\t\\n' ' ' | sed 's/ $//' >>$S/log; echo >>$S/log\n"
		 "case $7 in\n"
		 "SELECT*NOT\\ LIKE*) cat $S/foreign 2>/dev/null; exit 0 ;;\n"
		 "SELECT*\"= 'freezeguard\"*) [ ! -e $S/ours ] || cat $S/prepared; exit 0 ;;\n"
		 "SELECT*) echo 'You have mail'; [ -e $S/restarted ] || cat $S/prepared 2>/dev/null; exit 0 ;;\n"
		 "*CREATE*SNAPSHOT*) [ ! -e $S/fails ] || { echo '* 447: no savepoint'; exit 1; }\n"
		 "	[ ! -e $S/slow ] || sleep 8\n"
		 "	echo 1732204800123 >$S/prepared; : >$S/ours ;;\n"
		 "*CLOSE*SNAPSHOT*) [ ! -e $S/restarted ] || { echo '* 447: unknown'; exit 1; }\n"
		 "	[ ! -e $S/stuck ] || { echo '* 447: no'; exit 1; }\n"
		 "	rm $S/prepared ;;\n"
		 "*) exit 10 ;;\nesac\n");
	ship("hana.session", "hana", "env.HANA_KEY = KEY\nenv.HANA_USER = hdbadm\n"
	     "timeout = 5s\nthaw_timeout = 15s");
}

static void hana(void **state)
{
	(void)state;
	stand_in_hana();
	assert_int_equal(check(), 0);
	quiet();
	assert_string_equal(record.apps[0].notes[0], "backup_id=1732204800123");
	assert_non_null(strstr(hookdir_read("log"), "BACKUP DATA FOR FULL SYSTEM CREATE SNAPSHOT "
			       "COMMENT 'freezeguard dlm-None'"));
	ends("request", RECORD_APP_RELEASED);
	assert_non_null(strstr(hookdir_read("log"), "BACKUP DATA FOR FULL SYSTEM CLOSE SNAPSHOT "
			       "BACKUP_ID 1732204800123 SUCCESSFUL 'freezeguard dlm-None'"));
	assert_non_null(strstr(hookdir_read("users"), "as hdbadm\n"));
}

static void hana_at_the_deadline(void **state)
{
	(void)state;
	stand_in_hana();
	quiet();
	ends("deadline", RECORD_APP_RELEASED);
	assert_non_null(strstr(hookdir_read("log"), "BACKUP_ID 1732204800123 UNSUCCESSFUL "
			       "'freezeguard dlm-None: deadline'"));
}

static void hana_when_the_supervisor_dies(void **state)
{
	uint64_t until;

	(void)state;
	stand_in_hana();
	quiet();
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	for (until = in_s(20); !strstr(hookdir_read("log"), "UNSUCCESSFUL") &&
	     freezeguard_now_ns() < until; )
		usleep(10000);
	assert_non_null(strstr(hookdir_read("log"),
			       "UNSUCCESSFUL 'freezeguard dlm-None: given up'"));
}

static void hana_is_down(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("down", "", 0644);
	assert_int_equal(check(), 75);
	fails(RECORD_APP_NOT_READY, "does not answer: * -10709");
}

static void hana_has_one_already(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("foreign", "17", 0644);
	fails(RECORD_APP_NOT_READY, "already prepared, BACKUP_ID 17");
	assert_null(strstr(hookdir_read("log"), "CLOSE"));
}

/* By a hook that was killed: no other backup is possible until it is closed. */
static void hana_has_one_left_behind(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("prepared", "17\n", 0644);
	quiet();
	assert_non_null(strstr(hookdir_read("log"), "BACKUP_ID 17 UNSUCCESSFUL"));
	ends("request", RECORD_APP_RELEASED);
	assert_string_equal(hookdir_read("prepared"), "");
}

static void hana_has_one_left_behind_that_stays(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("prepared", "17\n", 0644);
	hookdir_write("stuck", "", 0644);
	fails(RECORD_APP_FAILED, "BACKUP_ID 17, could not be closed: * 447");
}

static void hana_is_too_slow(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("slow", "", 0644);
	fails(RECORD_APP_FAILED, "");
	assert_string_equal(hookdir_read("prepared"), "");
}

static void hana_cannot_prepare(void **state)
{
	(void)state;
	stand_in_hana();
	hookdir_write("fails", "", 0644);
	fails(RECORD_APP_FAILED, "no snapshot could be prepared: * 447");
}

static void hana_was_restarted(void **state)
{
	(void)state;
	stand_in_hana();
	quiet();
	hookdir_write("restarted", "", 0644);
	ends("request", RECORD_APP_LOST);
	assert_non_null(strstr(record.apps[0].thaw_output, "is no longer prepared: * 447"));
}

static void hana_cannot_close(void **state)
{
	(void)state;
	stand_in_hana();
	quiet();
	hookdir_write("stuck", "", 0644);
	ends("request", RECORD_APP_THAW_FAILED);
	assert_non_null(strstr(record.apps[0].thaw_output, "could not be closed: * 447"));
}

static void hana_without_a_user(void **state)
{
	(void)state;
	ship("hana.session", "hana", "");
	fails(RECORD_APP_NOT_READY, "env.HANA_USER must be set in [hook hana]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_bin, teardown)
	const struct CMUnitTest tests[] = {
		TEST(generic_pair),
		TEST(generic_not_ready),
		TEST(generic_without_commands),
		TEST(iris),
		TEST(iris_resumed_by_itself),
		TEST(iris_goes_down),
		TEST(iris_cannot_thaw),
		TEST(iris_refusals),
		TEST(iris_is_down),
		TEST(iris_is_not_there),
		TEST(iris_of_which_one_fails),
		TEST(iris_when_the_supervisor_dies),
		TEST(hana),
		TEST(hana_at_the_deadline),
		TEST(hana_when_the_supervisor_dies),
		TEST(hana_is_down),
		TEST(hana_has_one_already),
		TEST(hana_has_one_left_behind),
		TEST(hana_has_one_left_behind_that_stays),
		TEST(hana_is_too_slow),
		TEST(hana_cannot_prepare),
		TEST(hana_was_restarted),
		TEST(hana_cannot_close),
		TEST(hana_without_a_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
