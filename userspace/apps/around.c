// SPDX-License-Identifier: GPL-2.0-only
/*
 * around: freezing filesystems with their applications. The applications are quiet before the first
 * freeze and until after the last thaw. dlm, freeze and run do the same steps here; they differ in who
 * stays, and in who may end it as a success.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apps/around.h"
#include "apps/files.h"
#include "apps/history.h"
#include "apps/show.h"
#include "base/duration.h"

/**
 * around_called() - are hooks to be called?
 * @choice: what the command line says
 * @config: what is in force; what it says counts only if it says so in a profile
 * @told: set to whether either says anything
 */
bool around_called(const struct freeze_choice *choice, const struct config *config, bool *told)
{
	bool apps = config_from_profile(config, "apps");
	bool app = config_from_profile(config, "app");

	*told = choice->none || choice->all || choice->names.n || apps || app;
	if (choice->none)
		return false;
	return choice->all || choice->names.n || ((apps || app) && config->call_apps);
}

/* Applications that would be quiet if they had been asked for. */
static void warn_not_called(struct freezectl *ctl, const struct config *config)
{
	static const struct text_list all;
	struct findings ignored = { 0 };
	struct hooks hooks;
	char names[1024];
	size_t i, used = 0;

	hooks_find(&hooks, config, &all, &ignored);
	findings_free(&ignored);
	names[0] = '\0';
	for (i = 0; i < hooks.n && used < sizeof(names); i++)
		if (!hooks.v[i].skip || hooks.v[i].wrong)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", hooks.v[i].name);
	hooks_free(&hooks);
	if (used)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "enabled hooks are not called, so these applications are not quiesced: %s. To call the hooks, add --apps, or --app NAME; to get rid of this warning, --no-apps",
			     names);
}

/**
 * around_choose() - which applications freeze and run make quiet
 * @ctl: with the configuration; gets a warning that names the enabled hooks that are not called
 * @around: with what the command line says; gets the rest
 *
 * Return: whether hooks are to be called; if not, applications are no matter of this freeze.
 */
bool around_choose(struct freezectl *ctl, struct around *around)
{
	const struct freeze_choice *choice = &around->request.choice;
	const struct config *config = &ctl->config;
	struct apps_request *apps = &around->apps;
	bool told, called = around_called(choice, config, &told);

	apps->config = config;
	/* An earlier freeze of that name is over: what ends this one is not to read of that one. */
	if (around->request.id)
		apps_end_forget(config, around->request.id);
	if (!called) {
		if (!told)
			warn_not_called(ctl, config);
		return false;
	}
	if (!around->request.id) {
		snprintf(around->id, sizeof(around->id), "%s-%llx-%d", apps->by,
			 (unsigned long long)(freezeguard_now_ns() / NS_PER_MS), getpid());
		around->request.id = around->id;
	}
	apps->names = choice->names;
	apps->all = choice->all;
	apps->allow_unfrozen = choice->allow_unfrozen;
	apps->require_continuity = config->require_continuity;
	around->script_timeout_ms = choice->script_timeout_ms ? choice->script_timeout_ms :
				    config->script_timeout_ms;
	around_limit(around);
	freeze_check_sync_budget(ctl, &around->request, "--script-timeout",
				 around->script_timeout_ms);
	return true;
}

/**
 * around_limit() - set until when all has to be quiet and frozen
 * @around: with its request, its start and the script timeout
 */
void around_limit(struct around *around)
{
	char span[DURATION_TEXT_MAX];

	snprintf(around->give_up, sizeof(around->give_up), "within the script timeout of %s",
		 duration_format(around->script_timeout_ms, span, sizeof(span)));
	around->request.give_up_text = around->give_up;
	around->request.give_up_ns = around->start_ns + around->script_timeout_ms * NS_PER_MS;
	around->apps.id = around->request.id;
	around->apps.timeout_ms = around->request.timeout_ms;
	around->apps.give_up_ns = around->request.give_up_ns;
}

/**
 * around_prepare() - check everything that can be checked; touches nothing
 * @ctl: gets findings: one call reports everything that can be wrong
 * @around: with its requests
 *
 * Return: whether all is well.
 */
bool around_prepare(struct freezectl *ctl, struct around *around)
{
	bool good = apps_prepare(ctl, &around->apps, &around->called);

	around->request.apps = hooks_n_called(&around->called.hooks);
	if (files_of_hooks(around->apps.config, &around->called.hooks, &around->request.needed))
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
	if (!freeze_prepare(ctl, &around->request, &around->freeze))
		return false;
	return apps_startable(ctl, &around->apps, &around->called, &around->freeze.plan) && good;
}

/*
 * What is left out is synced instead, once the applications are quiet. With a lease that is not
 * waited for longer than for a quarter of the time that is left: the freeze needs the rest. Only what
 * holds applications' files has to be on the disk then; without a lease all of it, and the root
 * filesystem.
 */
static bool sync_before_freeze(struct freezectl *ctl, struct around *around)
{
	uint64_t now = freezeguard_now_ns(), until = around->request.give_up_ns;
	const struct plan *plan = &around->freeze.plan;
	bool lease = plan_n_to_freeze(plan);
	const struct mount_entry *root = mounts_at(&plan->mounts, "/");

	if (sync_begin_left_out(&around->sync, plan, !lease) ||
	    (!lease && root && sync_begin(&around->sync, plan, root, true))) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, NULL,
			     "out of memory; nothing was frozen");
		return false;
	}
	if (lease)
		until = until > now ? now + (until - now) / 4 : now;
	sync_wait(&around->sync, until);
	return !sync_failed(&around->sync, &ctl->findings);
}

