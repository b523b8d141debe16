// SPDX-License-Identifier: GPL-2.0-only
/*
 * pre_script: what a pre-script does with applications: find their hooks, have a supervisor make
 * them quiet, give it the lease, and ask it at the end whether all still are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "apps/show.h"
#include "base/duration.h"
#include "lease/preflight.h"

/* Between the last hook and the end of the script timeout there is a freeze, or a roll-back. */
#define RESERVE_MS	500

/* Another freeze that keeps one of these quiet, or this one, which was begun already. */
static void check_others(struct freezectl *ctl, const struct apps_request *request,
			 const struct apps *apps)
{
	struct clocks clocks = timefmt_now();
	struct record_list list;
	char text[TIMEFMT_TEXT_MAX];
	size_t i, k, h;

	if (record_list(request->config->run_dir, &list))
		return;
	for (i = 0; i < list.n; i++) {
		const struct record *s = &list.v[i];

		if (s->state == RECORD_RELEASED || !apps_alive(request->config->run_dir, s))
			continue;
		if (!strcmp(s->id, request->id))
			findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, s->id,
				     "its applications are already kept quiet by process %d, since %s; nothing was touched. Wait for its post-script",
				     s->pid,
				     timefmt_text(&clocks, s->begin_ns, text));
		for (k = 0; k < s->n_apps && strcmp(s->id, request->id); k++)
			for (h = 0; h < apps->hooks.n; h++)
				if (!apps->hooks.v[h].skip &&
				    !strcmp(apps->hooks.v[h].name, s->apps[k].name))
					findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN,
						     s->apps[k].name,
						     "is already kept quiet for %s by process %d, since %s; nothing was touched. Wait for its post-script",
						     s->id, s->pid,
						     timefmt_text(&clocks, s->begin_ns, text));
	}
	record_list_free(&list);
}

/**
 * apps_prepare() - find the hooks, and check what can be checked; touches nothing
 * @ctl: gets findings of code 204 and 206
 * @request: what is wanted
 * @apps: gets the hooks; apps_free() it in any case
 *
 * Return: whether all is well.
 */
bool apps_prepare(struct freezectl *ctl, const struct apps_request *request, struct apps *apps)
{
	size_t before = ctl->findings.n;

	apps->supervisor.control = -1;
	if (request->none)
		return true;
	if (hooks_find(&apps->hooks, request->config, request->names.n ? &request->names :
		       &request->config->apps, &ctl->findings))
		return false;
	hooks_refuse(&apps->hooks, &ctl->findings);
	if (hooks_n_called(&apps->hooks))
		check_others(ctl, request, apps);
	return ctl->findings.n == before;
}

/**
 * apps_startable() - refuse hooks, and records, on a filesystem that is about to be frozen
 * @ctl: connected; gets findings of code 1
 * @request: what is wanted
 * @apps: prepared
 * @plan: what will be frozen
 *
 * Return: whether all can be started.
 */
bool apps_startable(struct freezectl *ctl, const struct apps_request *request,
		    const struct apps *apps, const struct plan *plan)
{
	bool good = !hooks_n_called(&apps->hooks) ||
		    !preflight_directory(ctl->fg, plan, request->config->run_dir, &ctl->findings);
	size_t i;

	for (i = 0; i < apps->hooks.n; i++)
		if (!apps->hooks.v[i].skip &&
		    preflight_command(ctl->fg, plan, apps->hooks.v[i].path, &ctl->findings))
			good = false;
	return good;
}

/* The last line of what a hook printed, for a message. */
static const char *last_line(const char *output, char *buf, size_t size)
{
	const char *end = output + strlen(output), *line;
	char text[512];

	while (end > output && end[-1] == '\n')
		end--;
	for (line = end; line > output && line[-1] != '\n'; line--)
		;
	if (line == end)
		return "";
	snprintf(text, sizeof(text), "%.*s", (int)(end - line < 300 ? end - line : 300), line);
	buf[0] = ':';
	buf[1] = ' ';
	output_clean(text, buf + 2, size - 2);
	return buf;
}

static struct hook_call_args call_of(const struct apps_request *request)
{
	return (struct hook_call_args) {
		.id = request->id, .limit_ms = request->timeout_ms, .paths = "",
		.keep = request->config->keep_dir,
	};
}

/**
 * apps_ask() - ask the session hooks whether their applications are ready
 * @ctl: gets findings of code 206, and the answers in its text
 * @request: what is wanted
 * @apps: prepared
 * @check: what their files are compared with
 *
 * Return: whether all are that can be asked.
 */
