// SPDX-License-Identifier: GPL-2.0-only
/* freezectl freeze: freeze, leave frozen, return */
#include "apps/history.h"
#include "commands/commands.h"
#include "lease/freeze.h"

static const struct option_help options[] = {
	{ "id", FREEZE_OPT_ID, "ID", "name of the lease; default: the kernel makes one up" },
	{ "timeout", FREEZE_OPT_TIMEOUT, "DURATION",
	  "the kernel thaws after this time; default 60s" },
	{ "sync-budget", FREEZE_OPT_SYNC_BUDGET, "DURATION",
	  "write back dirty data before the freeze, while writers still run, for this "
	  "long at most; part of --timeout" },
	{ "all", FREEZE_OPT_ALL, NULL, "every mounted block-device filesystem but / and /boot" },
	{ "allow-root", FREEZE_OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME", "use the settings of the section [profile NAME]" },
	{ 0 }
};

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct freeze_request request = { 0 };
	struct freeze freeze = { 0 };

	freeze_arguments(ctl, argc, argv, options, &request);
	if (!request.all && !request.n_paths)
		freezectl_usage(ctl, "nothing to freeze is named: give paths, or --all");
	if (findings_exit_code(&ctl->findings))
		return;

	if (freeze_prepare(ctl, &request, &freeze) && freeze_take(ctl, &request, &freeze)) {
		freeze_show(ctl, &freeze, true);
		freeze_show_left_out(ctl, &freeze);
		freeze_keep(ctl, &request, &freeze);
	}
	/* It does not stay frozen. */
	history_keep(ctl, &freeze.lease);
	freeze_free(&freeze);
}

const struct subcommand cmd_freeze = {
	.name = "freeze",
	.arguments = "[--id ID] [--timeout DURATION] [--sync-budget DURATION] [--allow-root] "
		     "[--profile NAME] [--all | PATH ...]",
	.summary = "freeze filesystems, leave them frozen, return",
	.help =
	"The kernel thaws at the deadline, whatever happens. If freezectl is killed before it "
	"reports that all filesystems are frozen, the kernel thaws at once.",
	.options = options,
	.run = run,
};
