// SPDX-License-Identifier: GPL-2.0-only
/* freezectl observer: load, unload and show the programs that see every freeze of the machine */
#include <string.h>

#include "commands/commands.h"
#include "observer/load.h"
#include "show/observer.h"

enum { OPT_REPLACE = OPT_FIRST, OPT_VERBOSE };

static const struct option_help options[] = {
	{ "replace", OPT_REPLACE, NULL, "load: load anew, even if the same observer is loaded" },
	{ "verbose", OPT_VERBOSE, NULL, "load: print the log of the kernel's verifier" },
	{ 0 }
};

/* The words of a list that has a space after each. */
static struct json_object *json_words(const char *list)
{
	struct json_object *array = json_object_new_array();
	size_t length;
	char word[64];

	for (; *list; list += length + 1) {
		length = strcspn(list, " ");
		snprintf(word, sizeof(word), "%.*s", (int)length, list);
		json_object_array_add(array, output_json_string(word));
	}
	return array;
}

static void show_words(FILE *text, const char *what, const char *list)
{
	if (*list)
		fprintf(text, "%s: %.*s\n", what, (int)strlen(list) - 1, list);
}

static void show_load(struct freezectl *ctl, const struct observer_load_result *result)
{
	FILE *text = ctl->out.text;

	if (result->already)
		fputs("the observer is loaded already\n", text);
	else if (result->replaced)
		fputs("the observer is loaded and replaces the one before\n", text);
	else
		fputs("the observer is loaded\n", text);
	show_words(text, "kept", result->maps.kept);
	show_words(text, "begun anew", result->maps.dropped);
	if (result->n_frozen)
		fprintf(text, "%zu frozen before it was loaded\n", result->n_frozen);
	output_json_add(ctl->out.doc, "already", json_object_new_boolean(result->already));
	output_json_add(ctl->out.doc, "replaced", json_object_new_boolean(result->replaced));
	output_json_add(ctl->out.doc, "kept", json_words(result->maps.kept));
	output_json_add(ctl->out.doc, "dropped", json_words(result->maps.dropped));
	output_json_add(ctl->out.doc, "frozen_before", json_object_new_uint64(result->n_frozen));
}

static void load(struct freezectl *ctl, bool replace, bool verbose)
{
	struct observer_load_result result;

	if (observer_load(replace, &result, &ctl->findings))
		show_load(ctl, &result);
	if (verbose && result.log && *result.log) {
		output_json_add(ctl->out.doc, "log", output_json_string(result.log));
		if (!ctl->out.json)
			fputs(result.log, stderr);
	}
	observer_load_result_clear(&result);
}

static void unload(struct freezectl *ctl)
{
	bool was_loaded;

	if (!observer_unload(&was_loaded, &ctl->findings))
		return;
	fputs(was_loaded ? "the observer is unloaded\n" : "the observer was not loaded\n",
	      ctl->out.text);
	output_json_add(ctl->out.doc, "was_loaded", json_object_new_boolean(was_loaded));
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	bool replace = false, verbose = false;
	const char *action;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_REPLACE:
			replace = true;
			break;
		case OPT_VERBOSE:
			verbose = true;
			break;
		}
	}
	action = optind < argc ? argv[optind] : "";
	if (argc - optind != 1 ||
	    (strcmp(action, "load") && strcmp(action, "unload") && strcmp(action, "show")))
		freezectl_usage(ctl,
				"the action is missing or unknown: load, unload or show; see freezectl observer --help");
	else if ((replace || verbose) && strcmp(action, "load"))
		freezectl_usage(ctl, "--replace and --verbose apply to observer load only");
	if (findings_exit_code(&ctl->findings))
		return;
	if (!strcmp(action, "load"))
		load(ctl, replace, verbose);
	else if (!strcmp(action, "unload"))
		unload(ctl);
	else
		observer_show(ctl);
}

const struct subcommand cmd_observer = {
	.name = "observer",
	.arguments = "{load | unload | show} [--replace] [--verbose]",
	.summary = "load the programs that see every freeze on the machine",
	.options = options,
	.run = run,
};
