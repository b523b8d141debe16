// SPDX-License-Identifier: GPL-2.0-only
/* freezectl complete: all snapshots are done, so applications may drop what older copies would need */
#include "apps/complete.h"
#include "commands/commands.h"

#define DEFAULT_TIMEOUT_MS	60000

enum { OPT_ID = OPT_FIRST, OPT_TIMEOUT };

static const struct option_help options[] = {
	{ "id", OPT_ID, "ID", "the lease under which the applications were quiesced; required" },
	{ "timeout", OPT_TIMEOUT, "DURATION", "how long each hook may take; default 60s" },
	{ 0 }
};

static void run(struct freezectl *ctl, int argc, char **argv)
{
	uint32_t timeout_ms = DEFAULT_TIMEOUT_MS;
	const struct config *config;
	const char *id = NULL;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		case OPT_TIMEOUT:
			freezectl_duration(ctl, "--timeout", optarg, &timeout_ms);
			break;
		}
	}
	if (!id)
		freezectl_usage(ctl, "--id is missing: which freeze is complete?");
	if (optind < argc)
		freezectl_usage(ctl, "complete takes no argument '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings))
		return;
	config = freezectl_config(ctl, NULL, NULL);
	if (config)
		complete_apps(ctl, config, id, timeout_ms);
}

const struct subcommand cmd_complete = {
	.name = "complete",
	.arguments = "--id ID [--timeout DURATION]",
	.summary = "tell applications that all snapshots of a freeze are done",
	.help =
	"Calls the hooks that asked for it, so that the applications can drop logs. Refused unless "
	"the freeze was thawed in time by whoever began it, and once only.",
	.options = options,
	.run = run,
};
