// SPDX-License-Identifier: GPL-2.0-only
/* show: the applications of a freeze, as text and as JSON */
#include <stdio.h>
#include <string.h>

#include "apps/post_script.h"
#include "apps/show.h"

/** apps_json() - an application as a JSON object */
struct json_object *apps_json(const struct record_app *app, const struct clocks *clocks)
{
	struct json_object *object = json_object_new_object(), *notes = json_object_new_object();
	char key[HOOK_CALL_LINE_MAX];
	size_t i;

	output_json_add(object, "name", output_json_string(app->name));
	output_json_add(object, "path", output_json_string(app->path));
	output_json_add(object, "kind", output_json_string(app->session ? "session" : "one-shot"));
	output_json_add(object, "state", output_json_string(record_app_state_name(app->state)));
	output_json_add(object, "lost", json_object_new_boolean(app->lost));
	output_json_add(object, "timed_out", json_object_new_boolean(app->timed_out));
	output_json_add(object, "exit_status", app->exit_status < 0 ? NULL :
			json_object_new_int(app->exit_status));
	output_json_time(object, "begin", app->begin_ns, clocks);
	output_json_time(object, "quiet", app->quiet_ns, clocks);
	output_json_time(object, "ended", app->ended_ns, clocks);
	output_json_add(object, "output", output_json_string(app->output ? app->output : ""));
	output_json_add(object, "thaw_output",
			output_json_string(app->thaw_output ? app->thaw_output : ""));
	for (i = 0; i < app->n_notes; i++) {
		size_t n = strcspn(app->notes[i], "=");

		snprintf(key, sizeof(key), "%.*s", (int)n, app->notes[i]);
		json_object_object_add(notes, key, output_json_string(app->notes[i] + n + 1));
	}
	output_json_add(object, "notes", notes);
	output_json_add(object, "wants_complete", json_object_new_boolean(app->wants_complete));
	output_json_time(object, "completed", app->completed_ns, clocks);
	output_json_add(object, "complete_output",
			output_json_string(app->complete_output ? app->complete_output : ""));
	return object;
}

/** apps_record_json() - a record of @run_dir as a JSON object */
struct json_object *apps_record_json(const char *run_dir, const struct record *s,
				     const struct clocks *clocks)
{
	struct json_object *object = json_object_new_object(), *apps = json_object_new_array();
	size_t i;

	output_json_add(object, "id", output_json_string(s->id));
	output_json_add(object, "by", output_json_string(s->by));
	output_json_add(object, "state", output_json_string(record_state_name(s->state)));
	output_json_add(object, "why", s->why[0] ? output_json_string(s->why) : NULL);
	output_json_add(object, "in_time", json_object_new_boolean(s->in_time));
	output_json_add(object, "supervisor", json_object_new_int(s->pid));
	output_json_add(object, "alive", json_object_new_boolean(s->state != RECORD_RELEASED &&
								 apps_alive(run_dir, s)));
	output_json_add(object, "lease_number", s->lease_number ?
			json_object_new_uint64(s->lease_number) : NULL);
	output_json_time(object, "begin", s->begin_ns, clocks);
	output_json_time(object, "quiet", s->quiet_ns, clocks);
	output_json_time(object, "deadline", s->deadline_ns, clocks);
	output_json_time(object, "ended", s->ended_ns, clocks);
	output_json_time(object, "released", s->released_ns, clocks);
	output_json_time(object, "completed", s->completed_ns, clocks);
	for (i = 0; apps && i < s->n_apps; i++)
		json_object_array_add(apps, apps_json(&s->apps[i], clocks));
	output_json_add(object, "apps", apps);
	return object;
}

/* Each line begins with the name of the application that printed it. */
static void show_output(FILE *file, const char *name, const char *text)
{
	char line[HOOK_CALL_LINE_MAX], clean[4 * HOOK_CALL_LINE_MAX + 1];
	size_t n;

	for (; text && *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		fprintf(file, "%s: %s\n", name, output_clean(line, clean, sizeof(clean)));
	}
}

