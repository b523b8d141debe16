// SPDX-License-Identifier: GPL-2.0-only
/*
 * freeze: taking a lease, from the plan to FROZEN.
 *
 * Everything that can be found wrong beforehand is found before anything is touched; between
 * freeze_take() and the end no program is started and no file is opened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lease/freeze.h"
#include "lease/limits.h"
#include "lease/preflight.h"
#include "lease/verdict.h"
#include "plan/plan.h"
#include "observer/observed.h"
#include "show/lease.h"
#include "show/plan.h"

/* For a roll-back after the deadline, by which the answer was promised: time for what isn't stuck. */
#define LATE_ROLL_BACK_MS	250

/**
 * freeze_check_sync_budget() - is there time left to freeze after writing back?
 * @ctl: gets a finding of code 1 if not
 * @request: what is wanted
 * @option: which timeout the budget is a part of
 * @timeout_ms: how long that is
 */
void freeze_check_sync_budget(struct freezectl *ctl, const struct freeze_request *request,
			      const char *option, uint32_t timeout_ms)
{
	if (request->sync_budget_ms && request->sync_budget_ms >= timeout_ms)
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--sync-budget",
			     "it is part of %s, which is %u.%03u s, and must be shorter", option,
			     timeout_ms / 1000, timeout_ms % 1000);
}

/**
 * freeze_check_choice() - do the options about applications fit together?
 * @ctl: gets a finding of code 1 if not
 * @choice: what they say
 */
void freeze_check_choice(struct freezectl *ctl, const struct freeze_choice *choice)
{
	if (!!choice->names.n + choice->all + choice->none > 1)
		freezectl_usage(ctl, "--app, --apps and --no-apps exclude each other");
}

/**
 * freeze_option() - read an option of enum freeze_option, but for the profile
 * @ctl: gets a finding if its argument is wrong
 * @option: which; its argument is in optarg
 * @request: gets it
 */
void freeze_option(struct freezectl *ctl, int option, struct freeze_request *request)
{
	switch (option) {
	case FREEZE_OPT_ID:
		request->id = optarg;
		freezectl_id(ctl, optarg);
		break;
	case FREEZE_OPT_TIMEOUT:
		freezectl_duration(ctl, "--timeout", optarg, &request->timeout_ms);
		break;
	case FREEZE_OPT_SYNC_BUDGET:
		freezectl_duration(ctl, "--sync-budget", optarg, &request->sync_budget_ms);
		break;
	case FREEZE_OPT_SCRIPT_TIMEOUT:
		freezectl_duration(ctl, "--script-timeout", optarg,
				   &request->choice.script_timeout_ms);
		break;
	case FREEZE_OPT_ALL:
		request->all = true;
		break;
	case FREEZE_OPT_ALLOW_ROOT:
		request->allow_root = true;
		break;
	case FREEZE_OPT_APP:
		if (text_list_add(&request->choice.names, optarg))
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
		break;
	case FREEZE_OPT_APPS:
		request->choice.all = true;
		break;
	case FREEZE_OPT_NO_APPS:
		request->choice.none = true;
		break;
	case FREEZE_OPT_ALLOW_UNFROZEN:
		request->choice.allow_unfrozen = true;
		break;
	}
}

/**
 * freeze_arguments() - read what is wanted from the command line
 * @ctl: gets a finding for each thing that is wrong
 * @argc: up to where
 * @argv: the arguments
 * @options: the command's options, of enum freeze_option
 * @request: zeroed; gets what is wanted, with the paths that are left. What the command line does
 *	not say is the configuration's.
 */
