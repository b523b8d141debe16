// SPDX-License-Identifier: GPL-2.0-only
/* freezectl history: the leases that have ended, also before the last boot */
#include <errno.h>
#include <string.h>

#include "apps/history.h"
#include "commands/commands.h"
#include "lease/history.h"
#include "show/history.h"

enum { OPT_SINCE = OPT_FIRST, OPT_ID };

static const struct option_help options[] = {
	{ "since", OPT_SINCE, "TIME",
	  "only leases that ended later: a local time such as 2026-11-26, '2026-11-26 03:00' or "
	  "03:00, or a duration before now, such as 12h" },
	{ "id", OPT_ID, "ID", "only leases of that name" },
	{ 0 }
};

static int by_end(const void *a, const void *b)
{
	uint64_t x = show_history_ended_ms(*(struct json_object *const *)a);
	uint64_t y = show_history_ended_ms(*(struct json_object *const *)b);

	return x < y ? -1 : x > y;
}

static struct json_object *choose(struct json_object *entries, uint64_t since_ms, const char *id)
{
	struct json_object *chosen = json_object_new_array();
	size_t i;

	for (i = 0; chosen && i < json_object_array_length(entries); i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		const char *its = json_object_get_string(json_object_object_get(entry, "id"));

		if (show_history_ended_ms(entry) >= since_ms && (!id || (its && !strcmp(its, id))))
			json_object_array_add(chosen, json_object_get(entry));
	}
	if (chosen)
		json_object_array_sort(chosen, by_end);
	return chosen;
}

static void show(struct freezectl *ctl, const struct config *config, uint64_t since_ms,
		 const char *id)
{
	struct json_object *entries, *chosen;
	int r = history_keep(ctl, NULL);

	/* What could not be written is shown all the same. */
	if (r && r != -EACCES)
		findings_add(&ctl->findings, EXIT_CODE_DONE, config->keep_dir,
			     "the history in it could not be brought up to date: %s; what only the kernel module remembers is lost at a reboot",
			     strerror(-r));
	r = history_read(config->keep_dir, &entries);
	if (r)
		findings_add(&ctl->findings, r == -EACCES ? EXIT_CODE_USAGE : EXIT_CODE_SYSTEM,
			     config->keep_dir, "the history in it cannot be read: %s",
			     strerror(-r));
	history_merge(ctl, config, entries);
	chosen = choose(entries, since_ms, id);
	json_object_put(entries);
	if (!chosen) {
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
		return;
	}
	if (json_object_array_length(chosen))
		show_history_table(&ctl->out, chosen);
	else
		fputs("no such lease has ended\n", ctl->out.text);
	if (ctl->out.json)
		output_json_add(ctl->out.doc, "history", chosen);
	else
		json_object_put(chosen);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const struct config *config;
	const char *id = NULL;
	uint64_t since_ms = 0;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_SINCE:
			if (!timefmt_parse_since(optarg, timefmt_now().wall_ns / NS_PER_MS, &since_ms))
				findings_add(&ctl->findings, EXIT_CODE_USAGE, "--since",
					     "'%s' is neither a time nor a duration; write it like 2026-11-26, '2026-11-26 03:00', 03:00 or 12h",
					     optarg);
			break;
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		}
	}
	if (optind < argc)
		freezectl_usage(ctl, "history takes no argument '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings))
		return;
	config = freezectl_config(ctl, NULL, NULL);
	if (config)
		show(ctl, config, since_ms, id);
}

const struct subcommand cmd_history = {
	.name = "history",
	.arguments = "[--since TIME] [--id ID]",
	.summary = "show leases that have ended, also before the last boot",
	.help =
	"They are kept in /var/lib/freezeguard/history. What only the kernel module remembers is "
	"added to that file first.",
	.options = options,
	.run = run,
};
