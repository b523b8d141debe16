// SPDX-License-Identifier: GPL-2.0-only
/* freezectl dlm: the pre-script, post-script and dry-run of Amazon Data Lifecycle Manager */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/files.h"
#include "apps/history.h"
#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "apps/show.h"
#include "base/duration.h"
#include "base/util.h"
#include "commands/commands.h"
#include "commands/execution_id.h"
#include "lease/freeze.h"
#include "lease/sync.h"
#include "lease/thaw.h"
#include "show/plan.h"

enum {
	OPT_EXECUTION_ID = OPT_FIRST, OPT_TIMEOUT, OPT_SCRIPT_TIMEOUT, OPT_SYNC_BUDGET, OPT_ALLOW_ROOT,
	OPT_PROFILE, OPT_APP, OPT_NO_APPS, OPT_ALLOW_UNFROZEN,
};

static const struct option_help options[] = {
	{ "execution-id", OPT_EXECUTION_ID, "ID",
	  "the id that Data Lifecycle Manager passes: a UUID, or None; required" },
	{ "timeout", OPT_TIMEOUT, "DURATION", "the kernel thaws after this time; default 60s" },
	{ "script-timeout", OPT_SCRIPT_TIMEOUT, "DURATION",
	  "give up after this time; default 8s. It must be shorter than the timeout of "
	  "the policy by 1.5s, the time of a roll-back" },
	{ "sync-budget", OPT_SYNC_BUDGET, "DURATION",
	  "write back dirty data before the freeze, after the applications are quiesced, "
	  "for this long at most; part of both timeouts" },
	{ "allow-root", OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "profile", OPT_PROFILE, "NAME",
	  "use the settings of the section [profile NAME]; default: [profile dlm] if "
	  "there is one" },
	{ "app", OPT_APP, "NAME", "call only the hook of this application; repeatable" },
	{ "no-apps", OPT_NO_APPS, NULL, "call no hooks" },
	{ "allow-unfrozen", OPT_ALLOW_UNFROZEN, NULL,
	  "applications may have files on filesystems that are not frozen; these are synced" },
	{ 0 }
};

/* What the command line and the configuration say, for all three. */
struct call {
	struct freeze_request request;
	struct apps_request apps;
	uint32_t script_timeout_ms;
	uint64_t start_ns;
};

/*
 * What is left out is synced instead, once the applications are quiet. With a lease that is not
 * waited for longer than for a quarter of the time that is left: the freeze needs the rest. Only what
 * holds applications' files has to be on the disk then; without a lease all of it, and the root
 * filesystem.
 */
static bool sync_before_freeze(struct freezectl *ctl, const struct call *call,
			       const struct plan *plan, struct sync *sync)
{
	uint64_t now = freezeguard_now_ns(), until = call->request.give_up_ns;
	bool lease = plan_n_to_freeze(plan);
	const struct mount_entry *root = mounts_at(&plan->mounts, "/");

	if (sync_begin_left_out(sync, plan, !lease) ||
	    (!lease && root && sync_begin(sync, plan, root, true))) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, NULL,
			     "out of memory; nothing was frozen");
		return false;
	}
	if (lease)
		until = until > now ? now + (until - now) / 4 : now;
	sync_wait(sync, until);
	return !sync_failed(sync, &ctl->findings);
}

/* Are the files of the applications, as far as they are known, on what is going to be frozen? */
static struct files_check files_check(struct freezectl *ctl, const struct call *call,
				      const struct plan *plan, struct sync *sync)
{
	return (struct files_check){
		.config = call->apps.config, .plan = plan, .machine = &machine_real,
		.allow_unfrozen = call->apps.allow_unfrozen, .sync = sync,
		.findings = &ctl->findings,
	};
}

/* There are only applications: the supervisor keeps the deadline. Returns only if that failed. */
static void pre_script_without_lease(struct freezectl *ctl, const struct call *call,
				     const struct freeze *freeze, struct apps *apps,
				     struct sync *sync)
{
	char span[DURATION_TEXT_MAX];

	if (!apps_still_quiet(ctl, &call->apps, apps, NULL))
		return;
	sync_warn(sync, &freeze->plan, &ctl->findings);
	findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
		     "no filesystem is frozen: the applications are quiet and what is left out was synced, the root filesystem at least; other writers continue");
	fprintf(ctl->out.text,
		"%s: applications are quiet; without a post-script they are released after %s\n",
		call->request.id, duration_format(call->request.timeout_ms, span, sizeof(span)));
	apps_show(ctl, apps);
	apps_keep(ctl, &call->apps, apps);
}

/* One call reports everything that can be wrong. */
static bool prepare(struct freezectl *ctl, struct call *call, struct freeze *freeze,
		    struct apps *apps)
{
	bool good = apps_prepare(ctl, &call->apps, apps);

