// SPDX-License-Identifier: GPL-2.0-only
/* freezectl dlm: the pre-script, post-script and dry-run of Amazon Data Lifecycle Manager */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/history.h"
#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "apps/show.h"
#include "base/duration.h"
#include "base/util.h"
#include "commands/commands.h"
#include "commands/execution_id.h"
#include "lease/freeze.h"
#include "lease/thaw.h"
#include "show/plan.h"

enum {
	OPT_EXECUTION_ID = OPT_FIRST, OPT_TIMEOUT, OPT_SCRIPT_TIMEOUT, OPT_SYNC_BUDGET, OPT_ALLOW_ROOT,
	OPT_PROFILE, OPT_APP, OPT_NO_APPS,
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
 * Without a filesystem to freeze: what was written to the root filesystem is to be on the disk. In a
 * process of its own, since a sync can't be interrupted.
 */
static bool sync_root(struct freezectl *ctl, uint64_t until_ns)
{
	int status = 0, fd;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		/* It may outlive us: who waits for the end of our output, or for ours, is not to. */
		close_range(0, ~0U, 0);
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_exit(fd < 0 || syncfs(fd));
	}
	while (pid > 0 && !waitpid(pid, &status, WNOHANG) && freezeguard_now_ns() < until_ns)
		usleep(5000);
	if (pid > 0 && freezeguard_now_ns() < until_ns && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, "/", "could not be synced %s",
		     pid < 0 ? strerror(errno) : freezeguard_now_ns() < until_ns ?
		     "(see the kernel's log)" : "within the script timeout");
	return false;
}

/* There are only applications: the supervisor keeps the deadline. Returns only if that failed. */
static void pre_script_without_lease(struct freezectl *ctl, const struct call *call,
				     struct apps *apps)
{
	char span[DURATION_TEXT_MAX];

	if (!sync_root(ctl, call->request.give_up_ns) ||
	    !apps_still_quiet(ctl, &call->apps, apps, NULL))
		return;
	findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
		     "no filesystem is frozen: the applications are quiet and the root filesystem was synced; other writers on it continue");
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
	if (!freeze_prepare(ctl, &call->request, freeze))
		return false;
	return apps_startable(ctl, &call->apps, apps, &freeze->plan) && good;
}

/* The supervisor keeps the applications quiet while the lease lives. Returns only if that failed. */
static void pre_script_with_lease(struct freezectl *ctl, const struct call *call,
				  struct freeze *freeze, struct apps *apps)
{
	if (!freeze_take(ctl, &call->request, freeze))
		return;
	if (!apps_still_quiet(ctl, &call->apps, apps, &freeze->lease)) {
		freeze_undo(ctl, freeze);
		return;
	}
	freeze_show(ctl, freeze, true);
	apps_show(ctl, apps);
	freeze_keep(ctl, &call->request, freeze);
}

static void pre_script(struct freezectl *ctl, struct call *call)
{
	struct freeze freeze = { 0 };
	struct apps apps = { 0 };

	if (!prepare(ctl, call, &freeze, &apps))
		goto out_free;
	if (hooks_n_called(&apps.hooks) &&
	    !apps_quiesce(ctl, &call->apps, &apps, &freeze.plan)) {
		/* The findings are complete, and the freeze is rolled back. */
		apps_show(ctl, &apps);
		goto out_free;
	}
	if (plan_n_to_freeze(&freeze.plan))
		pre_script_with_lease(ctl, call, &freeze, &apps);
	else
		pre_script_without_lease(ctl, call, &apps);
	apps_abort(ctl, &call->apps, &apps);
	apps_show(ctl, &apps);
	history_keep(ctl, &freeze.lease);

out_free:
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

	/* If not, the findings have the code that a pre-script would end with. */
	show_plan(ctl, &freeze.plan, call->request.timeout_ms);
	if (ready)
		ready = apps_ask(ctl, &call->apps, &apps);
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
	free(apps);
}

const struct subcommand cmd_dlm = {
	.name = "dlm",
	.arguments = "{pre-script | post-script | dry-run} --execution-id ID [--timeout "
		     "DURATION] [--script-timeout DURATION] [--sync-budget DURATION] "
		     "[--allow-root] [--profile NAME] [--app NAME | --no-apps] [PATH ...]",
	.summary = "run as the pre-script or post-script of Amazon Data Lifecycle Manager",
	.help =
	"pre-script quiesces the applications and freezes the paths, or every mounted "
	"block-device filesystem but / and /boot*. post-script thaws the filesystems and releases "
	"the applications. dry-run reports whether a pre-script would succeed.",
	.options = options,
	.run = run,
};
