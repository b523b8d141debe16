/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * supervised: a supervisor with hooks from a temporary directory. The kernel is made up: a file in
 * that directory says how the lease is.
 */
#ifndef FREEZEGUARD_TEST_SUPERVISED_H
#define FREEZEGUARD_TEST_SUPERVISED_H

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include <freezeguard.h>

#include "hookdir.h"
#include "apps/record.h"
#include "apps/supervisor.h"
#include "base/timefmt.h"

#define ID "dlm-None"

static struct hooks hooks;
static struct supervisor supervisor;
static struct record record;
static struct supervisor_job job;
static char run_dir[100], keep_dir[100];

/* ---- the made-up kernel ---- */

static inline int fake_open(void)
{
	return 0;
}

static inline int fake_fd(void)
{
	return -1;
}

static inline void fake_drain(void)
{
}

/* The file "lease" has a cause, and "held" behind it while it is not released. */
static inline int fake_look(uint64_t number, struct supervisor_lease *lease)
{
	const char *text = hookdir_read("lease");

	if (number != 7)
		return -ENOENT;
	lease->ended = text[0];
	lease->released = text[0] && !strstr(text, " held");
	snprintf(lease->cause, sizeof(lease->cause), "%.*s", (int)strcspn(text, " "), text);
	return 0;
}

/* Its begin as tell() says it. */
static inline int fake_get(uint64_t number, struct freezeguard_lease *lease)
{
	if (number != 7)
		return -ENOENT;
	*lease = (struct freezeguard_lease){
		.number = number, .id = ID, .state = FREEZEGUARD_LEASE_STATE_THAWED,
		.cause = FREEZEGUARD_CAUSE_REQUEST, .begin_ns = 1, .frozen_ns = 2 * NS_PER_S,
		.ended_ns = 5 * NS_PER_S, .released_ns = 5 * NS_PER_S + 1,
		.continuity = FREEZEGUARD_CONTINUITY_OBSERVED,
	};
	return 0;
}

static const struct supervisor_module fake = {
	.open = fake_open, .fd = fake_fd, .drain = fake_drain, .look = fake_look, .get = fake_get,
};

/* ---- tools ---- */

static inline int setup(void **state)
{
	supervisor.control = -1;
	supervisor.pid = 0;
	snprintf(run_dir, sizeof(run_dir), "%s", "");
	return hookdir_make(state);
}

static inline int teardown(void **state)
{
	supervisor_leave(&supervisor);
	if (supervisor.pid > 0) {
		kill(supervisor.pid, SIGKILL);
		waitpid(supervisor.pid, NULL, 0);
	}
	hooks_free(&hooks);
	record_free(&record);
	return hookdir_remove(state);
}

static inline void start(bool lease, uint32_t timeout_ms, uint64_t quiet_ms, uint64_t give_up_ms)
{
	static const struct text_list none;
	uint64_t now = freezeguard_now_ns();

	assert_int_equal(hooks_find(&hooks, &hookdir_config, &none, &hookdir_findings), 0);
	snprintf(run_dir, sizeof(run_dir), "%s/run", hookdir);
	snprintf(keep_dir, sizeof(keep_dir), "%s/keep", hookdir);
	job = (struct supervisor_job){
		.id = ID, .run_dir = run_dir, .keep_dir = "/keep",
		.history_dir = keep_dir, .hooks = &hooks, .paths = "/data",
		.timeout_ms = timeout_ms, .quiet_until_ns = now + quiet_ms * NS_PER_MS,
		.give_up_ns = now + give_up_ms * NS_PER_MS, .lease = lease, .module = &fake,
	};
	assert_int_equal(supervisor_start(&supervisor, &job), 0);
}

static inline uint64_t in_s(uint64_t s)
{
	return freezeguard_now_ns() + s * NS_PER_S;
}

static inline void hears(enum supervisor_word word)
{
	struct supervisor_message message = { 0 };
	int r = supervisor_hear(&supervisor, in_s(30), &message);

	if (r || message.word != word)
		fail_msg("heard %d, word %u (%s), not word %u", r, message.word, message.text, word);
}

static inline void tell(enum supervisor_word word)
{
	const struct supervisor_message message = {
		.word = word, .number = 7, .begin_ns = 1, .deadline_ns = in_s(60),
	};

	assert_int_equal(supervisor_tell(&supervisor, &message), 0);
}

static inline void load(void)
{
	record_free(&record);
	assert_int_equal(record_load(run_dir, ID, &record), 0);
}

/* The supervisor exits by itself, and its record says that all is over, for this reason. */
static inline void over(const char *why)
{
	int status;

	assert_int_equal(waitpid(supervisor.pid, &status, 0), supervisor.pid);
	supervisor.pid = 0;
	assert_true(WIFEXITED(status));
	load();
	assert_int_equal(record.state, RECORD_RELEASED);
	assert_string_equal(record.why, why);
	assert_true(record.ended_ns && record.released_ns >= record.ended_ns);
}

static inline void app_is(size_t i, const char *name, enum record_app_state state)
{
	assert_true(i < record.n_apps);
	assert_string_equal(record.apps[i].name, name);
	if (record.apps[i].state != state)
		fail_msg("%s is %s, not %s", name, record_app_state_name(record.apps[i].state),
			 record_app_state_name(state));
}

static inline void log_is(const char *text)
{
	assert_string_equal(hookdir_read("log"), text);
}

static inline void within_s(const char *file, const char *text)
{
	uint64_t until = in_s(20);

	while (strcmp(hookdir_read(file), text)) {
		if (freezeguard_now_ns() > until)
			fail_msg("%s is '%s', not '%s'", file, hookdir_read(file), text);
		usleep(5000);
	}
}

#endif
