// SPDX-License-Identifier: GPL-2.0-only
/*
 * supervisor, record: hooks in order and in reverse, what becomes of them when something goes wrong
 * or somebody dies, and the record of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "supervised.h"

/* How long the machine has slept; shared with supervisors. */
static uint64_t *asleep_ns;

uint64_t __real_freezeguard_now_ns(void);
uint64_t __wrap_freezeguard_now_ns(void);

uint64_t __wrap_freezeguard_now_ns(void)
{
	return __real_freezeguard_now_ns() + *(volatile uint64_t *)asleep_ns;
}

static void sleep_hours(uint64_t hours)
{
	__atomic_add_fetch(asleep_ns, hours * 3600 * NS_PER_S, __ATOMIC_SEQ_CST);
}

/* A one-shot hook and a session around another one-shot hook, all of which keep a log. */
static void three_hooks(void)
{
	hookdir_hook("10-a", "echo a $1 >>log; echo PATH /of/a/$1; echo a says $1");
	hookdir_hook("20-b.session", "[ $1 = session ] || exit 1\necho b $1 >>log; echo b says it\n"
		     "echo $$ >b.pid; echo NOTE at=5; echo PATH /of/b; echo PATH /log/b; echo READY\nread -r why; "
		     "echo \"b $why\" >>log; echo b goes on");
	hookdir_hook("30-c", "echo c $1 >>log");
}

/* Their supervisor, and that they are quiet; @lease, and @timeout_ms of it */
static void three_are_quiet(bool lease, uint32_t timeout_ms)
{
	three_hooks();
	start(lease, timeout_ms, 20000, 20000);
	hears(SUPERVISOR_QUIET);
}

/* Still, after it has got the lease. */
static void still_quiet(void)
{
	tell(SUPERVISOR_LEASE);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_STILL);
}

/* The history has one entry, and it says this. */
static void kept(const char *says, const char *too)
{
	const char *text = hookdir_read("keep/history"), *end = strchr(text, '\n');

	if (!end || end[1] || !strstr(text, says) || !strstr(text, too))
		fail_msg("the history is '%s', without '%s' or '%s'", text, says, too);
}

/* ---- tests ---- */

/* Somebody else could have written the record. */
static void a_directory_that_others_can_write_to(void **state)
{
	struct record_list list;

	(void)state;
	three_are_quiet(false, 60000);
	load();
	record_free(&record);
	assert_int_equal(chmod(run_dir, 0770), 0);
	assert_int_equal(record_load(run_dir, ID, &record), -EPERM);
	assert_int_equal(record_list(run_dir, &list), -EPERM);
	assert_int_equal(record.n_apps + list.n, 0);
	assert_int_equal(chmod(run_dir, 0702), 0);
	assert_int_equal(record_load(run_dir, ID, &record), -EPERM);
	assert_int_equal(chmod(run_dir, 0700), 0);
	load();
	record_free(&record);
	if (geteuid())
		skip();
	assert_int_equal(chown(run_dir, 65534, -1), 0);
	assert_int_equal(record_load(run_dir, ID, &record), -EPERM);
	assert_int_equal(chown(run_dir, 0, -1), 0);
	load();
	record_free(&record);
	assert_int_equal(rename(run_dir, strcat(strcpy((char[110]){ 0 }, run_dir), ".moved")), 0);
	assert_int_equal(symlink("run.moved", run_dir), 0);
	assert_int_equal(record_load(run_dir, ID, &record), -ENOTDIR);
}

