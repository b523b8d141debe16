// SPDX-License-Identifier: GPL-2.0-only
/* apps: what freezectl apps shows of hooks and records */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/file.h>
#include <json-c/json.h>

#include "capture.h"
#include "supervised.h"
#include "apps/live.h"
#include "apps/post_script.h"
#include "apps/pre_script.h"

static int setup_conf(void **state)
{
	if (setup(state))
		return -1;
	setenv(CONFIG_ENV, hookdir_conf, 1);
	return 0;
}

static int teardown_conf(void **state)
{
	unsetenv(CONFIG_ENV);
	return teardown(state);
}

static int system_in(const char *command)
{
	char text[300];

	snprintf(text, sizeof(text), "cd %s && %s", hookdir, command);
	return system(text);
}

static struct json_object *document(void)
{
	struct json_object *doc = json_tokener_parse(captured_out);

	assert_non_null(doc);
	return doc;
}

static struct json_object *at(struct json_object *doc, const char *key, size_t i)
{
	return json_object_array_get_idx(json_object_object_get(doc, key), i);
}

static const char *text_at(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

static void nothing(void **state)
{
	(void)state;
	assert_int_equal(FREEZECTL("apps"), 0);
	assert_string_equal(captured_err, "");
	assert_int_equal(FREEZECTL("apps", "--id", "dlm-None"), 205);
	assert_non_null(strstr(captured_err, "dlm-None"));
}

static void hooks_that_were_never_called(void **state)
{
	struct json_object *doc;

	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-db.session", "");
	hookdir_hook("/db.session", "");
	hookdir_hook("/mail", "");
	assert_int_equal(hookdir_configure("[hook web]\nenabled = no\n"), 0);
	assert_int_equal(FREEZECTL("apps"), 0);
	assert_non_null(strstr(captured_out, "web"));
	assert_non_null(strstr(captured_out, "not called"));
	assert_non_null(strstr(captured_out, "idle"));
	assert_non_null(strstr(captured_err, "web: is not called: it is disabled"));
	assert_non_null(strstr(captured_err, "mail: is not called: it is not enabled"));
	assert_int_equal(FREEZECTL("apps", "--json"), 0);
	doc = document();
	/* The shipped one of the same name is not shown. */
	assert_int_equal(json_object_array_length(json_object_object_get(doc, "hooks")), 3);
	assert_string_equal(text_at(at(doc, "hooks", 1), "name"), "db");
	assert_string_equal(text_at(at(doc, "hooks", 1), "kind"), "session");
	assert_string_equal(text_at(at(doc, "hooks", 1), "state"), "idle");
	assert_null(json_object_object_get(at(doc, "hooks", 1), "last"));
	assert_string_equal(text_at(at(doc, "hooks", 2), "name"), "mail");
	assert_false(json_object_get_boolean(
		json_object_object_get(at(doc, "hooks", 2), "enabled")));
	json_object_put(doc);
}

/* What should be called and cannot be is not to be searched for. */
static void what_cannot_be_called(void **state)
{
	(void)state;
	assert_int_equal(system_in("ln -s /nowhere/db.session hooks.d/20-db.session"), 0);
	hookdir_write("hooks.d/10-web", "#!/bin/sh\n", 0644);
	assert_int_equal(hookdir_configure("[hook billing]\ntimeout = 1s\n"), 0);
	assert_int_equal(FREEZECTL("apps"), 0);
	assert_non_null(strstr(captured_err, "web: is not called: it is not executable"));
	assert_non_null(strstr(captured_err, "db: is not called: it links to /nowhere/db.session"));
	assert_non_null(strstr(captured_err, "billing: is not called: [hook billing]"));
	assert_non_null(strstr(captured_out, "billing"));
	assert_int_equal(system_in("rm -r hooks.d"), 0);
	assert_int_equal(FREEZECTL("apps"), 1);
	assert_non_null(strstr(captured_err, "hooks.d, so no hook would be called"));
}

static void while_they_are_quiet_and_after(void **state)
{
	struct json_object *doc, *last;

	(void)state;
	hookdir_hook("10-web", "echo web says $1");
	hookdir_hook("20-db.session", "echo NOTE at=x=5; echo READY; read -r why; echo bye; exit 3");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_STILL);
	assert_int_equal(FREEZECTL("apps", "--json"), 0);
	doc = document();
	assert_string_equal(text_at(at(doc, "hooks", 0), "state"), "quiet");
	assert_string_equal(text_at(at(doc, "sessions", 0), "id"), ID);
	assert_true(json_object_get_boolean(
		json_object_object_get(at(doc, "sessions", 0), "alive")));
	json_object_put(doc);
	assert_int_equal(FREEZECTL("apps", "--id", ID), 0);
	assert_non_null(strstr(captured_out, "alive"));
	assert_non_null(strstr(captured_out, "app db: at=x=5"));

	hookdir_write("lease", "request", 0644);
	over("request");
	assert_int_equal(FREEZECTL("apps", "--json"), 0);
	doc = document();
	assert_string_equal(text_at(at(doc, "hooks", 0), "state"), "idle");
	last = json_object_object_get(at(doc, "hooks", 1), "last");
	assert_string_equal(text_at(last, "state"), "thaw-failed");
	assert_int_equal(json_object_get_int(json_object_object_get(last, "exit_status")), 3);
	assert_string_equal(text_at(last, "thaw_output"), "bye\n");
	assert_string_equal(text_at(last, "why"), "request");
	assert_false(json_object_get_boolean(
		json_object_object_get(at(doc, "sessions", 0), "in_time")));
	assert_string_equal(text_at(json_object_object_get(last, "notes"), "at"), "x=5");
	json_object_put(doc);
	assert_int_equal(FREEZECTL("apps"), 0);
	assert_non_null(strstr(captured_out, "thaw-failed, status 3"));
	assert_int_equal(FREEZECTL("apps", "--id", ID), 0);
	assert_non_null(strstr(captured_out, "web: web says freeze"));
	assert_non_null(strstr(captured_out, "web: web says thaw"));
	assert_non_null(strstr(captured_out, "db: bye"));
}