bool apps_ask(struct freezectl *ctl, const struct apps_request *request, const struct apps *apps,
	      const struct files_check *check)
{
	const struct text_list none = { 0 };
	const struct hook_call_args call = call_of(request);
	bool good = true, in_time;
	char line[1300];
	const char *said;
	size_t i;

	for (i = 0; i < apps->hooks.n; i++) {
		const struct hook *hook = &apps->hooks.v[i];
		struct hook_call run;
		uint64_t until;

		if (hook->skip)
			continue;
		if (!hook->session) {
			fprintf(ctl->out.text,
				"app %s: would be called; its hook is a one-shot and has no check\n",
				hook->name);
			good &= files_are_frozen(check, hook->name, &none);
			continue;
		}
		until = freezectl_in_ms(hook->timeout_ms);
		in_time = hook_call_whole(&run, hook, "check", &call, until < request->give_up_ns ?
					  until : request->give_up_ns);
		said = last_line(run.output, line, sizeof(line));
		if (in_time && !hook_call_exit_status(&run)) {
			fprintf(ctl->out.text, "app %s: is ready\n", hook->name);
			good &= files_are_frozen(check, hook->name, &run.paths);
		} else {
			good = false;
			findings_add(&ctl->findings, EXIT_CODE_NOT_READY, hook->name,
				     !in_time ? "did not finish its check in time%s" :
				     hook_call_exit_status(&run) == HOOK_CALL_NOT_READY ?
				     "is not ready%s" : "could not be checked%s", said);
		}
		hook_call_close(&run);
	}
	return good;
}

/* Mount points, one a line. */
static char *paths_of(const struct plan *plan)
{
	size_t i, size;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);
	bool first = true;

	if (!file)
		return NULL;
	for (i = 0; i < plan->n; i++) {
		if (plan->v[i].skip)
			continue;
		fprintf(file, "%s%s", first ? "" : "\n", plan->v[i].path);
		first = false;
	}
	fclose(file);
	return text;
}

static void reload(const struct apps_request *request, struct apps *apps)
{
	record_free(&apps->record);
	if (record_load(request->config->run_dir, request->id, &apps->record))
		apps->record = (struct record){ 0 };
	/* An earlier one of that name, if this supervisor could not write any. */
	if (apps->record.pid != apps->supervisor.pid)
		record_free(&apps->record);
}

/* Which of them could not be made quiet, and why. */
static void tell_failures(struct freezectl *ctl, const struct apps_request *request,
			  const struct apps *apps)
{
	char line[1300], span[DURATION_TEXT_MAX];
	size_t i, before = ctl->findings.n;

	for (i = 0; i < apps->record.n_apps; i++) {
		const struct record_app *app = &apps->record.apps[i];
		const char *said = last_line(app->output ? app->output : "", line, sizeof(line));

		switch (app->state) {
		case RECORD_APP_NOT_READY:
			findings_add(&ctl->findings, EXIT_CODE_NOT_READY, app->name,
				     "is not ready%s", said);
			break;
		case RECORD_APP_FAILED:
			if (app->timed_out)
				findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, app->name,
					     "was not quiet after %s, so its hook was ended%s",
					     duration_format((freezeguard_now_ns() - app->begin_ns) /
							     NS_PER_MS, span, sizeof(span)), said);
			else if (!app->exit_status && app->session)
				findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, app->name,
					     "its hook ended without printing READY%s", said);
			else
				findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, app->name,
					     "could not be quiesced: its hook ended with status %d%s",
					     app->exit_status, said);
			break;
		case RECORD_APP_THAW_FAILED:
			said = last_line(app->thaw_output ? app->thaw_output : "", line,
					 sizeof(line));
			findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, app->name,
				     "may still be quiesced: in the roll-back its hook %s%s",
				     app->timed_out ? "took too long and was ended" : "failed",
				     said);
			break;
		default:
			break;
		}
	}
	if (ctl->findings.n == before)
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its applications could not be quiesced; all were released again");
}

/* It may have come to its end between the reading of its record and the look whether it lives. */
static bool reload_is_over(const struct apps_request *request, const struct record *record)
{
	struct record now;
	bool over;

	if (record_load(request->config->run_dir, record->id, &now))
		return true;
	over = now.state == RECORD_RELEASED || now.pid != record->pid;
	record_free(&now);
	return over;
}

/* Left-overs of supervisors that were killed: what they would have thawed. */
static void thaw_left_overs(struct freezectl *ctl, const struct apps_request *request)
{
	struct record_list list;
	size_t i;

	if (record_list(request->config->run_dir, &list))
		return;
	/* The next pre-script handles those that there is no time for now. */
	for (i = 0; i < list.n && freezeguard_now_ns() < request->give_up_ns; i++) {
		struct record *s = &list.v[i];

		if (s->state == RECORD_RELEASED || apps_alive(request->config->run_dir, s) ||
		    reload_is_over(request, s))
			continue;
		findings_add(&ctl->findings, EXIT_CODE_DONE, s->id,
			     "its supervisor, process %d, died without releasing the applications; this pre-script releases them now",
			     s->pid);
		apps_thaw_for_dead(ctl, request->config, s, EXIT_CODE_DONE, request->give_up_ns);
	}
	record_list_free(&list);
}

