// SPDX-License-Identifier: GPL-2.0-only
/*
 * complete: the third phase. Snapshots are begun while all is quiet, and are done much later. Only then
 * may an application drop what a restore from an older copy would need. Nothing is stopped meanwhile. A
 * hook is called only if it has said that it wants that: to another one the word would be unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apps/complete.h"
#include "apps/post_script.h"
#include "apps/show.h"
#include "lease/verdict.h"

/* Ids do not begin with a dot, as files. */
#define LOCK	".complete"

/* Is the lease, as far as the module still knows it, one that its owner thawed without a gap? */
static bool lease_is_good(struct freezectl *ctl, const struct record *record)
{
	struct verdict_context context = {
		.clocks = timefmt_now(), .paths.mounts = &ctl->mounts, .wait_ms = DEFAULT_WAIT_MS,
	};
	struct freezeguard_lease lease = { 0 };
	struct findings found = { 0 };
	bool good = true;
	size_t i;
	int r;

	/* To ask would load the module. What had happened by the thaw is in the record. */
	if (access("/sys/module/freezeguard", F_OK))
		return true;
	r = freezeguard_open(&ctl->fg);
	if (!r)
		r = freezeguard_lease_get(ctl->fg, 0, record->id, &lease);
	if (r == -ENOENT)
		return true;
	if (r) {
		freezectl_refused(ctl, record->id, EXIT_CODE_NOT_READY);
		return false;
	}
	if (lease.begin_ns > record->begin_ns && lease.begin_ns != record->lease_begin_ns) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, record->id,
			     "a later lease has that id, without applications: which copies are done is not clear; no hook was called");
		good = false;
	} else if (lease.begin_ns == record->lease_begin_ns && freezeguard_lease_is_live(&lease)) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, record->id,
			     "is still being thawed; no hook was called. To follow it: freezectl status --id %s",
			     record->id);
		good = false;
	} else if (lease.begin_ns == record->lease_begin_ns) {
		context.observer = freezectl_observer(ctl);
		good = verdict_thaw(&lease, VERDICT_AGAIN, &context, &found);
		for (i = 0; !good && i < found.n; i++)
			findings_add(&ctl->findings, found.v[i].code, found.v[i].target, "%s",
				     found.v[i].message);
	}
	findings_free(&found);
	freezeguard_lease_clear(&lease);
	return good;
}

/* Not thawed, or not as a success: with the code of the thaw, if there was one. */
static bool is_consistent(struct freezectl *ctl, const struct config *config,
			  const struct record *record)
{
	struct findings *f = &ctl->findings;
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX];
	size_t i, before = f->n;

	if (record->state != RECORD_RELEASED) {
		if (apps_alive(config->run_dir, record))
			findings_add(f, EXIT_CODE_NOT_READY, record->id,
				     "is not thawed yet; no hook was called. Thaw it first");
		else
			findings_add(f, EXIT_CODE_EXPIRED, record->id,
				     "its supervisor, process %d, died while its applications had to stay quiet: the copies may be inconsistent; no hook was called",
				     record->pid);
		return false;
	}
	timefmt_text(&clocks, record->ended_ns, text);
	for (i = 0; i < record->n_apps; i++) {
		const struct record_app *app = &record->apps[i];

		if (app->lost)
			findings_add(f, EXIT_CODE_EXPIRED, app->name,
				     "resumed before the end of %s: the copies may be inconsistent; no hook was called",
				     record->id);
		if (app->state == RECORD_APP_THAW_FAILED)
			findings_add(f, EXIT_CODE_THAW_FAILED, app->name,
				     "its hook failed at the thaw, so it may still be quiesced; no hook was called");
	}
	if (!strcmp(record->why, "deadline"))
		findings_add(f, EXIT_CODE_EXPIRED, record->id,
			     "its deadline ended it at %s: the copies may be inconsistent; no hook was called",
			     text);
	else if (!record->in_time && f->n == before)
		findings_add(f, EXIT_CODE_NOT_FROZEN, record->id,
			     "was ended at %s (%s), and not as a success by whoever began it: the copies may be inconsistent; no hook was called",
			     text, record->why);
	return f->n == before && lease_is_good(ctl, record);
}

/* Its notes, one a line, for free(). */
static char *notes_of(const struct record_app *app)
{
	char *text = NULL;
	size_t i, size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	for (i = 0; i < app->n_notes; i++)
		fprintf(file, "%s%s", i ? "\n" : "", app->notes[i]);
	fclose(file);
	return text;
}