/* Two hooks that hang, one of them named and not enabled: each is called, in the time that there is. */
static void a_post_script_for_a_dead_supervisor(void **state)
{
	struct freezectl ctl = { 0 };
	struct apps_end end;
	uint64_t begin;

	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log; [ $1 = freeze ] || sleep 60");
	hookdir_hook("20-b", "echo b $1 >>log; [ $1 = freeze ] || sleep 60");
	assert_int_equal(hookdir_configure("thaw_timeout = 30s"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor.pid, NULL, 0), supervisor.pid);
	supervisor.pid = 0;
	assert_int_equal(system_in("mv hooks.d/20-b shipped/20-b"), 0);
	begin = freezeguard_now_ns();
	assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_POST_SCRIPT, &end), 0);
	assert_true(apps_end_wait(&ctl, &hookdir_config, &end, freezectl_in_ms(6000)));
	apps_end_verdict(&ctl, &end, 1);
	apps_end_free(&end);
	assert_true(freezeguard_now_ns() - begin < 15 * NS_PER_S);
	assert_int_equal(findings_exit_code(&ctl.findings), 202);
	log_is("a freeze\nb freeze\nb thaw\na thaw\n");
	findings_free(&ctl.findings);
}

/* Its deadline came and the kernel could not be asked, but the lease had been extended. */
static void released_before_the_lease_ended(void **state)
{
	struct freezectl ctl = { 0 };
	struct apps_end end;

	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	hookdir_write("lease", "deadline", 0644);
	over("deadline");
	assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_POST_SCRIPT, &end), 0);
	assert_true(apps_end_wait(&ctl, &hookdir_config, &end, in_s(5)));
	apps_end_verdict(&ctl, &end, record.ended_ns);
	assert_int_equal(findings_exit_code(&ctl.findings), 0);
	apps_end_verdict(&ctl, &end, record.ended_ns + 1);
	assert_int_equal(findings_exit_code(&ctl.findings), 203);
	apps_end_free(&end);
	findings_free(&ctl.findings);
}

/* Nothing is frozen, and all the same a database stands still: the commands of an emergency know. */
static void quiet_without_a_lease(void **state)
{
	struct json_object *doc;

	(void)state;
	hookdir_hook("10-web", "echo web $1 >>log");
	hookdir_hook("20-db.session", "echo READY; read -r why; echo db $why >>log");
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_KEEP);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_STILL);
	supervisor_leave(&supervisor);
	/* There is no module here. A configuration that is wrong is no obstacle. */
	hookdir_configure("[hook web]\nno = key\n");
	assert_int_equal(FREEZECTL("status"), 206);
	assert_non_null(strstr(captured_out, "web, db"));
	assert_non_null(strstr(captured_err, "To release them now: freezectl thaw --id " ID));
	assert_non_null(strstr(captured_err, "unknown key 'no'"));
	assert_int_equal(FREEZECTL("status", "--json"), 206);
	doc = document();
	assert_string_equal(text_at(at(doc, "sessions", 0), "id"), ID);
	assert_string_equal(text_at(at(doc, "sessions", 0), "state"), "quiet");
	json_object_put(doc);
	assert_int_equal(FREEZECTL("thaw", "--json", "--id", ID), 0);
	doc = document();
	assert_string_equal(text_at(at(doc, "sessions", 0), "state"), "released");
	json_object_put(doc);
	over("request");
	log_is("web freeze\ndb abort\nweb thaw\n");
	assert_int_equal(FREEZECTL("status"), 206);
	assert_null(strstr(captured_out, "web"));
}