/* Freeze, if there is anything to freeze, and see that all applications were quiet until then. */
static bool take(struct freezectl *ctl, struct around *around)
{
	if (!plan_n_to_freeze(&around->freeze.plan))
		return apps_still_quiet(ctl, &around->apps, &around->called, NULL);
	if (!freeze_take(ctl, &around->request, &around->freeze))
		return false;
	if (apps_still_quiet(ctl, &around->apps, &around->called, &around->freeze.lease))
		return true;
	freeze_undo(ctl, &around->freeze);
	return false;
}

/**
 * around_begin() - make the applications quiet, and freeze
 * @ctl: connected; gets findings
 * @around: prepared
 *
 * Return: whether all is quiet and frozen; if not, all is undone and shown.
 */
bool around_begin(struct freezectl *ctl, struct around *around)
{
	const struct files_check check = {
		.config = around->apps.config, .plan = &around->freeze.plan,
		.machine = &machine_real, .allow_unfrozen = around->apps.allow_unfrozen,
		.sync = &around->sync, .findings = &ctl->findings,
	};

	if (hooks_n_called(&around->called.hooks) &&
	    !apps_quiesce(ctl, &around->apps, &around->called, &around->freeze.plan)) {
		/* The findings are complete, and the freeze is rolled back. */
		apps_show(ctl, &around->called);
		return false;
	}
	if (files_of_record_are_frozen(&check, &around->called.record) &&
	    sync_before_freeze(ctl, around) && take(ctl, around)) {
		sync_warn(&around->sync, &around->freeze.plan, &ctl->findings);
		if (!plan_n_to_freeze(&around->freeze.plan))
			findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
				     "no filesystem is frozen: the applications are quiet and what is left out was synced, the root filesystem at least; other writers continue");
		return true;
	}
	around_undo(ctl, around);
	return false;
}

/**
 * around_undo() - release the applications of a freeze that did not last, and show that
 * @ctl: gets a finding if that takes too long
 * @around: begun; its lease has ended
 */
void around_undo(struct freezectl *ctl, struct around *around)
{
	apps_abort(ctl, &around->apps, &around->called);
	apps_show(ctl, &around->called);
	history_keep(ctl, &around->freeze.lease);
}

/**
 * around_keep() - report that all is quiet and frozen, let it outlive this process, and exit
 * @ctl: prints @ctl->out
 * @around: begun
 *
 * Returns only if it does not last, with findings; all is undone then.
 */
void around_keep(struct freezectl *ctl, struct around *around)
{
	char span[DURATION_TEXT_MAX];

	if (plan_n_to_freeze(&around->freeze.plan)) {
		freeze_show(ctl, &around->freeze, true);
		if (strcmp(around->apps.by, RECORD_BY_DLM))
			freeze_show_left_out(ctl, &around->freeze);
		apps_show_success(ctl, &around->apps, &around->called);
		freeze_keep(ctl, &around->request, &around->freeze);
	} else {
		fprintf(ctl->out.text,
			"%s: applications are quiet; without a %s they are released after %s\n",
			around->request.id, around->rest,
			duration_format(around->request.timeout_ms, span, sizeof(span)));
		apps_show_success(ctl, &around->apps, &around->called);
		apps_keep(ctl, &around->apps, &around->called);
	}
	around_undo(ctl, around);
}

/** around_free() - free everything; what was kept lives on */
void around_free(struct around *around)
{
	sync_free(&around->sync);
	apps_free(&around->called);
	freeze_free(&around->freeze);
	text_list_free(&around->request.needed);
	text_list_free(&around->request.choice.names);
}

/* It may be about an earlier or later lease of that name. */
static bool is_about(const struct record *record, const struct thaw *thaw)
{
	return record->id[0] && thaw->requested && record->lease_number == thaw->number &&
	       record->lease_begin_ns == thaw->lease.begin_ns;
}

/**
 * around_end_lease() - request the end of a lease whose applications' supervisor knows who does it
 * @ctl: gets a finding if it is refused
 * @config: what is in force
 * @end: the applications' end is begun, and @end->thaw says which lease
 * @until_ns: how long to wait for applications that were released before, CLOCK_BOOTTIME
 *
 * Return: whether there is such a lease; thaw_finish() and around_end_wait() then tell how it went.
 */
bool around_end_lease(struct freezectl *ctl, const struct config *config, struct around_end *end,
		      uint64_t until_ns)
{
	bool ended = freezectl_connect(ctl) && thaw_request(ctl, &end->thaw);

	end->recorded = is_about(&end->apps.record, &end->thaw);
	if (!end->recorded)
		record_free(&end->apps.record);
	/* Whether it had been in time is in the record once all are released. */
	if (end->recorded && end->thaw.asked == VERDICT_LATE) {
		end->released = apps_end_wait(ctl, config, &end->apps, until_ns);
		if (end->released && end->apps.post_script && record_is_retry(&end->apps.record))
			end->thaw.asked = VERDICT_AGAIN;
	}
	return ended;
}

/**
 * around_end_wait() - the lease is released: wait for its applications, and tell how that went
 * @ctl: gets findings
 * @config: what is in force
 * @end: its lease is ended
 * @until_ns: how long to wait, CLOCK_BOOTTIME
 */
void around_end_wait(struct freezectl *ctl, const struct config *config, struct around_end *end,
		     uint64_t until_ns)
{
	if (end->recorded && end->thaw.asked == VERDICT_WON)
		end->released = apps_end_wait(ctl, config, &end->apps, until_ns);
	if (end->released)
		apps_end_verdict(ctl, &end->apps, end->thaw.lease.ended_ns);
}
