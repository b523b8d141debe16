// SPDX-License-Identifier: GPL-2.0-only
/*
 * post_script: what a post-script has to do with applications: wait until the supervisor has
 * released them, tell how it went, and do what a supervisor that was killed can no longer do.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/hook_call.h"
#include "apps/hooks.h"
#include "apps/post_script.h"
#include "apps/supervisor_job.h"
#include "base/text.h"

static int connect_to(const char *run_dir, const char *id)
{
	struct sockaddr_un address;
	int fd, r;

	r = record_address(run_dir, id, &address);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/**
 * apps_alive() - does the supervisor of a session that is not over live?
 * @run_dir: where its record is
 * @record: the record
 *
 * Return: whether it does; one that is stopped does, too.
 */
bool apps_alive(const char *run_dir, const struct record *record)
{
	int fd = connect_to(run_dir, record->id);

	if (fd >= 0)
		close(fd);
	/* EAGAIN: it has more callers than it can hear. */
	return fd >= 0 || fd == -EAGAIN;
}

/*
 * Wait for the end of a supervisor's work, until @until_ns. Return: 0 it is done, or it is dead and
 * there was nothing to wait for; -ETIMEDOUT.
 */
static int wait_for_supervisor(int supervisor, uint64_t until_ns)
{
	struct pollfd fd = { .fd = supervisor, .events = POLLIN };
	uint64_t now;
	int r;

	/* It is there, and does not even listen. */
	if (supervisor == -EAGAIN)
		return -ETIMEDOUT;
	if (supervisor < 0)
		return 0;
	for (;;) {
		now = freezeguard_now_ns();
		r = poll(&fd, 1, until_ns > now ? (int)((until_ns - now) / NS_PER_MS) + 1 : 0);
		if (r > 0)
			return 0;
		if (freezeguard_now_ns() >= until_ns)
			return -ETIMEDOUT;
	}
}

static const struct hook *hook_named(const struct hooks *hooks, const char *name)
{
	size_t i;

	for (i = 0; i < hooks->n; i++)
		if (!strcmp(hooks->v[i].name, name) && !hooks->v[i].wrong)
			return &hooks->v[i];
	return NULL;
}

static void thaw_one(struct record_app *app, const struct hook *hook,
		     const struct hook_call_args *call, uint64_t until_ns)
{
	uint64_t until = freezectl_in_ms(hook->thaw_timeout_ms);
	char *output;
	struct hook_call run;
	bool in_time = hook_call_whole(&run, hook, "thaw", call,
				       until < until_ns ? until : until_ns);

	output = text_copy(run.output);
	if (output) {
		free(app->thaw_output);
		app->thaw_output = output;
	}
	app->exit_status = hook_call_exit_status(&run);
	app->ended_ns = freezeguard_now_ns();
	app->timed_out = !in_time;
	app->state = in_time && !app->exit_status ? RECORD_APP_LOST : RECORD_APP_THAW_FAILED;
	hook_call_close(&run);
}

/**
 * apps_thaw_for_dead() - do what a supervisor that was killed left undone
 * @ctl: gets a finding for each hook that fails
 * @config: what is in force
 * @record: its record; it is brought up to date, and saved
 * @code: of these findings
 * @until_ns: when all of them have to end, CLOCK_BOOTTIME
 *
 * Session hooks released theirs when they ended; one-shot hooks are called with thaw, in reverse.
 */