static bool still_working(struct freezectl *ctl, const struct apps_request *request,
			  const struct apps *apps)
{
	findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
		     "its applications could not be quiesced in time, and process %d is still releasing them",
		     apps->supervisor.pid);
	return false;
}

/*
 * From the look for others until the record says who is kept quiet now, pre-scripts come one after
 * another. Return: the lock, or a negative errno.
 */
static int take_turn(const char *run_dir, uint64_t until_ns)
{
	int r = record_directory(run_dir), lock;

	if (r)
		return r;
	lock = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX | LOCK_NB)) {
		r = -errno;
		if (r != -EWOULDBLOCK || freezeguard_now_ns() >= until_ns) {
			close(lock);
			return r;
		}
		usleep(5000);
	}
	return lock;
}

/**
 * apps_quiesce() - make all applications quiet
 * @ctl: gets findings of code 201, 204 and 206
 * @request: what is wanted
 * @apps: prepared
 * @plan: what will be frozen
 *
 * Return: whether all are quiet; if not all are released again, or a finding says that they will be.
 */
bool apps_quiesce(struct freezectl *ctl, const struct apps_request *request, struct apps *apps,
		  const struct plan *plan)
{
	uint64_t now = freezeguard_now_ns(), reserve = RESERVE_MS * NS_PER_MS;
	struct supervisor_message message;
	struct supervisor_job job = {
		.id = request->id,
		.run_dir = request->config->run_dir,
		.history_dir = request->config->keep_dir,
		.own_scope = true,
		.hooks = &apps->hooks,
		.timeout_ms = request->timeout_ms,
		.give_up_ns = request->give_up_ns,
		.lease = plan_n_to_freeze(plan),
		.module = &supervisor_module_real,
	};
	char *paths, *keep = NULL;
	size_t before;
	int r = -ENOMEM;

	job.lock = take_turn(request->config->run_dir, request->give_up_ns);
	if (job.lock < 0) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->config->run_dir,
			     "%s: %s; nothing was touched", job.lock == -EWOULDBLOCK ?
			     "another pre-script holds the lock of the records for too long" :
			     "cannot keep the records of applications here", strerror(-job.lock));
		return false;
	}
	thaw_left_overs(ctl, request);
	before = ctl->findings.n;
	check_others(ctl, request, apps);
	if (ctl->findings.n > before) {
		close(job.lock);
		return false;
	}
	paths = paths_of(plan);
	if (request->give_up_ns < now + 4 * reserve)
		reserve = request->give_up_ns > now ? (request->give_up_ns - now) / 4 : 0;
	job.quiet_until_ns = request->give_up_ns - reserve;
	job.paths = paths;
	if (asprintf(&keep, "%s/%s", request->config->keep_dir, request->id) < 0)
		keep = NULL;
	job.keep_dir = keep;
	if (paths && keep)
		r = supervisor_start(&apps->supervisor, &job);
	close(job.lock);
	free(paths);
	free(keep);
	if (r) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, NULL,
			     "cannot start the supervisor of the applications: %s; nothing was touched",
			     strerror(-r));
		return false;
	}
	apps->started = true;
	r = supervisor_hear(&apps->supervisor, request->give_up_ns + ROLL_BACK_MS * NS_PER_MS,
			    &message);
	reload(request, apps);
	if (r == -ETIMEDOUT)
		return still_working(ctl, request, apps);
	if (r) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its supervisor, process %d, died while quiescing the applications; session hooks end with it",
			     apps->supervisor.pid);
		apps_thaw_for_dead(ctl, request->config, &apps->record,
				   EXIT_CODE_FREEZE_FAILED,
				   request->give_up_ns + ROLL_BACK_MS * NS_PER_MS);
		return false;
	}
	switch (message.word) {
	case SUPERVISOR_QUIET:
		return true;
	case SUPERVISOR_BROKEN:
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, NULL,
			     "the supervisor of the applications %s; nothing was touched",
			     message.text);
		return false;
	default:
		tell_failures(ctl, request, apps);
		return false;
	}
}

