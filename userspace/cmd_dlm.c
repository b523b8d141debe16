// SPDX-License-Identifier: GPL-2.0-only
/* freezectl dlm: the pre-script, post-script and dry-run of Amazon Data Lifecycle Manager */
#include <string.h>

#include "dlm.h"
#include "duration.h"
#include "freeze.h"
#include "planshow.h"
#include "thaw.h"

enum { OPT_EXECUTION_ID = OPT_FIRST, OPT_TIMEOUT, OPT_SCRIPT_TIMEOUT, OPT_SYNC_BUDGET, OPT_ALLOW_ROOT };

static const struct option options[] = {
	{ "execution-id", required_argument, NULL, OPT_EXECUTION_ID },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "script-timeout", required_argument, NULL, OPT_SCRIPT_TIMEOUT },
	{ "sync-budget", required_argument, NULL, OPT_SYNC_BUDGET },
	{ "allow-root", no_argument, NULL, OPT_ALLOW_ROOT },
	COMMON_OPTIONS,
	{ 0 }
};

/* What the command line says, for all three. */
struct call {
	struct freeze_request request;
	uint32_t script_timeout_ms;
	uint64_t start_ns;
};

static void pre_script(struct freezectl *ctl, const struct call *call)
{
	struct freeze freeze = { 0 };

	if (freeze_prepare(ctl, &call->request, &freeze) &&
	    freeze_take(ctl, &call->request, &freeze)) {
		freeze_show(ctl, &freeze, true);
		freeze_keep(ctl, &call->request, &freeze);
	}
	freeze_free(&freeze);
}

static void post_script(struct freezectl *ctl, const struct call *call)
{
	const struct places places = { .mounts = &ctl->mounts };
	struct thaw thaw = { .id = call->request.id };

	if (!freezectl_connect(ctl) || !thaw_request(ctl, &thaw))
		return;
	thaw_finish(ctl, &thaw, call->start_ns + call->script_timeout_ms * NS_PER_MS,
		    call->script_timeout_ms);
	thaw_document(ctl, &thaw, &places);
	freezeguard_lease_clear(&thaw.lease);
}

static void dry_run(struct freezectl *ctl, const struct call *call)
{
	struct freeze freeze = { 0 };
	bool ready = freeze_prepare(ctl, &call->request, &freeze);

	/* If not, the findings have the code that a pre-script would end with. */
	planshow(ctl, &freeze.plan, call->request.timeout_ms);
	if (ready)
		fputs("ready: a pre-script would freeze these filesystems\n", ctl->out.text);
	freeze_free(&freeze);
}

static const struct {
	const char *name;
	void (*run)(struct freezectl *ctl, const struct call *call);
} operations[] = {
	{ "pre-script", pre_script },
	{ "post-script", post_script },
	{ "dry-run", dry_run },
};

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct call call = {
		.request.timeout_ms = DEFAULT_TIMEOUT_MS,
		.script_timeout_ms = DLM_SCRIPT_TIMEOUT_MS,
		.start_ns = freezeguard_now_ns(),
	};
	char id[FREEZEGUARD_ID_MAX + 1], span[DURATION_TEXT_MAX], text[DURATION_TEXT_MAX + 64];
	const char *execution_id = NULL;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
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
		case OPT_JSON:
		case OPT_HELP:
			break;
		default:
			freezectl_bad_option(ctl, c, argv);
		}
	}
	freeze_check_sync_budget(ctl, &call.request);
	if (!execution_id)
		freezectl_usage(ctl, "--execution-id is missing");
	else if (!dlm_execution_id_valid(execution_id))
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--execution-id", "'%s' is neither a "
			     "UUID nor None", execution_id);
	else
		call.request.id = dlm_lease_id(execution_id, id, sizeof(id));

	for (i = 0; optind < argc && i < N_OPERATIONS; i++)
		if (!strcmp(argv[optind], operations[i].name))
			break;
	if (optind == argc)
		freezectl_usage(ctl, "which one: pre-script, post-script or dry-run?");
	else if (i == N_OPERATIONS)
		freezectl_usage(ctl, "'%s' is not one of pre-script, post-script and dry-run",
				argv[optind]);
	if (findings_exit_code(&ctl->findings))
		return;

	call.request.paths = argv + optind + 1;
	call.request.n_paths = (size_t)(argc - optind - 1);
	call.request.all = !call.request.n_paths;
	call.request.give_up_ns = call.start_ns + call.script_timeout_ms * NS_PER_MS;
	snprintf(text, sizeof(text), "within the script timeout of %s",
		 duration_format(call.script_timeout_ms, span, sizeof(span)));
	call.request.give_up_text = text;
	operations[i].run(ctl, &call);
}

const struct subcommand cmd_dlm = {
	.name = "dlm",
	.arguments = "pre-script | post-script | dry-run  --execution-id ID [OPTIONS] [PATH...]",
	.summary = "do what Amazon Data Lifecycle Manager asks of scripts",
	.help =
	"pre-script freezes the paths, or every mounted block-device filesystem but / and /boot*;\n"
	"post-script thaws them; dry-run tells whether a pre-script would succeed.\n\n"
	"  --execution-id ID     as Data Lifecycle Manager gives it: a UUID, or None\n"
	"  --timeout DURATION    thaw by itself after that; default 60s\n"
	"  --script-timeout DURATION\n"
	"                        give up after that; default 8s. It has to be shorter than the\n"
	"                        timeout of the policy by the time of a roll-back, 1.5s\n"
	"  --sync-budget DURATION\n"
	"                        before that write back what is dirty, without stopping writers,\n"
	"                        for that long at most; a part of both timeouts\n"
	"  --allow-root          the root filesystem may be among the paths\n",
	.run = run,
};
