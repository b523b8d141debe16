// SPDX-License-Identifier: GPL-2.0-only
/*
 * pre_script: what a pre-script does with applications: find their hooks, have a supervisor make
 * them quiet, give it the lease, and ask it at the end whether all still are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/others.h"
#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "apps/show.h"
#include "base/duration.h"
#include "lease/preflight.h"

/* Between the last hook and the end of the script timeout there is a freeze, or a roll-back. */
#define RESERVE_MS	500
#define STOPPED_HELP	\
	"is not ready: it is stopped; when_stopped = skip in its section would leave it out%s"

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
	static const struct text_list all;
	const struct text_list *names = request->all ? &all : request->names.n ? &request->names :
					&request->config->apps;
	size_t before = ctl->findings.n;

	apps->supervisor.control = -1;
	if (request->none)
		return true;
	if (hooks_find(&apps->hooks, request->config, names, &ctl->findings))
		return false;
	hooks_refuse(&apps->hooks, &ctl->findings);
	if (hooks_n_called(&apps->hooks))
		others_check(ctl, request->config, request->id, &apps->hooks);
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
	/* The post-script writes there, too, also without hooks, and must not hang. */
	bool good = !preflight_directory(ctl->fg, plan, request->config->run_dir, &ctl->findings);
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

/* Why no application is made quiet. */
static const char *none_why(const struct apps_request *request, const struct apps *apps)
{
	return request->none ? "no hook was to be called" : apps->hooks.n ?
	       "no hook is enabled" : "there is no hook";
}

/* Ask one session hook. Returns the answer, in a word; there is a finding if it is not "ready". */
static const char *ask(struct freezectl *ctl, const struct apps_request *request,
		       const struct hook *hook, const struct files_check *check)
{
	const struct hook_call_args call = call_of(request);
	uint64_t until = freezectl_in_ms(hook->timeout_ms);
	const char *answer = "ready";
	struct hook_call run;
	char line[1300];
	bool in_time;

	in_time = hook_call_whole(&run, hook, "check", &call, until < request->give_up_ns ?
				  until : request->give_up_ns);
	if (in_time && run.stopped && hook->skip_stopped &&
	    hook_call_exit_status(&run) == HOOK_CALL_NOT_READY) {
		answer = "stopped";
		fprintf(ctl->out.text, "app %s: is stopped, and would be skipped\n", hook->name);
	} else if (!in_time || hook_call_exit_status(&run)) {
		answer = in_time && hook_call_exit_status(&run) == HOOK_CALL_NOT_READY ?
			 "not-ready" : "unknown";
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, hook->name,
			     !in_time ? "did not finish its check in time%s" :
			     run.stopped ? STOPPED_HELP :
			     strcmp(answer, "unknown") ? "is not ready%s" :
			     "could not be checked%s", last_line(run.output, line, sizeof(line)));
	} else {
		fprintf(ctl->out.text, "app %s: is ready\n", hook->name);
		files_are_frozen(check, hook->name, &run.paths);
	}
	hook_call_close(&run);
	return answer;
}

/**
 * apps_ask() - ask the session hooks whether their applications are ready
 * @ctl: gets findings of code 206, and the answers in its output
 * @request: what is wanted
 * @apps: prepared
 * @check: what their files are compared with
 *
 * Return: whether all are that can be asked.
 */