	call->request.apps = hooks_n_called(&apps->hooks);
	if (files_of_hooks(call->apps.config, &apps->hooks, &call->request.needed))
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
	if (!freeze_prepare(ctl, &call->request, freeze))
		return false;
	return apps_startable(ctl, &call->apps, apps, &freeze->plan) && good;
}

/* The supervisor keeps the applications quiet while the lease lives. Returns only if that failed. */
static void pre_script_with_lease(struct freezectl *ctl, const struct call *call,
				  struct freeze *freeze, struct apps *apps, struct sync *sync)
{
	if (!freeze_take(ctl, &call->request, freeze))
		return;
	if (!apps_still_quiet(ctl, &call->apps, apps, &freeze->lease)) {
		freeze_undo(ctl, freeze);
		return;
	}
	sync_warn(sync, &freeze->plan, &ctl->findings);
	freeze_show(ctl, freeze, true);
	apps_show(ctl, apps);
	freeze_keep(ctl, &call->request, freeze);
}

static void pre_script(struct freezectl *ctl, struct call *call)
{
	struct freeze freeze = { 0 };
	struct apps apps = { 0 };
	struct sync sync = { 0 };
	struct files_check check;

	if (!prepare(ctl, call, &freeze, &apps))
		goto out_free;
	if (hooks_n_called(&apps.hooks) &&
	    !apps_quiesce(ctl, &call->apps, &apps, &freeze.plan)) {
		/* The findings are complete, and the freeze is rolled back. */
		apps_show(ctl, &apps);
		goto out_free;
	}
	check = files_check(ctl, call, &freeze.plan, &sync);
	if (files_of_record_are_frozen(&check, &apps.record) &&
	    sync_before_freeze(ctl, call, &freeze.plan, &sync)) {
		if (plan_n_to_freeze(&freeze.plan))
			pre_script_with_lease(ctl, call, &freeze, &apps, &sync);
		else
			pre_script_without_lease(ctl, call, &freeze, &apps, &sync);
	}
	apps_abort(ctl, &call->apps, &apps);
	apps_show(ctl, &apps);
	history_keep(ctl, &freeze.lease);

out_free:
	sync_free(&sync);
	apps_free(&apps);
	freeze_free(&freeze);
}

static void post_script(struct freezectl *ctl, struct call *call)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	uint64_t until = call->start_ns + call->script_timeout_ms * NS_PER_MS;
	const struct config *config = call->apps.config;
	struct thaw thaw = { .id = call->request.id };
	struct record record;
	bool first;
	int r;

	r = record_load(config->run_dir, call->request.id, &record);
	if (r) {
		record = (struct record){ 0 };
		if (r != -ENOENT)
			findings_add(&ctl->findings, EXIT_CODE_EXPIRED, call->request.id,
				     "cannot read the record of its applications in %s (%s): whether there were any, and whether they stayed quiet, is unknown; treat the snapshot as inconsistent",
				     config->run_dir, strerror(-r));
	}
	first = record.state != RECORD_RELEASED;
	if (record.id[0] && !record.has_lease) {
		apps_after(ctl, config, &record, first, 0, until);
	} else {
		if (freezectl_connect(ctl) && thaw_request(ctl, &thaw)) {
			thaw_finish(ctl, &thaw, until, call->script_timeout_ms);
			thaw_document(ctl, &thaw, &paths);
		}
		/* It may be about an earlier or later one of that name. */
		if (record.id[0] && thaw.requested && record.lease_number == thaw.number &&
		    record.lease_begin_ns == thaw.lease.begin_ns)
			apps_after(ctl, config, &record, first, thaw.lease.ended_ns, until);
		else
			record_free(&record);
	}
	if (record.id[0])
		apps_show_record(ctl, &record, true);
	history_keep(ctl, &thaw.lease);
	freezeguard_lease_clear(&thaw.lease);
	record_free(&record);
}

static void dry_run(struct freezectl *ctl, struct call *call)
{
	struct freeze freeze = { 0 };
	struct apps apps = { 0 };
	bool ready = prepare(ctl, call, &freeze, &apps);
	const struct files_check check = files_check(ctl, call, &freeze.plan, NULL);

	/* If not, the findings have the code that a pre-script would end with. */
	show_plan(ctl, &freeze.plan, call->request.timeout_ms);
	if (ready)
		ready = apps_ask(ctl, &call->apps, &apps, &check);
	if (ready)
		fputs(plan_n_to_freeze(&freeze.plan) ?
		      "ready: a pre-script would freeze these filesystems\n" :
		      "ready: a pre-script would quiesce the applications and freeze no filesystem\n",
		      ctl->out.text);
	apps_free(&apps);
	freeze_free(&freeze);
}

static const struct {
	const char *name;
	void (*run)(struct freezectl *ctl, struct call *call);
} operations[] = {
	{ "pre-script", pre_script },
	{ "post-script", post_script },
	{ "dry-run", dry_run },
};

#define N_OPERATIONS ARRAY_SIZE(operations)

