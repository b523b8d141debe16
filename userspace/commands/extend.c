// SPDX-License-Identifier: GPL-2.0-only
/* freezectl extend: move a lease's deadline */
#include <errno.h>

#include "apps/live.h"
#include "commands/commands.h"
#include "lease/thaw.h"
#include "show/lease.h"

enum { OPT_ID = OPT_FIRST };

static const struct option_help options[] = {
	{ "id", OPT_ID, "ID", "the newest lease of that name" },
	{ 0 }
};

static void extend(struct freezectl *ctl, const char *id, uint32_t ms)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	struct freezeguard_lease lease = { 0 };
	char text[TIMEFMT_TEXT_MAX];
	struct clocks clocks;
	int r;

	r = freezeguard_lease_extend(ctl->fg, 0, id, ms, &lease);
	clocks = timefmt_now();
	if (!r && !lease.state)
		fprintf(ctl->out.text, "lease %s: extended; its new deadline could not be looked up\n",
			id);
	else if (!r)
		fprintf(ctl->out.text, "lease %s: thaws by itself at %s\n", lease.id,
			timefmt_text(&clocks, lease.deadline_ns, text));
	else if (r == -ENOENT)
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, id,
			     "no lease has that id; freezectl status lists the live ones");
	else if (r == -EALREADY && !freezeguard_lease_get(ctl->fg, 0, id, &lease))
		thaw_late(ctl, &lease, DEFAULT_WAIT_MS);
	else
		freezectl_refused(ctl, id, EXIT_CODE_SYSTEM);
	if (!r && lease.state)
		live_warn_of_limit(ctl, &lease);
	if (lease.state)
		show_lease_document(&ctl->out, &lease, &paths, &clocks);
	freezeguard_lease_clear(&lease);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const char *id = NULL;
	uint32_t ms = 0;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		}
	}
	if (!id)
		freezectl_usage(ctl,
				"no lease is named: give its --id; freezectl status lists the live ones");
	if (argc - optind != 1)
		freezectl_usage(ctl, "give one duration, counted from now");
	else
		freezectl_duration(ctl, "DURATION", argv[optind], &ms);
	if (!findings_exit_code(&ctl->findings) && freezectl_connect(ctl))
		extend(ctl, id, ms);
}

const struct subcommand cmd_extend = {
	.name = "extend",
	.arguments = "--id ID DURATION",
	.summary = "move the deadline of a lease",
	.help =
	"The new deadline is DURATION from now. The whole life of a lease is bounded by the "
	"kernel module's parameter max_timeout_ms.",
	.options = options,
	.run = run,
};