static void a_freeze_with_a_lease(void **state)
{
	int fd;

	(void)state;
	three_are_quiet(true, 60000);
	log_is("a freeze\nb session\nc freeze\n");
	still_quiet();
	load();
	assert_int_equal(record.state, RECORD_QUIET);
	assert_int_equal(record.lease_number, 7);
	assert_int_equal(record.lease_begin_ns, 1);
	assert_int_equal(record.pid, supervisor.pid);
	app_is(0, "a", RECORD_APP_QUIET);
	app_is(1, "b", RECORD_APP_QUIET);
	/* The end of the caller is nothing to it. */
	supervisor_leave(&supervisor);
	usleep(700000);
	log_is("a freeze\nb session\nc freeze\n");
	fd = client(SUPERVISOR_POST_SCRIPT);
	hookdir_write("lease", "request", 0644);
	over("request");
	close(fd);
	assert_true(record.in_time);
	log_is("a freeze\nb session\nc freeze\nc thaw\nb thaw\na thaw\n");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_RELEASED);
	app_is(2, "c", RECORD_APP_RELEASED);
	assert_string_equal(record.apps[0].output, "a says freeze\n");
	assert_string_equal(record.apps[0].thaw_output, "a says thaw\n");
	assert_string_equal(record.apps[1].output, "b says it\n");
	assert_string_equal(record.apps[1].thaw_output, "b goes on\n");
	assert_int_equal(record.apps[1].n_notes, 1);
	assert_string_equal(record.apps[1].notes[0], "at=5");
	assert_int_equal(record.apps[0].paths.n, 1);
	assert_string_equal(record.apps[0].paths.v[0], "/of/a/freeze");
	assert_int_equal(record.apps[1].paths.n, 2);
	assert_string_equal(record.apps[1].paths.v[1], "/log/b");
	assert_int_equal(record.apps[1].exit_status, 0);
	assert_true(record.apps[1].session);
	kept("\"id\":\"" ID "\",\"number\":7,\"state\":\"thawed\"",
	     "\"applications\":[{\"name\":\"a\",\"state\":\"released\"},{\"name\":\"b\",");
}

/*
 * "thaw" is a success: a backup catalog, or the removal of logs, is built on it. So it needs the
 * post-script, after a pre-script that exited, and all quiet until then.
 */
static void only_its_post_script_is_a_success(void **state)
{
	static const char done[] = "a freeze\nb session\nc freeze\nc thaw\nb abort\na thaw\n";
	int fd, i;

	(void)state;
	for (i = 0; i < 6; i++) {
		hookdir_write("log", "", 0644);
		hookdir_write("lease", "", 0644);
		three_are_quiet(true, 60000);
		still_quiet();
		/* 0: the pre-script lives, and may still fail; 1: so it did */
		if (i > 1)
			supervisor_leave(&supervisor);
		fd = -1;
		/* 2: freezectl thaw, which needs no word; 3: it says who it is not */
		if (i == 3)
			fd = client(SUPERVISOR_END);
		else if (i != 1 && i != 2)
			fd = client(SUPERVISOR_POST_SCRIPT);
		/* 4: a post-script that died before its request */
		if (i == 4) {
			close(fd);
			fd = -1;
		}
		/* 5: something was thawed in between */
		hookdir_write("lease", i == 5 ? "request broken" : "request", 0644);
		over("request");
		if (record.in_time)
			fail_msg("case %d is a success", i);
		log_is(done);
		if (fd >= 0)
			close(fd);
		supervisor_leave(&supervisor);
		hooks_free(&hooks);
	}
}

/* Of one that is lost the others are told, too: the post-script will say 203. */
static void a_loss_is_no_success_for_the_others(void **state)
{
	int fd;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log");
	hookdir_hook("20-b.session", "echo READY; sleep 0.5");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	supervisor_leave(&supervisor);
	usleep(900000);
	fd = client(SUPERVISOR_POST_SCRIPT);
	hookdir_write("lease", "request", 0644);
	over("request");
	close(fd);
	log_is("a abort\n");
	assert_false(record.in_time);
}

static void an_unknown_continuity_is_as_it_is_configured(void **state)
{
	static const char *const words[] = { "a thaw\n", "a abort\n" };
	int fd, i;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >log");
	for (i = 0; i < 2; i++) {
		hookdir_write("lease", "", 0644);
		assert_int_equal(hookdir_configure(i ? "require_continuity = yes\n" : ""), 0);
		start(true, 60000, 20000, 20000);
		hears(SUPERVISOR_QUIET);
		still_quiet();
		supervisor_leave(&supervisor);
		fd = client(SUPERVISOR_POST_SCRIPT);
		hookdir_write("lease", "request unknown", 0644);
		over("request");
		close(fd);
		log_is(words[i]);
		hooks_free(&hooks);
	}
}

/* Who ends it can ask for that, too. */
static void an_unknown_continuity_is_as_the_end_wants_it(void **state)
{
	static const char *const words[] = { "a thaw\n", "a abort\n", "a thaw\n" };
	static const char *const ends[] = { "request unknown", "request unknown", "request" };
	int fd, i;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >log");
	for (i = 0; i < 3; i++) {
		hookdir_write("lease", "", 0644);
		start(true, 60000, 20000, 20000);
		hears(SUPERVISOR_QUIET);
		still_quiet();
		supervisor_leave(&supervisor);
		fd = client(i ? SUPERVISOR_STRICT : SUPERVISOR_POST_SCRIPT);
		hookdir_write("lease", ends[i], 0644);
		over("request");
		close(fd);
		log_is(words[i]);
		hooks_free(&hooks);
	}
}

