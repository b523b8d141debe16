// SPDX-License-Identifier: GPL-2.0-only
/* freezectl plan: what would be frozen, in which order, and why not the rest; touches nothing */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "lease/freeze.h"
#include "show/plan.h"

static const struct option_help options[] = {
	{ "all", FREEZE_OPT_ALL, NULL,
	  "every mounted block-device filesystem but / and /boot; the default" },
	{ "allow-root", FREEZE_OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "timeout", FREEZE_OPT_TIMEOUT, "DURATION",
	  "warn of what this timeout would cause; default 60s" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME", "use the settings of the section [profile NAME]" },
	{ 0 }
};

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct freeze_request request = { 0 };
	struct freeze freeze = { 0 };

	freeze_arguments(ctl, argc, argv, options, &request);
	if (findings_exit_code(&ctl->findings))
		return;
	if (!request.n_paths)
		request.all = true;

	freeze_prepare(ctl, &request, &freeze);
	show_plan(ctl, &freeze.plan, request.timeout_ms);
	freeze_free(&freeze);
}

const struct subcommand cmd_plan = {
	.name = "plan",
	.arguments = "[--timeout DURATION] [--allow-root] [--profile NAME] [--all | PATH "
		     "...]",
	.summary = "show what would be frozen, in which order, and why not",
	.help =
	"Exits with the code that freeze would fail with, as far as that can be known beforehand.",
	.options = options,
	.run = run,
};
