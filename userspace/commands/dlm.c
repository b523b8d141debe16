// SPDX-License-Identifier: GPL-2.0-only
/* freezectl dlm: the pre-script, post-script and dry-run of Amazon Data Lifecycle Manager */
#include <errno.h>
#include <string.h>

#include "apps/around.h"
#include "apps/files.h"
#include "apps/history.h"
#include "apps/show.h"
#include "apps/supervisor_job.h"
#include "base/util.h"
#include "commands/commands.h"
#include "commands/execution_id.h"
#include "show/plan.h"

enum { OPT_EXECUTION_ID = FREEZE_OPT_NEXT, OPT_REQUIRE_CONTINUITY };

static const struct option_help options[] = {
	{ "execution-id", OPT_EXECUTION_ID, "ID",
	  "the id that Data Lifecycle Manager passes: a UUID, or None; required" },
	{ "timeout", FREEZE_OPT_TIMEOUT, "DURATION", "the kernel thaws after this time; default 60s" },
	{ "script-timeout", FREEZE_OPT_SCRIPT_TIMEOUT, "DURATION",
	  "give up after this time; default 8s. It must be shorter than the timeout of "
	  "the policy by 1.5s, the time of a roll-back" },
	{ "sync-budget", FREEZE_OPT_SYNC_BUDGET, "DURATION",
	  "write back dirty data before the freeze, after the applications are quiesced, "
	  "for this long at most; part of both timeouts" },
	{ "allow-root", FREEZE_OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME",
	  "use the settings of the section [profile NAME]; default: [profile dlm] if "
	  "there is one" },
	{ "app", FREEZE_OPT_APP, "NAME", "call only the hook of this application; repeatable" },
	{ "no-apps", FREEZE_OPT_NO_APPS, NULL, "call no hooks" },
	{ "allow-unfrozen", FREEZE_OPT_ALLOW_UNFROZEN, NULL,
	  "applications may have files on filesystems that are not frozen; these are synced" },
	{ "require-continuity", OPT_REQUIRE_CONTINUITY, NULL,
	  "post-script: fail if nothing could have seen a thaw and a freeze by other processes" },
	{ 0 }
};

/* What the command line and the configuration say, for all three. */
struct call {
	struct around around;
	bool require_continuity;
};

static void pre_script(struct freezectl *ctl, struct call *call)
{
	apps_end_forget(call->around.apps.config, call->around.request.id);
	if (around_prepare(ctl, &call->around) && around_begin(ctl, &call->around))
		around_keep(ctl, &call->around);
}

/* The supervisor knows of the post-script before the lease ends: only that is a success to hooks. */
static void post_script_with_lease(struct freezectl *ctl, const struct call *call,
				   struct around_end *end, uint64_t until)
{
	const struct apps_request *apps = &call->around.apps;
	const struct config *config = apps->config;
	const struct paths paths = { .mounts = &ctl->mounts };
	struct thaw *thaw = &end->thaw;
	bool ended;

	thaw->id = apps->id;
	thaw->require_continuity = call->require_continuity;
	ended = around_end_lease(ctl, config, end, until);
	/* A record that cannot be read is a finding already. */
	if (ended && !end->recorded && thaw->asked == VERDICT_WON && thaw->lease.frozen_ns &&
	    !findings_exit_code(&ctl->findings) &&
	    (apps->none || !apps_end_missing(ctl, config, &apps->names, thaw->id)))
		apps_end_remember(ctl, config, &thaw->lease);
	if (ended) {
		thaw_finish(ctl, thaw, until, call->around.script_timeout_ms);
		thaw_document(ctl, thaw, &paths);
	}
	around_end_wait(ctl, config, end, until);
	history_keep(ctl, &thaw->lease);
	freezeguard_lease_clear(&thaw->lease);
}

static void post_script(struct freezectl *ctl, struct call *call)
{
	uint64_t until = call->around.request.give_up_ns;
	const struct config *config = call->around.apps.config;
	struct around_end end = { 0 };
	int r;

	r = apps_end_begin(config->run_dir, call->around.apps.id, call->require_continuity ?
			   SUPERVISOR_STRICT : SUPERVISOR_POST_SCRIPT, &end.apps);
	if (r && r != -ENOENT)
		apps_end_unreadable(ctl, config, call->around.apps.id, r);
	if (!end.apps.record.id[0] || end.apps.record.has_lease)
		post_script_with_lease(ctl, call, &end, until);
	else if (apps_end_wait(ctl, config, &end.apps, until))
		apps_end_verdict(ctl, &end.apps, 0);
	apps_show_record(ctl, &end.apps.record, true);
	apps_end_free(&end.apps);
}

