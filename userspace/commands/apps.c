// SPDX-License-Identifier: GPL-2.0-only
/* freezectl apps: which application hooks there are, how they are, how they were the last time */
#include <errno.h>
#include <string.h>

#include "apps/post_script.h"
#include "apps/pre_script.h"
#include "apps/show.h"
#include "base/duration.h"
#include "commands/commands.h"
#include "show/table.h"

enum { OPT_ID = OPT_FIRST };

static const struct option_help options[] = {
	{ "id", OPT_ID, "ID", "the applications of one lease, with the output of their hooks" },
	{ 0 }
};

/* The newest record that has an application of this name, and the application in it. */
static const struct record *last_of(const struct record_list *list, const char *name,
				    const struct record_app **app)
{
	size_t i, k;

	for (i = 0; i < list->n; i++) {
		for (k = 0; k < list->v[i].n_apps; k++) {
			*app = &list->v[i].apps[k];
			if (!strcmp((*app)->name, name))
				return &list->v[i];
		}
	}
	*app = NULL;
	return NULL;
}

/* In words: the state, or that the supervisor that would keep it is gone. */
static const char *state_of(const struct config *config, const struct record *record,
			    const struct record_app *app)
{
	if (!record)
		return "idle";
	if (record->state == RECORD_RELEASED)
		return "idle";
	if (!apps_alive(config->run_dir, record))
		return app->session ? "idle" : "left quiet";
	return record_app_state_name(app->state);
}

static const char *result_of(const struct record *record, const struct record_app *app,
			     char buf[96])
{
	if (!record)
		return "-";
	if (app->exit_status > 0)
		snprintf(buf, 96, "%s, status %d", record_app_state_name(app->state),
			 app->exit_status);
	else
		snprintf(buf, 96, "%s%s", record_app_state_name(app->state),
			 app->timed_out ? ", took too long" : "");
	return buf;
}

static struct json_object *json_of(const struct config *config, const struct hook *hook,
				   const struct record *record, const struct record_app *app,
				   const struct clocks *clocks)
{
	struct json_object *object = json_object_new_object(), *last = NULL;

	output_json_add(object, "name", output_json_string(hook->name));
	output_json_add(object, "path", output_json_string(hook->path));
	output_json_add(object, "kind", output_json_string(hook->session ? "session" : "one-shot"));
	output_json_add(object, "enabled", json_object_new_boolean(!hook->skip));
	output_json_add(object, "why_not", hook->skip ? output_json_string(hook->skip) : NULL);
	output_json_add(object, "timeout_ms", json_object_new_int64(hook->timeout_ms));
	output_json_add(object, "thaw_timeout_ms", json_object_new_int64(hook->thaw_timeout_ms));
	output_json_add(object, "state", output_json_string(state_of(config, record, app)));
	if (record) {
		last = apps_json(app, clocks);
		output_json_add(last, "id", output_json_string(record->id));
		output_json_add(last, "why", record->why[0] ? output_json_string(record->why) :
				NULL);
	}
	output_json_add(object, "last", last);
	return object;
}

static void list_hooks(struct freezectl *ctl, const struct config *config,
		       const struct hooks *hooks, const struct record_list *list,
		       struct table *table, struct json_object *array)
{
	struct clocks clocks = timefmt_now();
	char result[96], text[TIMEFMT_TEXT_MAX];
	size_t i;

	for (i = 0; i < hooks->n; i++) {
		const struct hook *hook = &hooks->v[i];
		const struct record_app *app;
		const struct record *record = last_of(list, hook->name, &app);

		if (array) {
			json_object_array_add(array, json_of(config, hook, record, app, &clocks));
			continue;
		}
		table_row(table, (const char *[]) {
			hook->name, hook->session ? "session" : "one-shot",
			hook->skip ? "not called" : state_of(config, record, app),
			result_of(record, app, result),
			record ? timefmt_text(&clocks, app->begin_ns ? app->begin_ns :
					      record->begin_ns, text) : "-",
			record ? record->id : "-", hook->path });
		if (hook->skip)
			findings_add(&ctl->findings, EXIT_CODE_DONE, hook->name,
				     "is not called: %s", hook->skip);
	}
}

/* Those that come with freezeguard and are neither linked to nor overridden. */
static int find_shipped(struct hooks *shipped, const struct config *config,
			const struct hooks *hooks, struct findings *findings)
{
	const struct text_list all = { 0 };
	struct config other = *config;
	size_t i, k;
	int r;

	other.hooks_dir = config->shipped_dir;
	r = hooks_find(shipped, &other, &all, findings);
	for (i = 0; i < shipped->n; i++) {
		struct hook *hook = &shipped->v[i];

		for (k = 0; k < hooks->n && strcmp(hooks->v[k].name, hook->name); k++)
			;
		if (k < hooks->n) {
			/* Shown already. */
			hook->name[0] = '\0';
		} else if (!hook->skip) {
			if (asprintf(&hook->skip,
				     "it is not enabled; link it into %s, or name it with --app",
				     config->hooks_dir) < 0)
				hook->skip = NULL;
		}
	}
	for (i = k = 0; i < shipped->n; i++) {
		struct hook hook = shipped->v[i];

		shipped->v[i] = shipped->v[k];
		shipped->v[k] = hook;
		k += hook.name[0] != '\0';
	}
	return r;
}