/* As start(), of a caller that stays, and gives up very soon. */
static void start_attended(bool lease)
{
	static const struct text_list none;

	start(lease, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_ABORT);
	hears(SUPERVISOR_OVER);
	over("abort");
	supervisor_leave(&supervisor);
	hooks_free(&hooks);
	assert_int_equal(hooks_find(&hooks, &hookdir_config, &none, &hookdir_findings), 0);
	job.attended = true;
	job.give_up_ns = freezeguard_now_ns() + 500 * NS_PER_MS;
	job.by = RECORD_BY_RUN;
	assert_int_equal(supervisor_start(&supervisor, &job), 0);
	hears(SUPERVISOR_QUIET);
	if (lease)
		still_quiet();
	hookdir_write("log", "", 0644);
}

/* freezectl run: it lives until the end, and only its own word makes that a success. */
static void a_caller_that_stays(void **state)
{
	int fd, lease, i;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log");
	for (i = 0; i < 6; i++) {
		lease = i % 2;
		hookdir_write("lease", "", 0644);
		start_attended(lease);
		/* It is not given up. */
		if (!lease)
			usleep((500 + SUPERVISOR_PATIENCE_MS + 300) * 1000);
		/* 0, 1: a success; 2, 3: its command failed; 4, 5: it was killed, whoever thaws */
		if (i < 2)
			tell(SUPERVISOR_KEEP);
		if (i >= 4)
			supervisor_leave(&supervisor);
		fd = i < 4 || lease ? client(i < 2 || i >= 4 ? SUPERVISOR_POST_SCRIPT :
					     SUPERVISOR_END) : -1;
		hookdir_write("lease", "request", 0644);
		over(i == 4 ? "owner-death" : "request");
		log_is(i < 2 ? "a thaw\n" : "a abort\n");
		assert_int_equal(record.in_time, i < 2);
		assert_string_equal(record.by, RECORD_BY_RUN);
		if (fd >= 0)
			close(fd);
		supervisor_leave(&supervisor);
		hooks_free(&hooks);
	}
}

static void the_deadline(void **state)
{
	uint64_t begin;

	(void)state;
	three_are_quiet(true, 60000);
	tell(SUPERVISOR_LEASE);
	begin = freezeguard_now_ns();
	/* A release that hangs is waited for, but not for long. */
	hookdir_write("lease", "deadline held", 0644);
	hears(SUPERVISOR_OVER);
	assert_true(freezeguard_now_ns() - begin >= SUPERVISOR_RELEASE_MS * NS_PER_MS);
	over("deadline");
	log_is("a freeze\nb session\nc freeze\nc thaw\nb deadline\na thaw\n");
}

static void one_fails(void **state)
{
	(void)state;
	three_hooks();
	hookdir_hook("25-x", "echo x $1 >>log; [ $1 = thaw ] || { echo no disk; exit 3; }");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	log_is("a freeze\nb session\nx freeze\nx thaw\nb abort\na thaw\n");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_RELEASED);
	app_is(2, "x", RECORD_APP_FAILED);
	app_is(3, "c", RECORD_APP_WAITING);
	assert_string_equal(record.apps[2].output, "no disk\n");
	assert_int_equal(record.apps[2].exit_status, 3);
	kept("\"cause\":\"abort\"", "{\"name\":\"x\",\"state\":\"failed\"}");
}

static void one_is_not_ready(void **state)
{
	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >log");
	hookdir_hook("20-b.session", "exit 75");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	log_is("a abort\n");
	app_is(1, "b", RECORD_APP_NOT_READY);
	assert_int_equal(record.apps[1].exit_status, 75);
}