void apps_thaw_for_dead(struct freezectl *ctl, const struct config *config, struct record *record,
			int code, uint64_t until_ns)
{
	struct text_list names = { 0 };
	struct findings ignored = { 0 };
	struct sockaddr_un address;
	struct hooks hooks;
	uint64_t now;
	char *keep;
	size_t i;

	if (!record->id[0])
		return;
	keep = record_keep(config->keep_dir, record->id);
	/* By name: --app may have been one that comes with freezeguard. */
	for (i = 0; i < record->n_apps; i++)
		if (text_list_add(&names, record->apps[i].name))
			break;
	hooks_find(&hooks, config, &names, &ignored);
	findings_free(&ignored);
	text_list_free(&names);
	record->ended_ns = freezeguard_now_ns();
	for (i = record->n_apps; i-- > 0; ) {
		struct record_app *app = &record->apps[i];
		const struct hook *hook = hook_named(&hooks, app->name);
		const struct hook_call_args call = {
			.id = record->id, .paths = "", .keep = keep ? keep : config->keep_dir,
		};

		if (app->quiet_ns)
			app->lost = true;
		if (app->session || !app->begun || app->ended_ns)
			continue;
		if (!hook) {
			findings_add(&ctl->findings, code, app->name,
				     "may still be quiesced: its hook %s no longer exists and could not be called with thaw; resume it by hand",
				     app->path);
			continue;
		}
		/* One that hangs leaves the others their share. */
		now = freezeguard_now_ns();
		thaw_one(app, hook, &call, until_ns > now ? now + (until_ns - now) / (i + 1) : now);
		if (app->state == RECORD_APP_THAW_FAILED)
			findings_add(&ctl->findings, code, app->name,
				     "may still be quiesced: its hook %s; resume it by hand",
				     app->timed_out ? "took too long and was ended" :
				     "failed");
	}
	free(keep);
	hooks_free(&hooks);
	for (i = 0; i < record->n_apps; i++) {
		struct record_app *app = &record->apps[i];

		if (!app->session || app->state != RECORD_APP_QUIET)
			continue;
		app->state = RECORD_APP_LOST;
		app->ended_ns = record->ended_ns;
	}
	record->state = RECORD_RELEASED;
	record->released_ns = freezeguard_now_ns();
	snprintf(record->why, sizeof(record->why), "killed");
	record_save(config->run_dir, record);
	if (!record_address(config->run_dir, record->id, &address))
		unlink(address.sun_path);
}

/* What is wrong with single applications, now that all are released. */
static void verdict_each(struct freezectl *ctl, const struct record *record)
{
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX];
	size_t i;

	for (i = 0; i < record->n_apps; i++) {
		const struct record_app *app = &record->apps[i];

		if (app->lost)
			findings_add(&ctl->findings, EXIT_CODE_EXPIRED, app->name,
				     "resumed %s%s, before the end of %s: consistency was lost, and the snapshot may lack data that the application believes is written",
				     strcmp(record->why, "killed") ? "at " :
				     "when its supervisor died, at the latest at ",
				     timefmt_text(&clocks, app->ended_ns ?
				     app->ended_ns : record->ended_ns, text), record->id);
		if (app->state != RECORD_APP_THAW_FAILED)
			continue;
		if (app->timed_out)
			findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, app->name,
				     "may still be quiesced: its hook took too long at the thaw and was ended; resume it by hand");
		else
			findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, app->name,
				     "may still be quiesced: its hook ended with status %d at the thaw; resume it by hand",
				     app->exit_status);
	}
}

static bool any_lost(const struct record *record)
{
	size_t i;

	for (i = 0; i < record->n_apps; i++)
		if (record->apps[i].lost)
			return true;
	return false;
}

/* The verdict where there is no lease. */
static void verdict_without_lease(struct freezectl *ctl, const struct apps_end *end)
{
	const struct record *record = &end->record;
	char text[TIMEFMT_TEXT_MAX], span[TIMEFMT_TEXT_MAX];
	struct clocks clocks = timefmt_now();

	timefmt_text(&clocks, record->ended_ns, text);
	if (!record->quiet_ns)
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, record->id,
			     "its applications were never all quiet; they were released at %s",
			     text);
	else if (!strcmp(record->why, "deadline"))
		findings_add(&ctl->findings, EXIT_CODE_EXPIRED, record->id,
			     "its deadline released its applications at %s, after %s, before this request came; a snapshot that was not finished by then may be inconsistent",
			     text,
			     timefmt_span(record->quiet_ns, record->ended_ns, span));
	else if (!record->kept)
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, record->id,
			     "was given up at %s, before the pre-script had succeeded (%s)",
			     text, record->why);
	else if (!end->first && end->post_script && record_is_retry(record))
		findings_add(&ctl->findings, EXIT_CODE_DONE, record->id,
			     "its applications were already released in time, at %s, by an earlier request of their owner; they had been quiet for %s",
			     text, timefmt_span(record->quiet_ns, record->ended_ns, span));
	else if (!strcmp(record->why, "request") &&
		 (!end->first || (end->post_script && !record->in_time && !any_lost(record))))
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, record->id,
			     "its applications were already released at %s; they had been quiet for %s",
			     text,
			     timefmt_span(record->quiet_ns, record->ended_ns, span));
}