/* A log must not be dropped for a backup that is none, nor twice; only a hook that asks is called. */
static void all_copies_are_done(void **state)
{
	struct json_object *doc;
	int lock;

	(void)state;
	assert_int_equal(FREEZECTL("complete", "--id", ID), 205);
	hookdir_hook("10-web", "echo web $1 >>log");
	hookdir_hook("20-db.session",
		     "[ $1 != complete ] || { echo db $1 $FREEZEGUARD_NOTES >>log; exit $(cat status); }\n"
		     "echo NOTE at=5; echo WANTS complete; echo READY; read -r why; echo db $why >>log");
	hookdir_write("status", "75", 0644);
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	assert_int_equal(FREEZECTL("complete", "--id", ID), 206);
	assert_non_null(strstr(captured_err, "is not thawed yet; no hook was called"));
	tell(SUPERVISOR_KEEP);
	close(client(SUPERVISOR_POST_SCRIPT));
	over("request");
	/* Its end is no success: the connection did not last. */
	assert_int_equal(FREEZECTL("complete", "--id", ID), record.in_time ? 206 : 205);
	record.in_time = true;
	assert_int_equal(record_save(run_dir, &record), 0);
	hookdir_write("log", "", 0644);

	assert_int_equal(FREEZECTL("complete", "--id", ID), 206);
	hookdir_write("status", "9", 0644);
	assert_int_equal(FREEZECTL("complete", "--id", ID), 2);
	assert_non_null(strstr(captured_err, "db: did not complete: its hook ended with status 9"));
	hookdir_write("status", "0", 0644);
	lock = open(strcat(strcpy((char[120]){ 0 }, run_dir), "/.complete"), O_RDONLY);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(FREEZECTL("complete", "--id", ID), 206);
	assert_non_null(strstr(captured_err, "another freezectl complete is at work"));
	close(lock);
	assert_int_equal(FREEZECTL("complete", "--id", ID), 0);
	assert_non_null(strstr(captured_out, "app web: its hook does not ask for this call"));
	assert_non_null(strstr(captured_out, "applications completed: db\n"));
	assert_int_equal(FREEZECTL("complete", "--json", "--id", ID), 204);
	doc = document();
	assert_true(json_object_get_uint64(
		json_object_object_get(at(doc, "apps", 1), "completed_ns")));
	assert_null(json_object_object_get(at(doc, "apps", 0), "completed_ns"));
	json_object_put(doc);
	log_is("db complete at=5\ndb complete at=5\ndb complete at=5\n");
}