void freeze_arguments(struct freezectl *ctl, int argc, char **argv,
		      const struct option_help *options, struct freeze_request *request)
{
	const struct config *config;
	const char *profile = NULL;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		if (c == FREEZE_OPT_PROFILE)
			profile = optarg;
		else
			freeze_option(ctl, c, request);
	}
	request->paths = argv + optind;
	request->n_paths = (size_t)(argc - optind);
	if (request->all && request->n_paths)
		freezectl_usage(ctl, "--all and paths exclude each other");
	freeze_check_choice(ctl, &request->choice);
	if (findings_exit_code(&ctl->findings))
		return;
	config = freezectl_config(ctl, profile, NULL);
	if (!config)
		return;
	if (!request->timeout_ms)
		request->timeout_ms = config->timeout_ms;
	if (!request->sync_budget_ms)
		request->sync_budget_ms = config->sync_budget_ms;
	if (!request->all && !request->n_paths) {
		request->paths = config->paths.v;
		request->n_paths = config->paths.n;
	}
	request->exclude = config->exclude.v;
	request->n_exclude = config->exclude.n;
	request->allow_root |= config->allow_root;
	freeze_check_sync_budget(ctl, request, "--timeout", request->timeout_ms);
}

struct freezable {
	struct freezectl *ctl;
	bool refused;
};

/* For plan_request: can the filesystem freeze at all? */
static int can_freeze(void *ctx, int fd)
{
	struct freezable *asked = ctx;
	struct freezeguard_fs fs;
	int r;

	r = freezeguard_fs_get(asked->ctl->fg, fd, &fs);
	if (r) {
		/* Once is enough: it is the same for all of them. */
		if (r == -EPERM && !asked->refused)
			freezectl_refused(asked->ctl, NULL, EXIT_CODE_SYSTEM);
		asked->refused = asked->refused || r == -EPERM;
		return r;
	}
	return fs.freezable;
}

static void already_frozen_by_lease(struct freezectl *ctl, const char *target, uint64_t number)
{
	struct freezeguard_lease lease = { 0 };
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX], since[TIMEFMT_TEXT_MAX];

	if (freezeguard_lease_get(ctl->fg, number, NULL, &lease))
		findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, target,
			     "is already frozen by lease number %llu; nothing was touched",
			     (unsigned long long)number);
	else if (lease.ended_ns)
		findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, target,
			     "is still being thawed by lease %s (process %u, %s); nothing was touched",
			     lease.id,
			     lease.owner_pid, lease.owner_comm);
	else
		findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, target,
			     "is already frozen by lease %s (process %u, %s) since %s, which thaws by itself at its deadline, %s; nothing was touched. To thaw it now: freezectl thaw --id %s",
			     lease.id, lease.owner_pid, lease.owner_comm,
			     timefmt_text(&clocks, lease.begin_ns, since),
			     timefmt_text(&clocks, lease.deadline_ns, text), lease.id);
	freezeguard_lease_clear(&lease);
}

static void already_frozen_by_others(struct freezectl *ctl, const struct plan_target *target)
{
	struct observer *observer = freezectl_observer(ctl);
	struct clocks clocks = timefmt_now();
	char others[OBSERVED_TEXT_MAX];

	findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, target->path,
		     "is already frozen by %s; nothing was touched. Thaw it with the program that froze it%s",
		     observed_others(observer, target->major, target->minor, &clocks, others),
		     observed_hint(observer));
}

/* The kernel looks again when the lease is made; this names all of them, not only the first. */
static bool check_unfrozen(struct freezectl *ctl, const struct plan *plan)
{
	size_t i, before = ctl->findings.n;

	for (i = 0; i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];
		struct freezeguard_fs fs;

		if (t->skip)
			continue;
		if (freezeguard_fs_get(ctl->fg, t->fd, &fs))
			freezectl_refused(ctl, t->path, EXIT_CODE_FREEZE_FAILED);
		else if (fs.lease_number)
			already_frozen_by_lease(ctl, t->path, fs.lease_number);
		else if (fs.state != FREEZEGUARD_FS_STATE_UNFROZEN)
			already_frozen_by_others(ctl, t);
	}
	return ctl->findings.n == before;
}

/* With --all: what is used meanwhile is the request's, this program, and the command. */
static int find_needed(const struct freeze_request *request, struct text_list *needed)
{
	size_t i;
	int ret;

	if (!request->all)
		return 0;
	ret = preflight_files("/proc/self/exe", needed);
	if (!ret && request->command)
		ret = preflight_files(request->command, needed);
	for (i = 0; !ret && i < request->needed.n; i++)
		ret = text_list_add(needed, request->needed.v[i]);
	return ret;
}

