// SPDX-License-Identifier: GPL-2.0-only
/* freezectl config: which settings are in force, and where they are from */
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/secret.h"
#include "commands/commands.h"
#include "show/table.h"

enum { OPT_PROFILE = OPT_FIRST };

static const struct option_help options[] = {
	{ "profile", OPT_PROFILE, "NAME", "include the settings of the section [profile NAME]" },
	{ 0 }
};

/* The settings as they are collected for one of the two ways of printing. */
struct list {
	const struct config *config;
	struct table *table;
	struct json_object *array;
};

static void add(struct list *list, const char *section, const char *key, const char *value,
		unsigned int line)
{
	struct json_object *object;
	char from[4200] = "default", where[300];

	if (line)
		snprintf(from, sizeof(from), "%s:%u", list->config->file, line);
	if (!list->array) {
		snprintf(where, sizeof(where), "[%s]", section);
		table_row(list->table, (const char *[]) { where, key, value, from });
		return;
	}
	object = json_object_new_object();
	output_json_add(object, "section", output_json_string(section));
	output_json_add(object, "key", output_json_string(key));
	output_json_add(object, "value", value ? output_json_string(value) : NULL);
	output_json_add(object, "file", line ? output_json_string(list->config->file) : NULL);
	output_json_add(object, "line", line ? json_object_new_int64(line) : NULL);
	json_object_array_add(list->array, object);
}

/* @profile_only: only what the profile sets */
static void add_keys(struct list *list, bool profile_only)
{
	const struct config *config = list->config;
	char section[300];
	size_t k, i;

	for (k = 0; k < CONFIG_N_KEYS; k++) {
		const struct config_key *key = &config_keys[k];
		const struct config_from *from = &config->from[k];

		if (profile_only && !from->profile)
			continue;
		snprintf(section, sizeof(section), from->profile ? "profile %s" : "default",
			 config->profile);
		for (i = 0; i < config_n_values(config, key); i++) {
			char *value = config_value(config, key, i);

			add(list, section, key->name, value, from->line);
			free(value);
		}
	}
}

static void add_hooks(struct list *list)
{
	char section[300], span[DURATION_TEXT_MAX];
	size_t h, i;

	for (h = 0; h < list->config->n_hooks; h++) {
		const struct config_hook *hook = &list->config->hooks[h];

		snprintf(section, sizeof(section), "hook %.200s", hook->name);
		add(list, section, "enabled", hook->enabled ? "yes" : "no", hook->line);
		if (hook->timeout_ms)
			add(list, section, "timeout", duration_format(hook->timeout_ms, span,
								      sizeof(span)), hook->line);
		if (hook->thaw_timeout_ms)
			add(list, section, "thaw_timeout",
			    duration_format(hook->thaw_timeout_ms, span, sizeof(span)),
			    hook->line);
		if (hook->allow_unfrozen)
			add(list, section, "allow_unfrozen", "yes", hook->line);
		for (i = 0; i < hook->paths.n; i++)
			add(list, section, "paths", hook->paths.v[i], hook->line);
		for (i = 0; i < hook->env.n; i++) {
			const char *text = hook->env.v[i];
			int len = (int)strcspn(text, "=");
			char key[300];

			snprintf(key, sizeof(key), "env.%.*s", len, text);
			add(list, section, key, secret_name(text) ? "(hidden)" : text + len + 1,
			    hook->line);
		}
	}
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	static const char *const headers[] = { "SECTION", "KEY", "VALUE", "FROM", NULL };
	struct list list = { 0 };
	const char *profile = NULL;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_PROFILE:
			profile = optarg;
			break;
		}
	}
	if (optind < argc)
		freezectl_usage(ctl, "config takes no argument '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings))
		return;
	list.config = freezectl_config(ctl, profile, NULL);
	if (!list.config)
		return;
	if (!list.config->read)
		findings_add(&ctl->findings, EXIT_CODE_DONE, list.config->file,
			     "is not there; the defaults are in force");
	if (ctl->out.json)
		list.array = json_object_new_array();
	else
		list.table = table_new(headers);
	add_keys(&list, false);
	add_hooks(&list);
	if (!profile) {
		/* It was read without a mistake a moment ago. */
		list.config = freezectl_config(ctl, NULL, "dlm");
		if (list.config)
			add_keys(&list, true);
	}
	if (ctl->out.json)
		output_json_add(ctl->out.doc, "settings", list.array);
	else
		table_print(list.table, ctl->out.text);
}

const struct subcommand cmd_config = {
	.name = "config",
	.arguments = "[--profile NAME]",
	.summary = "show the settings in force, and the line that sets each",
	.help =
	"Settings are read from /etc/freezeguard/freezeguard.conf, or are defaults. Without "
	"--profile, the settings of [profile dlm] follow, which freezectl dlm prefers.",
	.options = options,
	.run = run,
};