/* Every way in which a freeze can have been none: the code of the thaw, and no call. */
static void copies_that_are_none(void **state)
{
	static const struct {
		const char *why, *says;
		bool in_time, lost;
		enum record_state state;
		enum record_app_state app;
		int code;
	} ways[] = {
		{ "request", "", true, false, RECORD_RELEASED, RECORD_APP_RELEASED, 0 },
		{ "request", "not as a success", false, false, RECORD_RELEASED, RECORD_APP_RELEASED, 205 },
		{ "owner-death", "not as a success", false, false, RECORD_RELEASED, RECORD_APP_RELEASED, 205 },
		{ "deadline", "its deadline", false, false, RECORD_RELEASED, RECORD_APP_RELEASED, 203 },
		{ "request", "resumed before", false, true, RECORD_RELEASED, RECORD_APP_LOST, 203 },
		{ "request", "", true, false, RECORD_RELEASED, RECORD_APP_STOPPED, 0 },
		{ "request", "failed at the thaw", true, false, RECORD_RELEASED, RECORD_APP_THAW_FAILED, 202 },
		{ "", "died while", false, false, RECORD_QUIET, RECORD_APP_QUIET, 203 },
	};
	struct record_app app = { .name = "db", .path = (char *)"/x", .wants_complete = true };
	size_t i;

	(void)state;
	hookdir_hook("20-db", "echo db $1 >>log");
	snprintf(run_dir, sizeof(run_dir), "%s/run", hookdir);
	assert_int_equal(record_directory(run_dir), 0);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct record one = {
			.id = ID, .state = ways[i].state, .in_time = ways[i].in_time, .begin_ns = 1,
			.ended_ns = 2, .released_ns = 3, .apps = &app, .n_apps = 1,
		};

		snprintf(one.why, sizeof(one.why), "%s", ways[i].why);
		app.state = ways[i].app;
		app.lost = ways[i].lost;
		assert_int_equal(record_save(run_dir, &one), 0);
		hookdir_write("log", "", 0644);
		assert_int_equal(FREEZECTL("complete", "--id", ID), ways[i].code);
		assert_non_null(strstr(captured_err, ways[i].says));
		/* What was not running was not kept quiet. */
		log_is(ways[i].code || app.state == RECORD_APP_STOPPED ? "" : "db complete\n");
	}
	/* While the hook runs, a later freeze takes the id. */
	record_free(&record);
	assert_int_equal(record_load(run_dir, ID, &record), 0);
	record.state = RECORD_RELEASED;
	record.in_time = true;
	snprintf(record.why, sizeof(record.why), "request");
	record.apps[0].state = RECORD_APP_RELEASED;
	assert_int_equal(record_save(run_dir, &record), 0);
	hookdir_hook("20-db", "sed -i 's/\"begin_ns\": *1,/\"begin_ns\":9,/' run/*.json");
	assert_int_equal(FREEZECTL("complete", "--id", ID), 2);
	assert_non_null(strstr(captured_err, "a later freeze has that id"));
	record_free(&record);
	assert_int_equal(record_load(run_dir, ID, &record), 0);
	assert_int_equal(record.begin_ns, 9);
	/* The hook has gone since. */
	record_free(&record);
	assert_int_equal(record_load(run_dir, ID, &record), 0);
	record.state = RECORD_RELEASED;
	record.in_time = true;
	snprintf(record.why, sizeof(record.why), "request");
	record.apps[0].state = RECORD_APP_RELEASED;
	assert_int_equal(record_save(run_dir, &record), 0);
	assert_int_equal(system_in("rm hooks.d/20-db"), 0);
	assert_int_equal(FREEZECTL("complete", "--id", ID), 2);
	assert_non_null(strstr(captured_err, "no longer exists"));
}

/* ... and of those whose supervisor is dead. --all ends them also without the module. */
static void left_quiet_without_a_lease(void **state)
{
	(void)state;
	hookdir_hook("10-web", "echo web $1 >>log");
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor.pid, NULL, 0), supervisor.pid);
	supervisor.pid = 0;
	assert_int_equal(FREEZECTL("status"), 206);
	assert_non_null(strstr(captured_out, "(dead)"));
	assert_int_equal(FREEZECTL("thaw", "--all", "--force"), 206);
	assert_non_null(strstr(captured_err, "203: " ID));
	log_is("web freeze\nweb thaw\n");
}

/* Sessions end by themselves at a time that extend does not move. */
static void an_extended_lease(void **state)
{
	struct freezeguard_lease lease = { .id = ID, .number = 7, .deadline_ns = in_s(30) };
	struct freezectl ctl = { 0 };

	(void)state;
	hookdir_hook("10-web", "");
	hookdir_hook("20-db.session", "echo READY; read -r why");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_STILL);
	live_warn_of_limit(&ctl, &lease);
	assert_int_equal(ctl.findings.n, 0);
	lease.deadline_ns = in_s(120);
	live_warn_of_limit(&ctl, &lease);
	assert_int_equal(ctl.findings.n, 1);
	assert_int_equal(ctl.findings.v[0].code, 0);
	assert_string_equal(ctl.findings.v[0].target, "db");
	/* It is another lease's. */
	lease.number = 8;
	live_warn_of_limit(&ctl, &lease);
	assert_int_equal(ctl.findings.n, 1);
	findings_free(&ctl.findings);
	config_free(&ctl.config);
}

/* Its post-script comes while they are released for somebody else, and must not take that for its own. */
static void a_post_script_behind_an_administrator(void **state)
{
	struct freezectl ctl = { 0 };
	struct apps_end admin, post;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log; sleep 1.5");
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_KEEP);
	supervisor_leave(&supervisor);
	assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_END, &admin), 0);
	within_s("log", "a abort\n");
	assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_POST_SCRIPT, &post), 0);
	assert_true(post.first);
	assert_true(apps_end_wait(&ctl, &hookdir_config, &post, in_s(20)));
	apps_end_verdict(&ctl, &post, 0);
	assert_int_equal(findings_exit_code(&ctl.findings), 205);
	findings_free(&ctl.findings);
	assert_true(apps_end_wait(&ctl, &hookdir_config, &admin, in_s(20)));
	apps_end_verdict(&ctl, &admin, 0);
	assert_int_equal(ctl.findings.n, 0);
	apps_end_free(&admin);
	apps_end_free(&post);
	over("request");
}