/**
 * freeze_prepare() - make the plan, and check everything; touches nothing
 * @ctl: gets the connection and the findings
 * @request: what is wanted
 * @freeze: gets the plan; freeze_free() it in any case
 *
 * Return: whether all is well; there are findings if not.
 */
bool freeze_prepare(struct freezectl *ctl, const struct freeze_request *request,
		    struct freeze *freeze)
{
	struct freezable asked = { .ctl = ctl };
	bool connected = freezectl_connect(ctl);
	struct text_list needed = { 0 };
	struct plan_request plan_request = {
		.paths = request->paths,
		.n_paths = request->n_paths,
		.all = request->all,
		.allow_root = request->allow_root,
		.needed = &needed,
		.exclude = request->exclude,
		.n_exclude = request->n_exclude,
		.can_freeze = connected ? can_freeze : NULL,
		.can_freeze_ctx = &asked,
	};
	bool good;

	/* Also without the module: one call reports everything that is wrong. */
	good = !find_needed(request, &needed);
	if (!good)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
	good = !plan_make(&freeze->plan, &plan_request, &ctl->findings) && good;
	text_list_free(&needed);
	freeze->paths.plan = &freeze->plan;
	if (!good || !connected || asked.refused)
		return false;
	if (!plan_n_to_freeze(&freeze->plan) && !request->apps) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, NULL,
			     "there is no filesystem to freeze and no hook to call; freezectl plan --all shows why");
		return false;
	}
	good = check_unfrozen(ctl, &freeze->plan);
	if (!limits_check(ctl, request->timeout_ms, plan_n_to_freeze(&freeze->plan)))
		good = false;
	/* Otherwise the next step finds that out, and nothing will have been touched. */
	if ((request->apps || request->rehearsal) && plan_n_to_freeze(&freeze->plan) &&
	    (!limits_check_leases(ctl) ||
	     preflight_memory(&freeze->plan, ctl->out.json, false, &ctl->findings)))
		good = false;
	if (preflight_stdio(ctl->fg, &freeze->plan, &ctl->findings))
		good = false;
	if (request->command &&
	    preflight_command(ctl->fg, &freeze->plan, request->command, &ctl->findings))
		good = false;
	return good;
}

static bool is_decided(const struct freezeguard_lease *lease, void *arg)
{
	(void)arg;
	return lease->state != FREEZEGUARD_LEASE_STATE_FREEZING;
}

/* The answer to freezeguard_lease_new() was an error: no filesystem was touched. */
static void new_refused(struct freezectl *ctl, const struct freeze_request *request,
			const struct plan *plan, const struct plan_target *const *targets, size_t n)
{
	int at = freezeguard_error_superblock(ctl->fg);
	const struct plan_target *which = at >= 0 && (size_t)at < n ? targets[at] : NULL;
	const char *target = which ? which->path : NULL;
	uint64_t holder = freezeguard_error_lease(ctl->fg);
	struct freezeguard_lease lease = { 0 };
	char error[1024];

	switch (freezeguard_errno(ctl->fg)) {
	case EBUSY:
		/* Frozen since the last query; another query names all of them. */
		if (!check_unfrozen(ctl, plan))
			return;
		if (holder)
			already_frozen_by_lease(ctl, target, holder);
		else if (which)
			already_frozen_by_others(ctl, which);
		else
			findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, NULL, "%s",
				     freezeguard_error(ctl->fg));
		return;
	case EEXIST:
		snprintf(error, sizeof(error), "%s", freezeguard_error(ctl->fg));
		if (request->id && !freezeguard_lease_get(ctl->fg, 0, request->id, &lease))
			already_frozen_by_lease(ctl, request->id, lease.number);
		else
			findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, request->id, "%s",
				     error);
		freezeguard_lease_clear(&lease);
		return;
	default:
		/* 1 would say that nothing was touched. */
		if (request->apps)
			findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, target, "%s",
				     freezeguard_error(ctl->fg));
		else
			freezectl_refused(ctl, target, EXIT_CODE_FREEZE_FAILED);
	}
}