/* "STOPPED" and 75: what becomes of that is the configuration's. */
static void one_is_stopped(void **state)
{
	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log; echo no server; echo STOPPED; exit 75");
	hookdir_hook("20-b.session", "echo STOPPED; exit 75");
	hookdir_hook("30-c", "echo c $1 >>log");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	app_is(0, "a", RECORD_APP_NOT_READY);
	assert_true(record.apps[0].stopped);
	assert_string_equal(record.apps[0].output, "no server\n");
	log_is("a freeze\n");
	supervisor_leave(&supervisor);
	hooks_free(&hooks);
	hookdir_write("log", "", 0644);
	assert_int_equal(hookdir_configure("[hook a]\nwhen_stopped = skip\n"
					   "[hook b]\nwhen_stopped = skip\n"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	still_quiet();
	load();
	app_is(0, "a", RECORD_APP_STOPPED);
	app_is(1, "b", RECORD_APP_STOPPED);
	app_is(2, "c", RECORD_APP_QUIET);
	hookdir_write("lease", "request", 0644);
	over("request");
	app_is(0, "a", RECORD_APP_STOPPED);
	log_is("a freeze\nc freeze\nc thaw\n");
	supervisor_leave(&supervisor);
	hooks_free(&hooks);
	/* Another status is a failure, whatever was printed. */
	hookdir_hook("10-a", "[ $1 = thaw ] || { echo STOPPED; exit 1; }");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	app_is(0, "a", RECORD_APP_FAILED);
}

static void a_session_that_ends_without_ready(void **state)
{
	(void)state;
	hookdir_hook("20-b.session", "echo ' READY'; echo READY now");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	app_is(0, "b", RECORD_APP_FAILED);
	assert_int_equal(record.apps[0].exit_status, 0);
	assert_false(record.apps[0].timed_out);
}

static void one_is_too_slow(void **state)
{
	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log");
	hookdir_hook("20-b.session", "sleep 60 & echo $! >sleeper; wait");
	assert_int_equal(hookdir_configure("[hook b]\ntimeout = 300ms\n"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	log_is("a freeze\na thaw\n");
	app_is(1, "b", RECORD_APP_FAILED);
	assert_true(record.apps[1].timed_out);
	assert_true(hookdir_gone(atoi(hookdir_read("sleeper"))));
}

static void one_is_too_slow_and_cleans_up(void **state)
{
	(void)state;
	hookdir_hook("20-b.session", "trap 'sleep 1.5; echo cleaned up >>log; exit 1' TERM\n"
		     "sleep 60 & wait");
	assert_int_equal(hookdir_configure("[hook b]\ntimeout = 2s\nthaw_timeout = 15s\n"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	log_is("cleaned up\n");
}

static void all_together_are_too_slow(void **state)
{
	(void)state;
	hookdir_hook("10-a", "[ $1 = thaw ] || sleep 0.3");
	hookdir_hook("20-b", "[ $1 = thaw ] || { echo $FREEZEGUARD_TIMEOUT >log; sleep 20; }");
	start(true, 60000, 1000, 1500);
	hears(SUPERVISOR_FAILED);
	over("abort");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_FAILED);
	assert_true(record.apps[1].timed_out);
	/* It knows what was left: less than a second, not its own 5. */
	log_is("1\n");
}

static void the_freeze_fails(void **state)
{
	(void)state;
	three_are_quiet(true, 60000);
	tell(SUPERVISOR_ABORT);
	hears(SUPERVISOR_OVER);
	over("abort");
	log_is("a freeze\nb session\nc freeze\nc thaw\nb abort\na thaw\n");
}

static void the_caller_dies_while_hooks_are_called(void **state)
{
	(void)state;
	three_hooks();
	hookdir_hook("25-x", "echo x $1 >>log; [ $1 = thaw ] || sleep 60");
	start(true, 60000, 20000, 20000);
	within_s("log", "a freeze\nb session\nx freeze\n");
	supervisor_leave(&supervisor);
	over("owner-death");
	log_is("a freeze\nb session\nx freeze\nx thaw\nb abort\na thaw\n");
}

static void the_caller_dies_before_the_lease(void **state)
{
	(void)state;
	three_are_quiet(true, 60000);
	supervisor_leave(&supervisor);
	over("owner-death");
}

static void the_caller_is_stopped(void **state)
{
	(void)state;
	three_hooks();
	start(true, 60000, 1500, 1500);
	hears(SUPERVISOR_QUIET);
	/* Says nothing, and lives: after the script timeout and some patience it is over. */
	hears(SUPERVISOR_OVER);
	over("abort");
}

static void a_session_is_lost(void **state)
{
	(void)state;
	three_are_quiet(true, 60000);
	tell(SUPERVISOR_LEASE);
	assert_int_equal(kill(atoi(hookdir_read("b.pid")), SIGKILL), 0);
	usleep(300000);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_LOST);
	load();
	assert_int_equal(record.state, RECORD_QUIET);
	app_is(0, "a", RECORD_APP_QUIET);
	app_is(1, "b", RECORD_APP_LOST);
	assert_true(record.apps[1].lost);
	assert_int_equal(record.apps[1].exit_status, 128 + SIGKILL);
	supervisor_leave(&supervisor);
	hookdir_write("lease", "request", 0644);
	over("request");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_LOST);
	log_is("a freeze\nb session\nc freeze\nc thaw\na thaw\n");
}

static void a_session_says_that_it_is_lost(void **state)
{
	(void)state;
	hookdir_hook("10-a.session", "echo LOST x; echo READY; read -r why; echo LOST it");
	hookdir_hook("20-b.session", "echo READY; echo LOST; read -r why; echo $why >log");
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	usleep(300000);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_LOST);
	load();
	app_is(0, "a", RECORD_APP_QUIET);
	app_is(1, "b", RECORD_APP_LOST);
	hookdir_write("lease", "request", 0644);
	over("request");
	log_is("abort\n");
	app_is(0, "a", RECORD_APP_LOST);
	app_is(1, "b", RECORD_APP_LOST);
	assert_true(record.apps[0].lost && record.apps[1].lost);
}

static void the_supervisor_is_killed(void **state)
{
	struct supervisor_message message;

	(void)state;
	three_are_quiet(true, 60000);
	tell(SUPERVISOR_LEASE);
	assert_int_equal(kill(supervisor.pid, SIGKILL), 0);
	/* The session sees the end of its input. */
	within_s("log", "a freeze\nb session\nc freeze\nb \n");
	assert_int_equal(supervisor_hear(&supervisor, in_s(5), &message), -EPIPE);
	load();
	assert_int_equal(record.state, RECORD_QUIET);
}

static void the_supervisor_is_asked_to_end(void **state)
{
	(void)state;
	three_are_quiet(true, 60000);
	tell(SUPERVISOR_LEASE);
	assert_int_equal(kill(supervisor.pid, SIGTERM), 0);
	over("killed");
	log_is("a freeze\nb session\nc freeze\nc thaw\nb abort\na thaw\n");
	app_is(1, "b", RECORD_APP_LOST);
	assert_true(record.apps[0].lost);
}

static void thaws_that_fail(void **state)
{
	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log; [ $1 = freeze ] || { echo no; exit 5; }");
	hookdir_hook("20-b.session", "echo READY; read -r why; sleep 60");
	hookdir_hook("30-c", "echo c $1 >>log");
	assert_int_equal(hookdir_configure("thaw_timeout = 300ms\n"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	hookdir_write("lease", "request", 0644);
	over("request");
	/* The others are called all the same. */
	log_is("a freeze\nc freeze\nc thaw\na thaw\n");
	app_is(0, "a", RECORD_APP_THAW_FAILED);
	assert_int_equal(record.apps[0].exit_status, 5);
	assert_string_equal(record.apps[0].thaw_output, "no\n");
	app_is(1, "b", RECORD_APP_THAW_FAILED);
	assert_true(record.apps[1].timed_out);
	app_is(2, "c", RECORD_APP_RELEASED);
}

static void without_a_lease(void **state)
{
	char text[16] = "";
	int fd;

	(void)state;
	three_are_quiet(false, 60000);
	tell(SUPERVISOR_KEEP);
	supervisor_leave(&supervisor);
	fd = client(SUPERVISOR_POST_SCRIPT);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "over\n");
	close(fd);
	over("request");
	assert_false(record.has_lease);
	assert_true(record.kept && record.in_time);
	log_is("a freeze\nb session\nc freeze\nc thaw\nb thaw\na thaw\n");
	assert_int_equal(client(""), -1);
}

static void without_a_lease_an_administrator_ends_it(void **state)
{
	int fd;

	(void)state;
	three_are_quiet(false, 60000);
	tell(SUPERVISOR_KEEP);
	supervisor_leave(&supervisor);
	fd = client(SUPERVISOR_END);
	over("request");
	close(fd);
	assert_true(record.kept);
	assert_false(record.in_time);
	log_is("a freeze\nb session\nc freeze\nc thaw\nb abort\na thaw\n");
}

/* It is letting go already: whoever wants to have all kept must not believe that it is. */
static void without_a_lease_it_is_too_late_to_keep(void **state)
{
	const struct supervisor_message keep = { .word = SUPERVISOR_KEEP };
	int fd;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log; sleep 1.5");
	start(false, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	fd = client(SUPERVISOR_END);
	within_s("log", "a abort\n");
	assert_int_equal(supervisor_tell(&supervisor, &keep), -EPIPE);
	hears(SUPERVISOR_OVER);
	over("request");
	close(fd);
	assert_false(record.kept);
}

static void without_a_lease_until_the_deadline(void **state)
{
	(void)state;
	three_are_quiet(false, 1500);
	tell(SUPERVISOR_KEEP);
	supervisor_leave(&supervisor);
	over("deadline");
	log_is("a freeze\nb session\nc freeze\nc thaw\nb deadline\na thaw\n");
	assert_true(record.released_ns >= record.begin_ns + 1500 * NS_PER_MS);
	kept("\"cause\":\"deadline\"", "{\"name\":\"c\",\"state\":\"released\"}");
}

static void without_a_lease_and_not_kept(void **state)
{
	(void)state;
	three_are_quiet(false, 60000);
	supervisor_leave(&supervisor);
	over("owner-death");
}

/* A hook that runs when the machine falls asleep has its time when it is awake again. */
static void hooks_have_no_time_while_the_machine_sleeps(void **state)
{
	(void)state;
	hookdir_hook("10-a", "echo a $1 >>log; sleep 1.5; echo a done >>log");
	hookdir_hook("20-b.session", "echo READY; read -r why; echo b $why >>log; sleep 1.5");
	assert_int_equal(hookdir_configure("hook_timeout = 20s\nthaw_timeout = 20s\n"), 0);
	start(true, 60000, 4 * 3600 * 1000, 4 * 3600 * 1000);
	within_s("log", "a freeze\n");
	sleep_hours(1);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	hookdir_write("lease", "sleep", 0644);
	within_s("log", "a freeze\na done\nb abort\n");
	sleep_hours(1);
	/* By then the first one is called as well. */
	within_s("log", "a freeze\na done\nb abort\na thaw\n");
	sleep_hours(1);
	over("sleep");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_RELEASED);
	assert_false(record.apps[0].timed_out || record.apps[1].timed_out);
}

static void with_a_lease_a_client_cannot_end_it(void **state)
{
	int fd;

	(void)state;
	three_are_quiet(true, 60000);
	still_quiet();
	fd = client(SUPERVISOR_END);
	assert_true(fd >= 0);
	usleep(700000);
	log_is("a freeze\nb session\nc freeze\n");
	close(fd);
	hookdir_write("lease", "request", 0644);
	over("request");
}

/* As the agent does it with what it started: its session, its files. */
static void it_keeps_nothing_of_its_caller(void **state)
{
	char path[64], to[200];
	int fd, high;
	ssize_t n;

	(void)state;
	hookdir_hook("20-b.session", "echo $PPID >ppid; echo READY; read -r why");
	high = fcntl(STDOUT_FILENO, F_DUPFD, 200);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	assert_int_equal(getsid(supervisor.pid), supervisor.pid);
	assert_int_equal(getpgid(supervisor.pid), supervisor.pid);
	assert_int_equal(atoi(hookdir_read("ppid")), supervisor.pid);
	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", supervisor.pid, fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		if (strcmp(to, "/dev/null") && strncmp(to, "socket:", 7) &&
		    strncmp(to, "pipe:", 5) && strcmp(to, "anon_inode:[signalfd]"))
			fail_msg("it has %s open as %d", to, fd);
		assert_true(fd != high);
		if (fd < 3)
			assert_string_equal(to, "/dev/null");
	}
	close(high);
	tell(SUPERVISOR_ABORT);
	over("abort");
}

static void a_hook_that_prints_without_end(void **state)
{
	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log");
	hookdir_hook("20-b.session", "yes & echo READY; read -r why; echo b $why >>log");
	hookdir_hook("30-c", "yes");
	assert_int_equal(hookdir_configure("[hook c]\ntimeout = 300ms\nthaw_timeout = 300ms\n"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_FAILED);
	over("abort");
	log_is("b abort\na abort\n");
}

/* One that hangs at the thaw does not keep the others quiet, and is called first all the same. */
static void a_thaw_that_hangs_is_overtaken(void **state)
{
	uint64_t begin;

	(void)state;
	hookdir_hook("10-a.session", "echo READY; read -r why; echo a $why >>log");
	hookdir_hook("20-b", "[ $1 = freeze ] || echo b $1 >>log");
	hookdir_hook("30-c", "[ $1 = freeze ] || { echo c $1 >>log; sleep 60; }");
	assert_int_equal(hookdir_configure("thaw_timeout = 10s"), 0);
	start(true, 60000, 20000, 20000);
	hears(SUPERVISOR_QUIET);
	tell(SUPERVISOR_LEASE);
	begin = freezeguard_now_ns();
	hookdir_write("lease", "deadline", 0644);
	within_s("log", "c thaw\nb thaw\na deadline\n");
	assert_true(freezeguard_now_ns() - begin < 8 * NS_PER_S);
	over("deadline");
	app_is(0, "a", RECORD_APP_RELEASED);
	app_is(1, "b", RECORD_APP_RELEASED);
	app_is(2, "c", RECORD_APP_THAW_FAILED);
	assert_true(record.apps[2].timed_out);
}

/* Applications go on before that is recorded: writing may hang. */
static void a_record_that_hangs_keeps_nobody_quiet(void **state)
{
	char path[200];
	int fd;

	(void)state;
	three_are_quiet(true, 60000);
	still_quiet();
	/* Opened for writing, as which the record begins, it waits for a reader. */
	snprintf(path, sizeof(path), "%s/." ID ".json.%d", run_dir, supervisor.pid);
	assert_int_equal(mkfifo(path, 0600), 0);
	hookdir_write("lease", "request", 0644);
	within_s("log", "a freeze\nb session\nc freeze\nc thaw\nb abort\na thaw\n");
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	over("request");
	close(fd);
}

/* Then a post-script would not know that there were applications. */
static void it_cannot_write_its_record(void **state)
{
	struct supervisor_message message = { 0 };
	char path[200];

	(void)state;
	three_are_quiet(true, 60000);
	/* In the record's way: a rename to it fails. */
	snprintf(path, sizeof(path), "%s/" ID ".json", run_dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	tell(SUPERVISOR_LEASE);
	tell(SUPERVISOR_CHECK);
	assert_int_equal(supervisor_hear(&supervisor, in_s(20), &message), 0);
	assert_int_equal(message.word, SUPERVISOR_LOST);
	assert_string_equal(message.text, strerror(EISDIR));
	/* Once it can again, all is well. */
	assert_int_equal(rmdir(path), 0);
	tell(SUPERVISOR_CHECK);
	hears(SUPERVISOR_STILL);
	load();
	assert_int_equal(record.lease_number, 7);
	hookdir_write("lease", "request", 0644);
	over("request");
}

static void it_cannot_work(void **state)
{
	struct supervisor_message message = { 0 };

	(void)state;
	three_hooks();
	hookdir_write("run", "a file", 0644);
	start(true, 60000, 20000, 20000);
	assert_int_equal(supervisor_hear(&supervisor, in_s(20), &message), 0);
	assert_int_equal(message.word, SUPERVISOR_BROKEN);
	assert_non_null(strstr(message.text, "Not a directory"));
	log_is("");
}

static void records_of_odd_ids(void **state)
{
	static const char *const ids[] = { "a/b", "..", "lease-1", "%41", "A", ".json" };
	struct record_app app = { .name = "x", .path = (char *)"/x" };
	struct record_list list;
	size_t i;

	(void)state;
	snprintf(run_dir, sizeof(run_dir), "%s/run", hookdir);
	assert_int_equal(record_directory(run_dir), 0);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct record one = { .begin_ns = i + 1, .apps = &app, .n_apps = 1 };

		snprintf(one.id, sizeof(one.id), "%s", ids[i]);
		assert_int_equal(record_save(run_dir, &one), 0);
	}
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		record_free(&record);
		assert_int_equal(record_load(run_dir, ids[i], &record), 0);
		assert_string_equal(record.id, ids[i]);
		assert_int_equal(record.begin_ns, i + 1);
	}
	record_free(&record);
	assert_int_equal(record_load(run_dir, "none", &record), -ENOENT);
	hookdir_write("run/bad.json", "{ \"version\": 1 ", 0600);
	hookdir_write("run/old.json", "{ \"version\": 0, \"id\": \"old\" }", 0600);
	assert_int_equal(record_load(run_dir, "bad", &record), -EBADMSG);
	assert_int_equal(record_list(run_dir, &list), 0);
	assert_int_equal(list.n, 6);
	assert_string_equal(list.v[0].id, ".json");
	record_list_free(&list);
}

/* What freezectl --id takes: no such id may lead to another file, and each has a socket. */
static void any_id_has_files_of_its_own(void **state)
{
	static const char longest[] =
		".@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
	static const struct {
		const char *id, *keep;
	} ids[] = {
		{ "a:b@c+d-e_f.g", "/k/a:b@c+d-e_f.g" },
		{ ".", "/k/%2e" }, { "..", "/k/%2e." }, { ".complete", "/k/%2ecomplete" },
		{ "history", "/k/%68istory" }, { "history.new", "/k/%68istory.new" },
		{ "dlm-None", "/k/dlm-None" }, { longest, NULL },
	};
	struct sockaddr_un address;
	char *keep;
	size_t i;

	(void)state;
	assert_int_equal(strlen(longest), FREEZEGUARD_ID_MAX);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(strspn(ids[i].id, FREEZEGUARD_ID_CHARACTERS), strlen(ids[i].id));
		keep = record_keep("/k", ids[i].id);
		if (ids[i].keep)
			assert_string_equal(keep, ids[i].keep);
		free(keep);
		assert_int_equal(record_address("/run/freezeguard", ids[i].id, &address), 0);
		assert_int_not_equal(address.sun_path[strlen("/run/freezeguard/")], '.');
	}
}