static void show_one(struct freezectl *ctl, const struct record_app *app, bool after)
{
	char span[TIMEFMT_TEXT_MAX], clean[4 * HOOK_CALL_LINE_MAX + 1];
	FILE *file = ctl->out.text;
	size_t i;

	show_output(file, app->name, after ? app->thaw_output : app->output);
	if (app->state == RECORD_APP_QUIET)
		fprintf(file, "app %s: quiet after %s\n", app->name,
			timefmt_span(app->begin_ns, app->quiet_ns, span));
	else if (app->state == RECORD_APP_RELEASED)
		fprintf(file, "app %s: released; was quiet for %s\n", app->name,
			timefmt_span(app->quiet_ns, app->ended_ns, span));
	else
		fprintf(file, "app %s: %s%s\n", app->name, record_app_state_name(app->state),
			app->state == RECORD_APP_STOPPED ? ", and skipped" : "");
	for (i = 0; i < app->n_notes; i++)
		fprintf(file, "app %s: %s\n", app->name,
			output_clean(app->notes[i], clean, sizeof(clean)));
}

/* Those that are in a state, "web, db"; "none" */
static void show_names(FILE *file, const char *what, const struct record *record,
		       enum record_app_state state, const char *none)
{
	const char *between = "";
	size_t i;

	fprintf(file, "%s: ", what);
	for (i = 0; i < record->n_apps; i++) {
		if (record->apps[i].state != state)
			continue;
		fprintf(file, "%s%s", between, record->apps[i].name);
		between = ", ";
	}
	fprintf(file, "%s%s%s\n", *between ? "" : "none", *between || !*none ? "" : "; ",
		*between ? "" : none);
}

/**
 * apps_show_quiet() - which applications were made quiet, in the text; "none" is said, too
 * @ctl: the call
 * @record: the record; an empty one if no hook was called
 * @none: why none was, if that is so
 */
void apps_show_quiet(struct freezectl *ctl, const struct record *record, const char *none)
{
	size_t i;

	show_names(ctl->out.text, "applications quiesced", record, RECORD_APP_QUIET,
		   record->n_apps ? "" : none);
	for (i = 0; i < record->n_apps; i++)
		if (record->apps[i].state == RECORD_APP_STOPPED) {
			show_names(ctl->out.text, "applications stopped, and skipped", record,
				   RECORD_APP_STOPPED, "");
			break;
		}
}

/**
 * apps_show_record() - put the applications of a freeze into the output
 * @ctl: the call
 * @record: the record
 * @after: what their hooks said at the thaw, else what they said at the freeze
 */
void apps_show_record(struct freezectl *ctl, const struct record *record, bool after)
{
	struct clocks clocks = timefmt_now();
	struct json_object *array;
	size_t i;

	if (!ctl->out.json) {
		for (i = 0; i < record->n_apps; i++)
			show_one(ctl, &record->apps[i], after);
		if (after)
			show_names(ctl->out.text, "applications released", record,
				   RECORD_APP_RELEASED, "");
		return;
	}
	array = json_object_new_array();
	for (i = 0; array && i < record->n_apps; i++)
		json_object_array_add(array, apps_json(&record->apps[i], &clocks));
	output_json_add(ctl->out.doc, "apps", array);
}

/**
 * apps_show_completed() - put into the output which applications know that all copies are done
 * @ctl: the call
 * @record: the record; an empty one if there is none
 */
void apps_show_completed(struct freezectl *ctl, const struct record *record)
{
	struct clocks clocks = timefmt_now();
	FILE *file = ctl->out.text;
	struct json_object *array;
	const char *between = "";
	size_t i;

	if (ctl->out.json) {
		array = json_object_new_array();
		for (i = 0; array && i < record->n_apps; i++)
			json_object_array_add(array, apps_json(&record->apps[i], &clocks));
		output_json_add(ctl->out.doc, "apps", array);
		return;
	}
	for (i = 0; i < record->n_apps; i++) {
		const struct record_app *app = &record->apps[i];

		show_output(file, app->name, app->complete_output);
		if (!app->wants_complete)
			fprintf(file, "app %s: its hook does not ask for this call\n", app->name);
	}
	fputs("applications completed: ", file);
	for (i = 0; i < record->n_apps; i++) {
		if (!record->apps[i].completed_ns)
			continue;
		fprintf(file, "%s%s", between, record->apps[i].name);
		between = ", ";
	}
	fputs(*between ? "\n" : "none\n", file);
}