/* End the lease, wait for the roll-back, and report the result. */
static void fail(struct freezectl *ctl, const struct freeze_request *request,
		 struct freeze *freeze, const char *gave_up)
{
	uint64_t until = request->give_up_ns ?
			 request->give_up_ns + ROLL_BACK_MS * NS_PER_MS :
			 freeze->lease.deadline_ns + GRACE_MS * NS_PER_MS;
	bool late = freeze->lease.cause == FREEZEGUARD_CAUSE_DEADLINE;
	uint64_t at_least = freezectl_in_ms(late ? LATE_ROLL_BACK_MS : GRACE_MS);
	struct verdict_context context = { .paths = freeze->paths, .gave_up = gave_up };
	uint64_t number = freeze->lease.number;
	int r;

	/* Closing the connection would do it too: the lease is bound. It may have ended already. */
	if (gave_up)
		freezeguard_lease_end(ctl->fg, number, NULL, NULL);
	r = freezeguard_lease_wait(ctl->fg, number, NULL, NULL,
				   until > at_least && !late ? until : at_least, &freeze->lease);
	context.clocks = timefmt_now();
	context.observer = freezectl_observer(ctl);
	if (!r || r == -ETIMEDOUT) {
		verdict_freeze(&freeze->lease, &context, &ctl->findings);
		return;
	}
	findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, freeze->lease.id,
		     "the freeze was cancelled, but its result is unknown: %s. The kernel thaws when this process ends, or at the deadline",
		     freezeguard_error(ctl->fg));
}

/**
 * freeze_take() - freeze, and wait until that is decided
 * @ctl: connected
 * @request: what is wanted
 * @freeze: prepared
 *
 * Return: whether the lease is FROZEN; if not there are findings, and nothing stays frozen.
 */
bool freeze_take(struct freezectl *ctl, const struct freeze_request *request,
		 struct freeze *freeze)
{
	struct freezeguard_superblock *superblocks = NULL;
	const struct plan_target **targets = NULL;
	struct freezeguard_lease *lease = &freeze->lease;
	uint64_t until;
	size_t i, n = 0;
	bool frozen = false;
	int r;

	superblocks = calloc(freeze->plan.n, sizeof(*superblocks));
	targets = calloc(freeze->plan.n, sizeof(*targets));
	if (!superblocks || !targets) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, NULL,
			     "out of memory; nothing was touched");
		goto out_free;
	}
	for (i = 0; i < freeze->plan.n; i++) {
		if (freeze->plan.v[i].skip)
			continue;
		superblocks[n].fd = freeze->plan.v[i].fd;
		superblocks[n].level = freeze->plan.v[i].level;
		targets[n++] = &freeze->plan.v[i];
	}
	/* Also if it was done before: a process that was forked since shares the pages again. */
	if (preflight_memory(&freeze->plan, ctl->out.json, request->apps, &ctl->findings))
		goto out_free;

	if (freezeguard_lease_new(ctl->fg, request->id, request->timeout_ms,
				  request->sync_budget_ms, superblocks, n, lease)) {
		new_refused(ctl, request, &freeze->plan, targets, n);
		goto out_free;
	}
	until = lease->deadline_ns + GRACE_MS * NS_PER_MS;
	if (request->give_up_ns && request->give_up_ns < until)
		until = request->give_up_ns;
	r = freezeguard_lease_wait(ctl->fg, lease->number, is_decided, NULL, until, lease);
	if (!r && lease->state == FREEZEGUARD_LEASE_STATE_FROZEN)
		frozen = true;
	else if (r == -ETIMEDOUT && request->give_up_text)
		fail(ctl, request, freeze, request->give_up_text);
	else if (r)
		fail(ctl, request, freeze, "when freezectl gave up waiting");
	else
		fail(ctl, request, freeze, NULL);

out_free:
	free(targets);
	free(superblocks);
	return frozen;
}

/**
 * freeze_show() - put a frozen lease into the output
 * @ctl: the call
 * @freeze: frozen
 * @kept: it will outlive this process; it is shown as no longer bound to it
 */