/**
 * apps_end_begin() - read the record of a freeze, and say to its supervisor who ends it
 * @run_dir: where its record is
 * @id: the lease's id
 * @word: %SUPERVISOR_POST_SCRIPT, %SUPERVISOR_STRICT or %SUPERVISOR_END; without a lease this ends it
 * @end: all of it is overwritten; apps_end_free() it
 *
 * The supervisor hears the word before it can know of an end of the lease that is requested later.
 * It counts only while the connection lasts: of one that dies nothing is known.
 *
 * Return: 0; -ENOENT there is no record; another negative errno: it cannot be read.
 */
int apps_end_begin(const char *run_dir, const char *id, const char *word, struct apps_end *end)
{
	int r;

	*end = (struct apps_end){
		.fd = -ENOENT, .post_script = strcmp(word, SUPERVISOR_END),
	};
	r = record_load(run_dir, id, &end->record);
	if (r) {
		end->record = (struct record){ 0 };
		return r;
	}
	end->first = end->record.state != RECORD_RELEASED;
	if (!end->first)
		return 0;
	end->fd = connect_to(run_dir, id);
	/* One that is gone is seen when it is waited for. */
	if (end->fd >= 0 && send(end->fd, word, strlen(word), MSG_NOSIGNAL) < 0)
		shutdown(end->fd, SHUT_RDWR);
	return 0;
}

/**
 * apps_end_unreadable() - there is a record of a freeze that cannot be read
 * @ctl: gets a finding of code 203
 * @config: what is in force
 * @id: the lease's id
 * @error: why, a negative errno
 */
void apps_end_unreadable(struct freezectl *ctl, const struct config *config, const char *id,
			 int error)
{
	findings_add(&ctl->findings, EXIT_CODE_EXPIRED, id,
		     "cannot read the record of its applications in %s (%s): whether there were any, and whether they stayed quiet, is unknown; treat the snapshot as inconsistent",
		     config->run_dir, strerror(-error));
}

/**
 * apps_end_wait() - wait until the applications of a freeze are released
 * @ctl: gets a finding of code 202 or 203 if that is not known
 * @config: what is in force
 * @end: begun, with a record, which is brought up to date
 * @until_ns: how long to wait, CLOCK_BOOTTIME
 *
 * Return: whether they are; the verdict is apps_end_verdict().
 */
bool apps_end_wait(struct freezectl *ctl, const struct config *config, struct apps_end *end,
		   uint64_t until_ns)
{
	struct record *record = &end->record;
	char id[FREEZEGUARD_ID_MAX + 1];
	pid_t pid = record->pid;
	int r;

	if (record->state == RECORD_RELEASED)
		return true;
	memcpy(id, record->id, sizeof(id));
	r = wait_for_supervisor(end->fd, until_ns);
	record_free(record);
	if (record_load(config->run_dir, id, record)) {
		findings_add(&ctl->findings, EXIT_CODE_EXPIRED, id,
			     "the record of its applications no longer exists in %s, so whether they stayed quiet is unknown; treat the snapshot as inconsistent",
			     config->run_dir);
		return false;
	}
	/* It may have turned this one away: it has more callers than it can hear. */
	if (r == -ETIMEDOUT ||
	    (record->state != RECORD_RELEASED && apps_alive(config->run_dir, record))) {
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, id,
			     "its applications are not all released yet; process %d keeps releasing them. To follow it: freezectl apps --id %s",
			     pid, id);
		return false;
	}
	if (record->state != RECORD_RELEASED) {
		findings_add(&ctl->findings, EXIT_CODE_EXPIRED, id,
			     "its supervisor, process %d, died while its applications had to stay quiet: consistency was lost",
			     pid);
		apps_thaw_for_dead(ctl, config, record, EXIT_CODE_THAW_FAILED, until_ns);
	}
	return true;
}

/**
 * apps_end_missing() - a lease was ended and there is no record of applications: was there one?
 * @ctl: gets a finding of code 203 for each application that the pre-script must have called
 * @config: what is in force
 * @names: hooks that are named; an empty list: those that are configured; NULL: all that are enabled
 * @id: the lease's id
 *
 * A post-script has the options and the configuration of its pre-script. A thaw may say what it expects.
 *
 * Return: whether there was.
 */