/* The answer of the first one was lost. After a while, or for another pre-script, it is no answer. */
static void a_post_script_that_runs_again(void **state)
{
	struct freezectl ctl = { 0 };
	struct apps_end end;
	int i;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log");
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_KEEP);
	supervisor_leave(&supervisor);
	for (i = 0; i < 3; i++) {
		static const int codes[] = { 0, 0, 205 };

		if (i == 2) {
			/* It was long ago. */
			load();
			record.ended_ns -= RECORD_RETRY_MS * NS_PER_MS;
			assert_int_equal(record_save(run_dir, &record), 0);
		}
		assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_POST_SCRIPT, &end), 0);
		assert_true(apps_end_wait(&ctl, &hookdir_config, &end, in_s(20)));
		apps_end_verdict(&ctl, &end, 0);
		assert_int_equal(findings_exit_code(&ctl.findings), codes[i]);
		/* It says when. */
		assert_int_equal(ctl.findings.n, i > 0);
		findings_free(&ctl.findings);
		apps_end_free(&end);
		if (!i)
			over("request");
	}
	/* A new pre-script may make a lease, of which this record would keep the post-script. */
	apps_end_forget(&hookdir_config, ID);
	assert_int_equal(apps_end_begin(run_dir, ID, SUPERVISOR_POST_SCRIPT, &end), -ENOENT);
	log_is("a thaw\n");
}

/* Both look before either has begun. */
static void two_at_once(void **state)
{
	static const char *const ids[] = { "dlm-a", "dlm-b" };
	const struct plan plan = { 0 };
	struct freezectl ctl[2] = { 0 };
	struct apps apps[2] = { 0 };
	struct apps_request request[2];
	size_t i;

	(void)state;
	hookdir_hook("10-web", "echo web $1 >>log");
	for (i = 0; i < 2; i++) {
		request[i] = (struct apps_request){
			.config = &hookdir_config, .id = ids[i], .timeout_ms = 60000,
			.give_up_ns = in_s(20),
		};
		assert_true(apps_prepare(&ctl[i], &request[i], &apps[i]));
	}
	assert_true(apps_quiesce(&ctl[0], &request[0], &apps[0], &plan));
	assert_false(apps_quiesce(&ctl[1], &request[1], &apps[1], &plan));
	assert_int_equal(findings_exit_code(&ctl[1].findings), 204);
	log_is("web freeze\n");
	apps_abort(&ctl[0], &request[0], &apps[0]);
	log_is("web freeze\nweb thaw\n");
	assert_int_equal(waitpid(apps[0].supervisor.pid, NULL, 0), apps[0].supervisor.pid);
	for (i = 0; i < 2; i++) {
		apps_free(&apps[i]);
		findings_free(&ctl[i].findings);
	}
}

static void left_by_a_supervisor_that_was_killed(void **state)
{
	struct json_object *doc;

	(void)state;
	hookdir_hook("10-web", "echo web $1 >>log");
	hookdir_hook("20-db.session", "echo READY; read -r why");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor.pid, NULL, 0), supervisor.pid);
	supervisor.pid = 0;
	assert_int_equal(FREEZECTL("apps", "--json"), 0);
	doc = document();
	assert_string_equal(text_at(at(doc, "hooks", 0), "state"), "left quiet");
	assert_string_equal(text_at(at(doc, "hooks", 1), "state"), "idle");
	assert_false(json_object_get_boolean(
		json_object_object_get(at(doc, "sessions", 0), "alive")));
	json_object_put(doc);
	log_is("web freeze\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_conf, teardown_conf)
	const struct CMUnitTest tests[] = {
		TEST(nothing),
		TEST(hooks_that_were_never_called),
		TEST(what_cannot_be_called),
		TEST(while_they_are_quiet_and_after),
		TEST(a_post_script_for_a_dead_supervisor),
		TEST(released_before_the_lease_ended),
		TEST(quiet_without_a_lease),
		TEST(left_quiet_without_a_lease),
		TEST(all_copies_are_done),
		TEST(copies_that_are_none),
		TEST(an_extended_lease),
		TEST(a_post_script_behind_an_administrator),
		TEST(a_post_script_that_runs_again),
		TEST(two_at_once),
		TEST(left_by_a_supervisor_that_was_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