bool apps_ask(struct freezectl *ctl, const struct apps_request *request, const struct apps *apps,
	      const struct files_check *check)
{
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL, *object;
	size_t i, n = 0;
	const char *answer;

	for (i = 0; i < apps->hooks.n; i++) {
		const struct hook *hook = &apps->hooks.v[i];

		if (hook->skip)
			continue;
		n++;
		answer = "unknown";
		if (hook->session) {
			answer = ask(ctl, request, hook, check);
		} else {
			fprintf(ctl->out.text,
				"app %s: would be called; its hook is a one-shot and has no check\n",
				hook->name);
			files_are_frozen(check, hook->name, &(struct text_list){ 0 });
		}
		if (!array)
			continue;
		object = json_object_new_object();
		output_json_add(object, "name", output_json_string(hook->name));
		output_json_add(object, "path", output_json_string(hook->path));
		output_json_add(object, "kind", output_json_string(hook->session ? "session" :
								   "one-shot"));
		output_json_add(object, "state", output_json_string(answer));
		json_object_array_add(array, object);
	}
	if (!n)
		fprintf(ctl->out.text, "no application would be quiesced: %s\n",
			none_why(request, apps));
	output_json_add(ctl->out.doc, "apps", array);
	return !findings_exit_code(&ctl->findings);
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
				     app->stopped ? STOPPED_HELP : "is not ready%s", said);
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

static bool still_working(struct freezectl *ctl, const struct apps_request *request,
			  const struct apps *apps)
{
	findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->id,
		     "its applications could not be quiesced in time, and process %d is still releasing them",
		     apps->supervisor.pid);
	return false;
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
	char *paths, *keep;
	size_t before;
	struct supervisor_job job = {
		.id = request->id, .by = request->by, .attended = request->attended,
		.run_dir = request->config->run_dir,
		.history_dir = request->config->keep_dir,
		.own_scope = true,
		.hooks = &apps->hooks, .timeout_ms = request->timeout_ms,
		.give_up_ns = request->give_up_ns,
		.lease = plan_n_to_freeze(plan),
		.require_continuity = request->require_continuity,
		.module = &supervisor_module_real,
	};
	int r = -ENOMEM;

	job.lock = others_lock(request->config->run_dir, request->give_up_ns);
	if (job.lock < 0) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, request->config->run_dir,
			     "%s: %s; nothing was touched", job.lock == -EWOULDBLOCK ?
			     "another pre-script holds the lock of the records for too long" :
			     "cannot keep the records of applications here", strerror(-job.lock));
		return false;
	}
	others_thaw(ctl, request->config, request->give_up_ns);
	before = ctl->findings.n;
	others_check(ctl, request->config, request->id, &apps->hooks);
	if (ctl->findings.n > before) {
		close(job.lock);
		return false;
	}
	paths = paths_of(plan);
	if (request->give_up_ns < now + 4 * reserve)
		reserve = request->give_up_ns > now ? (request->give_up_ns - now) / 4 : 0;
	job.quiet_until_ns = request->give_up_ns - reserve;
	job.paths = paths;
	keep = record_keep(request->config->keep_dir, request->id);
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
			     "its supervisor, process %d, no longer keeps its applications quiet",
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
			     "its supervisor, process %d, no longer keeps its applications quiet",
			     apps->supervisor.pid);
}

/** apps_are_over() - has the supervisor begun to release them, or gone? */
bool apps_are_over(const struct apps *apps)
{
	struct supervisor_message message;

	return apps->started && supervisor_hear(&apps->supervisor, 0, &message) != -ETIMEDOUT;
}

/** apps_confirm() - whoever attended succeeded, and is about to thaw; the supervisor may be gone */
void apps_confirm(const struct apps *apps)
{
	const struct supervisor_message message = { .word = SUPERVISOR_KEEP };

	if (apps->started)
		supervisor_tell(&apps->supervisor, &message);
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
	apps_show_record(ctl, &apps->record, false);
}

/**
 * apps_show_success() - the same when all are quiet, and say which these are
 * @ctl: the call
 * @request: what was wanted
 * @apps: quiet
 */
void apps_show_success(struct freezectl *ctl, const struct apps_request *request,
		       const struct apps *apps)
{
	apps_show(ctl, apps);
	apps_show_quiet(ctl, &apps->record, none_why(request, apps));
}

/** apps_free() - free everything; the supervisor goes on as it promised */
void apps_free(struct apps *apps)
{
	supervisor_leave(&apps->supervisor);
	hooks_free(&apps->hooks);
	record_free(&apps->record);
}
