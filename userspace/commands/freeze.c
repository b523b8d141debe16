// SPDX-License-Identifier: GPL-2.0-only
/* freezectl freeze: freeze, leave frozen, return; with the applications around it, if wanted */
#include "apps/around.h"
#include "apps/history.h"
#include "commands/commands.h"

static const struct option_help options[] = {
	{ "id", FREEZE_OPT_ID, "ID", "name of the lease; default: one is made up" },
	{ "timeout", FREEZE_OPT_TIMEOUT, "DURATION",
	  "the kernel thaws after this time; default 60s" },
	{ "script-timeout", FREEZE_OPT_SCRIPT_TIMEOUT, "DURATION",
	  "with applications: give up after this time; default 8s" },
	{ "sync-budget", FREEZE_OPT_SYNC_BUDGET, "DURATION",
	  "write back dirty data before the freeze, while writers still run, for this "
	  "long at most; part of --timeout" },
	{ "all", FREEZE_OPT_ALL, NULL, "every mounted block-device filesystem but / and /boot" },
	{ "allow-root", FREEZE_OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME", "use the settings of the section [profile NAME]" },
	{ "app", FREEZE_OPT_APP, "NAME",
	  "quiesce this application by its hook; repeatable" },
	{ "apps", FREEZE_OPT_APPS, NULL, "quiesce all applications whose hooks are enabled" },
	{ "no-apps", FREEZE_OPT_NO_APPS, NULL, "call no hooks, and do not warn of that" },
	{ "allow-unfrozen", FREEZE_OPT_ALLOW_UNFROZEN, NULL,
	  "applications may have files on filesystems that are not frozen; these are synced" },
	{ 0 }
};

static void freeze_alone(struct freezectl *ctl, struct around *around)
{
	struct freeze *freeze = &around->freeze;

	if (freeze_prepare(ctl, &around->request, freeze) &&
	    freeze_take(ctl, &around->request, freeze)) {
		freeze_show(ctl, freeze, true);
		freeze_show_left_out(ctl, freeze);
		freeze_keep(ctl, &around->request, freeze);
	}
	/* It does not stay frozen. */
	history_keep(ctl, &freeze->lease);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct around around = {
		.start_ns = freezeguard_now_ns(), .apps.by = RECORD_BY_FREEZE, .rest = "thaw",
	};

	freeze_arguments(ctl, argc, argv, options, &around.request);
	if (!around.request.all && !around.request.n_paths)
		freezectl_usage(ctl, "nothing to freeze is named: give paths, or --all");
	if (findings_exit_code(&ctl->findings))
		goto out_free;

	if (!around_choose(ctl, &around))
		freeze_alone(ctl, &around);
	else if (!findings_exit_code(&ctl->findings) && around_prepare(ctl, &around) &&
		 around_begin(ctl, &around))
		around_keep(ctl, &around);

out_free:
	around_free(&around);
}

const struct subcommand cmd_freeze = {
	.name = "freeze",
	.arguments = "[--id ID] [--timeout DURATION] [--script-timeout DURATION] "
		     "[--sync-budget DURATION] [--allow-root] [--profile NAME] "
		     "[--app NAME | --apps | --no-apps] [--allow-unfrozen] [--all | PATH ...]",
	.summary = "freeze filesystems, leave them frozen, return",
	.help =
	"The kernel thaws at the deadline, whatever happens. If freezectl is killed before it "
	"reports that all filesystems are frozen, the kernel thaws at once. Applications are "
	"quiesced before the freeze, and released after the thaw.",
	.options = options,
	.run = run,
};