/* What the command line does not say. */
static bool complete(struct freezectl *ctl, struct call *call, const char *profile)
{
	const struct config *config = freezectl_config(ctl, profile, "dlm");

	if (!config)
		return false;
	call->apps.config = config;
	if (!call->request.timeout_ms)
		call->request.timeout_ms = config->timeout_ms;
	if (!call->script_timeout_ms)
		call->script_timeout_ms = config->script_timeout_ms;
	if (!call->request.sync_budget_ms)
		call->request.sync_budget_ms = config->sync_budget_ms;
	if (!call->request.n_paths) {
		call->request.paths = config->paths.v;
		call->request.n_paths = config->paths.n;
	}
	call->request.all = !call->request.n_paths;
	call->request.exclude = config->exclude.v;
	call->request.n_exclude = config->exclude.n;
	call->request.allow_root |= config->allow_root;
	call->apps.none |= !config->call_apps && !call->apps.names.n;
	call->request.give_up_ns = call->start_ns + call->script_timeout_ms * NS_PER_MS;
	call->apps.id = call->request.id;
	call->apps.timeout_ms = call->request.timeout_ms;
	call->apps.give_up_ns = call->request.give_up_ns;
	freeze_check_sync_budget(ctl, &call->request, "--timeout", call->request.timeout_ms);
	freeze_check_sync_budget(ctl, &call->request, "--script-timeout", call->script_timeout_ms);
	return !findings_exit_code(&ctl->findings);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	char id[FREEZEGUARD_ID_MAX + 1], span[DURATION_TEXT_MAX], text[DURATION_TEXT_MAX + 64];
	struct call call = { .start_ns = freezeguard_now_ns() };
	const char *execution_id = NULL, *profile = NULL;
	char **apps = calloc((size_t)argc, sizeof(*apps));
	size_t i;
	int c;

	if (!apps) {
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
		return;
	}
	call.apps.names.v = apps;
	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_EXECUTION_ID:
			execution_id = optarg;
			break;
		case OPT_TIMEOUT:
			freezectl_duration(ctl, "--timeout", optarg, &call.request.timeout_ms);
			break;
		case OPT_SCRIPT_TIMEOUT:
			freezectl_duration(ctl, "--script-timeout", optarg,
					   &call.script_timeout_ms);
			break;
		case OPT_SYNC_BUDGET:
			freezectl_duration(ctl, "--sync-budget", optarg,
					   &call.request.sync_budget_ms);
			break;
		case OPT_ALLOW_ROOT:
			call.request.allow_root = true;
			break;
		case OPT_PROFILE:
			profile = optarg;
			break;
		case OPT_APP:
			apps[call.apps.names.n++] = optarg;
			break;
		case OPT_ALLOW_UNFROZEN:
			call.apps.allow_unfrozen = true;
			break;
		case OPT_NO_APPS:
			call.apps.none = true;
			break;
		}
	}
	if (!execution_id)
		freezectl_usage(ctl, "--execution-id is missing");
	else if (!dlm_execution_id_valid(execution_id))
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--execution-id",
			     "'%s' is neither a UUID nor None", execution_id);
	else
		call.request.id = dlm_lease_id(execution_id, id, sizeof(id));
	if (call.apps.none && call.apps.names.n)
		freezectl_usage(ctl, "--app and --no-apps exclude each other");

	for (i = 0; optind < argc && i < N_OPERATIONS; i++)
		if (!strcmp(argv[optind], operations[i].name))
			break;
	if (optind == argc)
		freezectl_usage(ctl, "the command is missing: pre-script, post-script or dry-run");
	else if (i == N_OPERATIONS)
		freezectl_usage(ctl, "'%s' is not one of pre-script, post-script and dry-run",
				argv[optind]);
	call.request.paths = argv + optind + 1;
	call.request.n_paths = optind < argc ? (size_t)(argc - optind - 1) : 0;
	if (!findings_exit_code(&ctl->findings) && complete(ctl, &call, profile)) {
		snprintf(text, sizeof(text), "within the script timeout of %s",
			 duration_format(call.script_timeout_ms, span, sizeof(span)));
		call.request.give_up_text = text;
		operations[i].run(ctl, &call);
	}
	text_list_free(&call.request.needed);
	free(apps);
}

const struct subcommand cmd_dlm = {
	.name = "dlm",
	.arguments = "{pre-script | post-script | dry-run} --execution-id ID [--timeout "
		     "DURATION] [--script-timeout DURATION] [--sync-budget DURATION] "
		     "[--allow-root] [--profile NAME] [--app NAME | --no-apps] "
		     "[--allow-unfrozen] [PATH ...]",
	.summary = "run as the pre-script or post-script of Amazon Data Lifecycle Manager",
	.help =
	"pre-script quiesces the applications and freezes the paths, or every mounted "
	"block-device filesystem but / and /boot. post-script thaws the filesystems and releases "
	"the applications. dry-run reports whether a pre-script would succeed.",
	.options = options,
	.run = run,
};
