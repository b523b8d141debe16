// SPDX-License-Identifier: GPL-2.0-only
/* freezectl plan: what would be frozen, in which order, and why not the rest; touches nothing */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "freeze.h"
#include "planshow.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, FREEZE_OPT_ALL },
	{ "allow-root", no_argument, NULL, FREEZE_OPT_ALLOW_ROOT },
	{ "timeout", required_argument, NULL, FREEZE_OPT_TIMEOUT },
	{ "profile", required_argument, NULL, FREEZE_OPT_PROFILE },
	COMMON_OPTIONS,
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
	planshow(ctl, &freeze.plan, request.timeout_ms);
	freeze_free(&freeze);
}

const struct subcommand cmd_plan = {
	.name = "plan",
	.arguments = "[--timeout DURATION] [--all | PATH...]",
	.summary = "show what would be frozen, in which order, and why not",
	.help =
	"Exits with the code that freeze would fail with, as far as it can be known before.\n\n"
	"  --all                 every mounted block-device filesystem but / and /boot*; default\n"
	"  --allow-root          the root filesystem may be among the paths\n"
	"  --timeout DURATION    warn of what this timeout would do; default 60s\n"
	"  --profile NAME        settings of a section [profile NAME]\n",
	.run = run,
};