/* What is not quiet any more though it should be. */
static void tell_losses(struct freezectl *ctl, const struct apps_request *request,
			const struct apps *apps)
{
	size_t i, before = ctl->findings.n;
	char line[1300];

	for (i = 0; i < apps->record.n_apps; i++) {
		const struct record_app *app = &apps->record.apps[i];

		if (app->lost)
			findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, app->name,
				     "did not stay quiet: its hook ended with status %d%s",
				     app->exit_status, last_line(app->output, line, sizeof(line)));
	}
	if (ctl->findings.n > before)
		return;
	if (!strcmp(apps->record.why, "deadline"))
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its deadline passed before freezectl could report that all is quiet; use a longer --timeout");
	else
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its applications did not stay quiet until all filesystems were frozen");
}

/**
 * apps_still_quiet() - give the supervisor the lease, and ask whether all are still quiet
 * @ctl: gets findings of code 201
 * @request: what is wanted
 * @apps: quiet
 * @lease: the lease, FROZEN; NULL if there is none
 *
 * Return: whether they are; if not, the caller ends the lease and calls apps_abort().
 */
bool apps_still_quiet(struct freezectl *ctl, const struct apps_request *request, struct apps *apps,
		      const struct freezeguard_lease *lease)
{
	struct supervisor_message message = { .word = SUPERVISOR_LEASE };
	int r = 0;

	if (!apps->started)
		return true;
	if (lease) {
		message.number = lease->number;
		message.begin_ns = lease->begin_ns;
		message.deadline_ns = lease->deadline_ns;
		r = supervisor_tell(&apps->supervisor, &message);
	}
	message.word = SUPERVISOR_CHECK;
	if (!r)
		r = supervisor_tell(&apps->supervisor, &message);
	if (!r)
		r = supervisor_hear(&apps->supervisor, request->give_up_ns, &message);
	reload(request, apps);
	if (!r && message.word == SUPERVISOR_STILL)
		return true;
	if (r == -ETIMEDOUT)
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its supervisor, process %d, does not answer, so whether its applications are quiet is unknown",
			     apps->supervisor.pid);
	else if (r)
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its supervisor, process %d, is gone, so its applications may no longer be quiet",
			     apps->supervisor.pid);
	else if (message.word == SUPERVISOR_LOST && message.text[0])
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->config->run_dir,
			     "cannot write the record of the applications, which the post-script needs: %s",
			     message.text);
	else
		tell_losses(ctl, request, apps);
	return false;
}

static bool keep(struct freezectl *ctl, void *supervisor)
{
	const struct supervisor_message message = { .word = SUPERVISOR_KEEP };

	(void)ctl;
	return !supervisor_tell(supervisor, &message);
}

/**
 * apps_keep() - without a lease: report that all are quiet, have them kept so, and exit
 * @ctl: prints @ctl->out
 * @request: what was wanted
 * @apps: quiet and shown
 *
 * Returns only if they do not stay quiet, with a finding of code 201. Call apps_abort() then.
 */
void apps_keep(struct freezectl *ctl, const struct apps_request *request, struct apps *apps)
{
	if (freezectl_keep(ctl, request->id, request->give_up_ns, keep, &apps->supervisor))
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
			     "its supervisor, process %d, is gone, so its applications may no longer be quiet",
			     apps->supervisor.pid);
}

/**
 * apps_abort() - the freeze failed: have all released
 * @ctl: gets a finding if that takes too long
 * @request: what was wanted
 * @apps: quiet, or not
 */
void apps_abort(struct freezectl *ctl, const struct apps_request *request, struct apps *apps)
{
	struct supervisor_message message = { .word = SUPERVISOR_ABORT };
	uint64_t until = request->give_up_ns + ROLL_BACK_MS * NS_PER_MS;
	int r;

	if (!apps->started)
		return;
	supervisor_tell(&apps->supervisor, &message);
	do
		r = supervisor_hear(&apps->supervisor, until, &message);
	while (!r && message.word != SUPERVISOR_OVER && message.word != SUPERVISOR_FAILED);
	reload(request, apps);
	if (r == -ETIMEDOUT) {
		still_working(ctl, request, apps);
	} else if (r && apps->record.state != RECORD_RELEASED) {
		apps_thaw_for_dead(ctl, request->config, &apps->record,
				   EXIT_CODE_FREEZE_FAILED, until);
	} else {
		size_t i;

		for (i = 0; i < apps->record.n_apps; i++)
			if (apps->record.apps[i].state == RECORD_APP_THAW_FAILED)
				findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED,
					     apps->record.apps[i].name,
					     "may still be quiesced: its hook failed in the roll-back; resume it by hand");
	}
}

/** apps_show() - put the applications into the output of a pre-script */
void apps_show(struct freezectl *ctl, const struct apps *apps)
{
	if (apps->started)
		apps_show_record(ctl, &apps->record, false);
}

/** apps_free() - free everything; the supervisor goes on as it promised */
void apps_free(struct apps *apps)
{
	supervisor_leave(&apps->supervisor);
	hooks_free(&apps->hooks);
	record_free(&apps->record);
}