static void old_records_are_forgotten(void **state)
{
	struct record_list list;
	int i;

	(void)state;
	snprintf(run_dir, sizeof(run_dir), "%s/run", hookdir);
	assert_int_equal(record_directory(run_dir), 0);
	for (i = 1; i <= RECORD_HISTORY + 10; i++) {
		struct record one = { .begin_ns = (uint64_t)i,
				       .state = i == 3 ? RECORD_QUIET : RECORD_RELEASED };

		snprintf(one.id, sizeof(one.id), "x%d", i);
		assert_int_equal(record_save(run_dir, &one), 0);
	}
	record_forget_old(run_dir, 64);
	assert_int_equal(record_list(run_dir, &list), 0);
	assert_int_equal(list.n, RECORD_HISTORY + 10);
	record_list_free(&list);
	record_forget_old(run_dir, RECORD_HISTORY);
	assert_int_equal(record_list(run_dir, &list), 0);
	assert_int_equal(list.n, RECORD_HISTORY + 1);
	assert_string_equal(list.v[RECORD_HISTORY].id, "x3");
	record_list_free(&list);
	chmod(run_dir, 0777);
	assert_int_equal(record_directory(run_dir), -EPERM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_directory_that_others_can_write_to),
		TEST(a_freeze_with_a_lease),
		TEST(only_its_post_script_is_a_success),
		TEST(a_loss_is_no_success_for_the_others),
		TEST(an_unknown_continuity_is_as_it_is_configured),
		TEST(an_unknown_continuity_is_as_the_end_wants_it),
		TEST(a_caller_that_stays),
		TEST(the_deadline),
		TEST(one_fails),
		TEST(one_is_not_ready),
		TEST(one_is_stopped),
		TEST(a_session_that_ends_without_ready),
		TEST(one_is_too_slow),
		TEST(one_is_too_slow_and_cleans_up),
		TEST(all_together_are_too_slow),
		TEST(the_freeze_fails),
		TEST(the_caller_dies_while_hooks_are_called),
		TEST(the_caller_dies_before_the_lease),
		TEST(the_caller_is_stopped),
		TEST(a_session_is_lost),
		TEST(a_session_says_that_it_is_lost),
		TEST(the_supervisor_is_killed),
		TEST(the_supervisor_is_asked_to_end),
		TEST(thaws_that_fail),
		TEST(without_a_lease),
		TEST(without_a_lease_an_administrator_ends_it),
		TEST(without_a_lease_it_is_too_late_to_keep),
		TEST(without_a_lease_until_the_deadline),
		TEST(without_a_lease_and_not_kept),
		TEST(hooks_have_no_time_while_the_machine_sleeps),
		TEST(with_a_lease_a_client_cannot_end_it),
		TEST(it_keeps_nothing_of_its_caller),
		TEST(a_hook_that_prints_without_end),
		TEST(a_thaw_that_hangs_is_overtaken),
		TEST(a_record_that_hangs_keeps_nobody_quiet),
		TEST(it_cannot_write_its_record),
		TEST(it_cannot_work),
		TEST(records_of_odd_ids),
		TEST(any_id_has_files_of_its_own),
		TEST(old_records_are_forgotten),
	};

	asleep_ns = mmap(NULL, sizeof(*asleep_ns), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (asleep_ns == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