static void dry_run(struct freezectl *ctl, struct call *call)
{
	struct around *around = &call->around;
	const struct plan *plan = &around->freeze.plan;
	const struct files_check check = {
		.config = around->apps.config, .plan = plan, .machine = &machine_real,
		.allow_unfrozen = around->apps.allow_unfrozen, .findings = &ctl->findings,
	};
	bool ready;

	around->request.rehearsal = true;
	ready = around_prepare(ctl, around);
	/* If not, the findings have the code that a pre-script would end with. */
	show_plan(ctl, plan, around->request.timeout_ms);
	if (ready)
		ready = apps_ask(ctl, &around->apps, &around->called, &check);
	if (ready)
		fputs(plan_n_to_freeze(plan) ?
		      "ready: a pre-script would freeze these filesystems\n" :
		      "ready: a pre-script would quiesce the applications and freeze no filesystem\n",
		      ctl->out.text);
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
	struct freeze_request *request = &call->around.request;
	struct apps_request *apps = &call->around.apps;

	if (!config)
		return false;
	apps->config = config;
	apps->by = RECORD_BY_DLM;
	call->around.rest = "post-script";
	if (!request->timeout_ms)
		request->timeout_ms = config->timeout_ms;
	call->around.script_timeout_ms = request->choice.script_timeout_ms ?
					 request->choice.script_timeout_ms :
					 config->script_timeout_ms;
	if (!request->sync_budget_ms)
		request->sync_budget_ms = config->sync_budget_ms;
	if (!request->n_paths) {
		request->paths = config->paths.v;
		request->n_paths = config->paths.n;
	}
	request->all = !request->n_paths;
	request->exclude = config->exclude.v;
	request->n_exclude = config->exclude.n;
	request->allow_root |= config->allow_root;
	call->require_continuity |= config->require_continuity;
	apps->names = request->choice.names;
	apps->none = request->choice.none || (!config->call_apps && !apps->names.n);
	apps->allow_unfrozen = request->choice.allow_unfrozen;
	apps->require_continuity = call->require_continuity;
	around_limit(&call->around);
	freeze_check_sync_budget(ctl, request, "--timeout", request->timeout_ms);
	freeze_check_sync_budget(ctl, request, "--script-timeout", call->around.script_timeout_ms);
	return !findings_exit_code(&ctl->findings);
}

/* Returns the operation's place in the table. */
static size_t arguments(struct freezectl *ctl, int argc, char **argv, struct call *call, char id[],
			const char **profile)
{
	struct freeze_request *request = &call->around.request;
	const char *execution_id = NULL;
	size_t i;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_EXECUTION_ID:
			execution_id = optarg;
			break;
		case OPT_REQUIRE_CONTINUITY:
			call->require_continuity = true;
			break;
		case FREEZE_OPT_PROFILE:
			*profile = optarg;
			break;
		default:
			freeze_option(ctl, c, request);
			break;
		}
	}
	if (!execution_id)
		freezectl_usage(ctl, "--execution-id is missing");
	else if (!dlm_execution_id_valid(execution_id))
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--execution-id",
			     "'%s' is neither a UUID nor None", execution_id);
	else
		request->id = dlm_lease_id(execution_id, id, FREEZEGUARD_ID_MAX + 1);
	freeze_check_choice(ctl, &request->choice);

	for (i = 0; optind < argc && i < N_OPERATIONS; i++)
		if (!strcmp(argv[optind], operations[i].name))
			break;
	if (optind == argc)
		freezectl_usage(ctl, "the command is missing: pre-script, post-script or dry-run");
	else if (i == N_OPERATIONS)
		freezectl_usage(ctl, "'%s' is not one of pre-script, post-script and dry-run",
				argv[optind]);
	request->paths = argv + optind + 1;
	request->n_paths = optind < argc ? (size_t)(argc - optind - 1) : 0;
	return i;
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct call call = { .around.start_ns = freezeguard_now_ns() };
	char id[FREEZEGUARD_ID_MAX + 1];
	const char *profile = NULL;
	size_t i = arguments(ctl, argc, argv, &call, id, &profile);

	if (!findings_exit_code(&ctl->findings) && complete(ctl, &call, profile))
		operations[i].run(ctl, &call);
	around_free(&call.around);
}

const struct subcommand cmd_dlm = {
	.name = "dlm",
	.arguments = "{pre-script | post-script | dry-run} --execution-id ID [--timeout "
		     "DURATION] [--script-timeout DURATION] [--sync-budget DURATION] "
		     "[--allow-root] [--profile NAME] [--app NAME | --no-apps] "
		     "[--allow-unfrozen] [--require-continuity] [PATH ...]",
	.summary = "run as the pre-script or post-script of Amazon Data Lifecycle Manager",
	.help =
	"pre-script quiesces the applications and freezes the paths, or every mounted "
	"block-device filesystem but / and /boot. post-script thaws the filesystems and releases "
	"the applications. dry-run reports whether a pre-script would succeed.",
	.options = options,
	.run = run,
};