void freeze_show(struct freezectl *ctl, const struct freeze *freeze, bool kept)
{
	struct freezeguard_lease lease = freeze->lease;
	char span[TIMEFMT_TEXT_MAX], text[TIMEFMT_TEXT_MAX];
	struct clocks clocks = timefmt_now();
	struct output *out = &ctl->out;

	/* It is detached only after this could be written: freezectl_keep(). */
	lease.bound = !kept;
	if (out->json) {
		show_lease_document(out, &lease, &freeze->paths, &clocks);
		output_json_add(out->doc, "filesystems", show_plan_json(&freeze->plan));
		return;
	}
	fprintf(out->text, "lease %s: %zu filesystem%s frozen in %s; thaws by itself at %s\n",
		lease.id, lease.n_holds, lease.n_holds == 1 ? "" : "s",
		timefmt_span(lease.begin_ns, lease.frozen_ns, span),
		timefmt_text(&clocks, lease.deadline_ns, text));
	show_lease_table(out, &lease, &freeze->paths);
}

/**
 * freeze_show_left_out() - put into the text what a plan leaves out, and why
 * @ctl: the call
 * @freeze: frozen
 */
void freeze_show_left_out(struct freezectl *ctl, const struct freeze *freeze)
{
	char name[SHOW_PLAN_NAME_MAX], path[SHOW_PLAN_NAME_MAX], why[1024];
	size_t i;

	for (i = 0; i < freeze->plan.n; i++)
		if (freeze->plan.v[i].skip && show_plan_name(&freeze->plan, i, name))
			fprintf(ctl->out.text, "not frozen: %s: %s\n",
				output_clean(name, path, sizeof(path)),
				output_clean(freeze->plan.v[i].skip, why, sizeof(why)));
}

/**
 * freeze_undo() - thaw what was frozen and not kept, and wait for that
 * @ctl: the call; gets a finding of what is still frozen after the wait
 * @freeze: frozen
 */
void freeze_undo(struct freezectl *ctl, struct freeze *freeze)
{
	struct freezeguard_lease *lease = &freeze->lease;
	struct verdict_context context = { .paths = freeze->paths };

	freezeguard_lease_end(ctl->fg, lease->number, NULL, NULL);
	freezeguard_lease_wait(ctl->fg, lease->number, NULL, NULL,
			       freezectl_in_ms(ROLL_BACK_MS), lease);
	context.clocks = timefmt_now();
	if (freezeguard_lease_is_live(lease))
		verdict_live(lease, EXIT_CODE_FREEZE_FAILED, &context, &ctl->findings);
}

static bool detach(struct freezectl *ctl, void *number)
{
	return !freezeguard_lease_detach(ctl->fg, *(uint64_t *)number, NULL);
}

/**
 * freeze_keep() - report that it is frozen, let it outlive this process, and exit
 * @ctl: prints @ctl->out
 * @request: what was wanted
 * @freeze: frozen and shown
 *
 * Returns only if it does not stay frozen; there are findings then. If the output cannot be
 * written, nobody knows of the lease, so it is ended.
 */
void freeze_keep(struct freezectl *ctl, const struct freeze_request *request,
		 struct freeze *freeze)
{
	struct freezeguard_lease *lease = &freeze->lease;
	struct verdict_context context = { .paths = freeze->paths };
	uint64_t until = lease->deadline_ns;
	bool printed;

	if (request->give_up_ns && request->give_up_ns < until)
		until = request->give_up_ns;
	printed = freezectl_keep(ctl, lease->id, until, detach, &lease->number);
	if (printed && freezeguard_errno(ctl->fg) == EALREADY &&
	    !freezeguard_lease_get(ctl->fg, lease->number, NULL, lease)) {
		context.clocks = timefmt_now();
		context.observer = freezectl_observer(ctl);
		verdict_freeze(lease, &context, &ctl->findings);
		return;
	}
	if (printed)
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, lease->id, "%s",
			     freezeguard_error(ctl->fg));
	freeze_undo(ctl, freeze);
}

/** freeze_free() - free the plan and the lease; the lease lives on as long as it may */
void freeze_free(struct freeze *freeze)
{
	plan_free(&freeze->plan);
	freezeguard_lease_clear(&freeze->lease);
}