/* All that is remembered, the newest first. */
static struct json_object *json_of_records(const struct config *config,
					   const struct record_list *list)
{
	struct json_object *array = json_object_new_array();
	struct clocks clocks = timefmt_now();
	size_t i;

	for (i = 0; array && i < list->n; i++)
		if (list->v[i].n_apps)
			json_object_array_add(array, apps_record_json(config->run_dir, &list->v[i],
								      &clocks));
	return array;
}

static void list_all(struct freezectl *ctl, const struct config *config)
{
	static const char *const headers[] = { "APP", "KIND", "STATE", "LAST RESULT", "LAST TIME",
					       "LEASE", "HOOK", NULL };
	const struct text_list all = { 0 };
	struct hooks hooks, shipped;
	struct record_list list;
	struct table *table = NULL;
	struct json_object *array = NULL;
	size_t i;
	int r;

	r = record_list(config->run_dir, &list);
	if (r)
		findings_add(&ctl->findings, r == -EACCES ? EXIT_CODE_USAGE : EXIT_CODE_SYSTEM,
			     config->run_dir, "cannot be read: %s", strerror(-r));
	hooks_find(&hooks, config, &all, &ctl->findings);
	find_shipped(&shipped, config, &hooks, &ctl->findings);
	if (ctl->out.json)
		array = json_object_new_array();
	else
		table = table_new(headers);
	list_hooks(ctl, config, &hooks, &list, table, array);
	/* What was sorted behind has no name. */
	for (i = 0; i < shipped.n && shipped.v[i].name[0]; i++)
		;
	list_hooks(ctl, config, &(struct hooks) { .v = shipped.v, .n = i }, &list, table, array);
	if (ctl->out.json) {
		output_json_add(ctl->out.doc, "hooks", array);
		output_json_add(ctl->out.doc, "sessions", json_of_records(config, &list));
	} else {
		table_print(table, ctl->out.text);
	}
	hooks_free(&hooks);
	hooks_free(&shipped);
	record_list_free(&list);
}

/* Everything about one freeze. */
static void show(struct freezectl *ctl, const struct config *config, const char *id)
{
	char text[TIMEFMT_TEXT_MAX], ended[TIMEFMT_TEXT_MAX];
	struct clocks clocks = timefmt_now();
	struct record record;
	int r;

	r = record_load(config->run_dir, id, &record);
	/* A post-script's own. */
	if (!r && !record.n_apps) {
		record_free(&record);
		r = -ENOENT;
	}
	if (r) {
		findings_add(&ctl->findings, r == -ENOENT ? EXIT_CODE_NOT_FROZEN : r == -EACCES ?
			     EXIT_CODE_USAGE : EXIT_CODE_SYSTEM, id,
			     "there is no record of applications with that id in %s: %s",
			     config->run_dir, strerror(-r));
		return;
	}
	fprintf(ctl->out.text, "%s: %s; begun at %s, by supervisor %d (%s)\n", record.id,
		record_state_name(record.state), timefmt_text(&clocks, record.begin_ns, text),
		record.pid, record.state == RECORD_RELEASED ? "done" :
		apps_alive(config->run_dir, &record) ? "alive" : "dead");
	if (record.ended_ns)
		fprintf(ctl->out.text, "%s: ended at %s, by %s\n", record.id,
			timefmt_text(&clocks, record.ended_ns, ended), record.why);
	if (ctl->out.json) {
		struct json_object *array = json_object_new_array();

		json_object_array_add(array, apps_record_json(config->run_dir, &record, &clocks));
		output_json_add(ctl->out.doc, "sessions", array);
	} else {
		apps_show_record(ctl, &record, false);
		apps_show_record(ctl, &record, true);
	}
	record_free(&record);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const struct config *config;
	const char *id = NULL;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		}
	}
	if (optind < argc)
		freezectl_usage(ctl, "apps takes no argument '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings))
		return;
	config = freezectl_config(ctl, NULL, NULL);
	if (!config)
		return;
	if (id)
		show(ctl, config, id);
	else
		list_all(ctl, config);
}

const struct subcommand cmd_apps = {
	.name = "apps",
	.arguments = "[--id ID]",
	.summary = "show application hooks, their state and their last result",
	.help =
	"Hooks that come with freezeguard are listed too, even if they are not enabled.",
	.options = options,
	.run = run,
};