static void call_one(struct freezectl *ctl, const struct config *config,
		     const struct record *record, struct record_app *app, const struct hook *hook,
		     uint32_t timeout_ms)
{
	char *keep = record_keep(config->keep_dir, record->id), *notes = notes_of(app), *output;
	const struct hook_call_args call = {
		.id = record->id, .timeout_ms = timeout_ms, .limit_ms = timeout_ms, .paths = "",
		.notes = notes, .keep = keep,
	};
	struct hook_call run;
	int status;

	if (!keep || !notes) {
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, app->name, "out of memory");
	} else {
		bool in_time = hook_call_whole(&run, hook, "complete", &call,
					       freezectl_in_ms(timeout_ms));

		status = hook_call_exit_status(&run);
		output = text_copy(run.output);
		if (output) {
			free(app->complete_output);
			app->complete_output = output;
		}
		if (in_time && !status)
			app->completed_ns = freezeguard_now_ns();
		else if (in_time && status == HOOK_CALL_NOT_READY)
			findings_add(&ctl->findings, EXIT_CODE_NOT_READY, app->name,
				     "is not ready to complete; to call its hook again: freezectl complete --id %s",
				     record->id);
		else if (in_time)
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, app->name,
				     "did not complete: its hook ended with status %d; to call it again: freezectl complete --id %s",
				     status, record->id);
		else
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, app->name,
				     "did not complete: its hook took too long and was ended; to call it again, with a longer --timeout: freezectl complete --id %s",
				     record->id);
		hook_call_close(&run);
	}
	free(notes);
	free(keep);
}

/* Unless a later freeze has taken the id, and the record with it. */
static int save(const struct config *config, const struct record *record)
{
	struct record now;
	int r = record_load(config->run_dir, record->id, &now);
	bool ours = !r && now.pid == record->pid && now.begin_ns == record->begin_ns;

	if (r)
		return r;
	record_free(&now);
	return ours ? record_save(config->run_dir, record) : -ESTALE;
}

/* Call each hook that wants it, whose application was kept quiet, and that was not called with success before. */
static void call_all(struct freezectl *ctl, const struct config *config, struct record *record,
		     uint32_t timeout_ms)
{
	struct findings ignored = { 0 };
	struct text_list names = { 0 };
	size_t i, k, missing = 0;
	struct hooks hooks;
	int r = 0;

	/* By name: --app may have been one that comes with freezeguard. */
	for (i = 0; !r && i < record->n_apps; i++)
		r = text_list_add(&names, record->apps[i].name);
	hooks_find(&hooks, config, &names, &ignored);
	findings_free(&ignored);
	text_list_free(&names);
	for (i = 0; !r && i < record->n_apps; i++) {
		struct record_app *app = &record->apps[i];

		if (!app->wants_complete || app->state != RECORD_APP_RELEASED || app->completed_ns)
			continue;
		for (k = 0; k < hooks.n; k++)
			if (!strcmp(hooks.v[k].name, app->name) && !hooks.v[k].wrong)
				break;
		if (k == hooks.n)
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, app->name,
				     "did not complete: its hook %s no longer exists, or cannot be called; freezectl apps has the reason",
				     app->path);
		else
			call_one(ctl, config, record, app, &hooks.v[k], timeout_ms);
		missing += !app->completed_ns;
		/* Each at once: what is called twice may drop more than it should. */
		r = save(config, record);
	}
	if (!r && !missing) {
		record->completed_ns = freezeguard_now_ns();
		r = save(config, record);
	}
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, config->run_dir,
			     "cannot record which applications completed: %s; not all hooks were called",
			     r == -ESTALE ? "a later freeze has that id" : strerror(-r));
	hooks_free(&hooks);
}

static void complete_record(struct freezectl *ctl, const struct config *config,
			    struct record *record, uint32_t timeout_ms)
{
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX];

	if (!is_consistent(ctl, config, record))
		return;
	if (record->completed_ns)
		findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, record->id,
			     "was already completed at %s; no hook was called",
			     timefmt_text(&clocks, record->completed_ns, text));
	else
		call_all(ctl, config, record, timeout_ms);
}

/**
 * complete_apps() - tell the applications of a freeze that all copies are done
 * @ctl: gets findings: of the thaw's code if that was no success, 206 it is not thawed yet, 204 it is
 *	completed already, 2 or 206 for each hook that failed; and the applications in its output
 * @config: what is in force
 * @id: the lease's id
 * @timeout_ms: how long each hook may take
 */
void complete_apps(struct freezectl *ctl, const struct config *config, const char *id,
		   uint32_t timeout_ms)
{
	char *path = text_format("%s/" LOCK, config->run_dir);
	int r = record_directory(config->run_dir), lock = -1;
	struct record record = { 0 };

	if (!r && path)
		lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!r && (lock < 0 || flock(lock, LOCK_EX | LOCK_NB)))
		r = -errno;
	free(path);
	if (r == -EWOULDBLOCK) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, id,
			     "another freezectl complete is at work; run it again when that has ended");
		goto out_close;
	}
	if (!r)
		r = record_load(config->run_dir, id, &record);
	if (r == -ENOENT)
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, id,
			     "there is no record of applications with that id in %s: none was quiesced under it, or the record is gone; no hook was called. freezectl apps --json has all records",
			     config->run_dir);
	else if (r)
		findings_add(&ctl->findings, r == -EACCES || r == -EPERM ? EXIT_CODE_USAGE :
			     EXIT_CODE_EXPIRED, id,
			     "cannot read the record of its applications in %s (%s); no hook was called",
			     config->run_dir, strerror(-r));
	else
		complete_record(ctl, config, &record, timeout_ms);
	apps_show_completed(ctl, &record);
	record_free(&record);

out_close:
	if (lock >= 0)
		close(lock);
}