bool apps_end_missing(struct freezectl *ctl, const struct config *config,
		      const struct text_list *names, const char *id)
{
	static const struct text_list all;
	struct findings ignored = { 0 };
	size_t i, before = ctl->findings.n;
	struct hooks hooks;

	hooks_find(&hooks, config, !names ? &all : names->n ? names : &config->apps, &ignored);
	for (i = 0; i < hooks.n; i++)
		if (!hooks.v[i].skip || hooks.v[i].wrong)
			findings_add(&ctl->findings, EXIT_CODE_EXPIRED, hooks.v[i].name,
				     "has a hook, and %s has no record that it was called for %s: whether it stayed quiet is unknown; treat the snapshot as inconsistent. It needs the options and the configuration of the pre-script, or the freeze",
				     config->run_dir, id);
	findings_free(&ignored);
	hooks_free(&hooks);
	return ctl->findings.n > before;
}

/**
 * apps_end_unnamed() - are all applications that were to be quiet in the record?
 * @ctl: gets a finding of code 203 for each that is not
 * @config: what is in force
 * @record: the record
 * @names: applications
 */
void apps_end_unnamed(struct freezectl *ctl, const struct config *config,
		      const struct record *record, const struct text_list *names)
{
	size_t i, k;

	for (i = 0; i < names->n; i++) {
		for (k = 0; k < record->n_apps; k++)
			if (!strcmp(record->apps[k].name, names->v[i]))
				break;
		if (k == record->n_apps)
			findings_add(&ctl->findings, EXIT_CODE_EXPIRED, names->v[i],
				     "was not quiesced for %s, as the record in %s has it; treat the snapshot as inconsistent for it",
				     record->id, config->run_dir);
	}
}

/**
 * apps_end_remember() - a post-script without applications thawed in time: it may run again
 * @ctl: gets a warning if that cannot be recorded
 * @config: what is in force
 * @lease: which this post-script has just ended
 *
 * With applications their record has it. What is wrong with the lease itself is known to the module.
 */
void apps_end_remember(struct freezectl *ctl, const struct config *config,
		       const struct freezeguard_lease *lease)
{
	struct record record = {
		.pid = getpid(), .state = RECORD_RELEASED, .why = "request", .has_lease = true,
		.in_time = true, .lease_number = lease->number, .lease_begin_ns = lease->begin_ns,
		.begin_ns = lease->begin_ns, .deadline_ns = lease->deadline_ns,
		.ended_ns = lease->ended_ns, .released_ns = lease->ended_ns,
	};
	int r = record_directory(config->run_dir);

	snprintf(record.id, sizeof(record.id), "%s", lease->id);
	if (!r)
		r = record_save(config->run_dir, &record);
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_DONE, config->run_dir,
			     "cannot record that this post-script thawed in time (%s); if it runs again, it will exit with 205",
			     strerror(-r));
	record_forget_old(config->run_dir, RECORD_MOST);
}

/**
 * apps_end_forget() - a pre-script of that id begins: an earlier one's record is not this one's
 *
 * A record without a lease would keep the post-script from a lease that is made without hooks.
 */
void apps_end_forget(const struct config *config, const char *id)
{
	struct record record;

	if (record_load(config->run_dir, id, &record))
		return;
	if (record.state == RECORD_RELEASED && !record.has_lease) {
		record_remove(config->run_dir, id);
	} else if (record.state == RECORD_RELEASED && record.in_time) {
		record.in_time = false;
		record_save(config->run_dir, &record);
	}
	record_free(&record);
}

/**
 * apps_end_verdict() - report how the applications of a freeze were released
 * @ctl: gets findings of code 202, 203 and 205
 * @end: released
 * @lease_ended_ns: when the end of its lease was decided, as it must have been; 0 without a lease
 */
void apps_end_verdict(struct freezectl *ctl, const struct apps_end *end, uint64_t lease_ended_ns)
{
	const struct record *record = &end->record;
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX];

	if (!record->has_lease)
		verdict_without_lease(ctl, end);
	/* The supervisor may not have been able to query the lease. */
	else if (record->quiet_ns && record->ended_ns < lease_ended_ns)
		findings_add(&ctl->findings, EXIT_CODE_EXPIRED, record->id,
			     "its applications resumed at %s (%s), before the lease ended: consistency was lost",
			     timefmt_text(&clocks, record->ended_ns, text), record->why);
	verdict_each(ctl, record);
}

/** apps_end_free() - close and free; the supervisor goes on as it promised */
void apps_end_free(struct apps_end *end)
{
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -ENOENT;
	record_free(&end->record);
}
