// SPDX-License-Identifier: GPL-2.0-only
/* freezectl freeze: freeze, leave frozen, return */
#include "freeze.h"

static const struct option options[] = {
	{ "id", required_argument, NULL, FREEZE_OPT_ID },
	{ "timeout", required_argument, NULL, FREEZE_OPT_TIMEOUT },
	{ "sync-budget", required_argument, NULL, FREEZE_OPT_SYNC_BUDGET },
	{ "all", no_argument, NULL, FREEZE_OPT_ALL },
	{ "allow-root", no_argument, NULL, FREEZE_OPT_ALLOW_ROOT },
	{ "profile", required_argument, NULL, FREEZE_OPT_PROFILE },
	COMMON_OPTIONS,
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
		freeze_keep(ctl, &request, &freeze);
	}
	freeze_free(&freeze);
}

const struct subcommand cmd_freeze = {
	.name = "freeze",
	.arguments = "[--id ID] [--timeout DURATION] [--sync-budget DURATION] [--all | PATH...]",
	.summary = "freeze filesystems, leave them frozen, return",
	.help =
	"The kernel thaws at the deadline, whatever happens. If freezectl is killed before it\n"
	"could say that all is frozen, the kernel thaws at once.\n\n"
	"  --id ID               name of the lease; without it the kernel makes one up\n"
	"  --timeout DURATION    thaw by itself after that; default 60s\n"
	"  --sync-budget DURATION\n"
	"                        before that write back what is dirty, without stopping writers,\n"
	"                        for that long at most; a part of --timeout\n"
	"  --all                 every mounted block-device filesystem but / and /boot*\n"
	"  --allow-root          the root filesystem may be among the paths\n"
	"  --profile NAME        settings of a section [profile NAME]\n",
	.run = run,
};
