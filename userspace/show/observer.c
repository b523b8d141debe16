// SPDX-License-Identifier: GPL-2.0-only
/* observer: what of the observer is loaded, and what it counted */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/duration.h"
#include "base/timefmt.h"
#include "base/util.h"
#include "observer/info.h"
#include "observer/pins.h"
#include "observer/read.h"
#include "plan/paths.h"
#include "show/observer.h"
#include "show/table.h"


static const char *state_name(enum observer_point_state state)
{
	switch (state) {
	case OBSERVER_POINT_ATTACHED:
		return "attached";
	case OBSERVER_POINT_ABSENT:
		return "absent";
	case OBSERVER_POINT_MISSING:
		break;
	}
	return "missing";
}

static struct json_object *json_point(const struct observer_point *point)
{
	struct json_object *object = json_object_new_object();

	output_json_add(object, "name", output_json_string(point->name));
	output_json_add(object, "kind", *point->kind ? output_json_string(point->kind) : NULL);
	output_json_add(object, "function",
			*point->function ? output_json_string(point->function) : NULL);
	output_json_add(object, "optional", json_object_new_boolean(point->optional));
	output_json_add(object, "state", output_json_string(state_name(point->state)));
	output_json_add(object, "runs", point->has_runs ? json_object_new_uint64(point->runs) : NULL);
	output_json_add(object, "run_ns",
			point->has_runs ? json_object_new_uint64(point->run_ns) : NULL);
	output_json_add(object, "missed",
			point->has_missed ? json_object_new_uint64(point->missed) : NULL);
	return object;
}

static void show_points(struct freezectl *ctl, const struct observer_info *info)
{
	static const char *const headers[] = { "PROGRAM", "AT", "FUNCTION", "STATE", "RUNS",
					       "MISSED", NULL };
	struct table *table = table_new(headers);
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL;
	const struct observer_point *point;
	char runs[24], missed[24];
	size_t n_missing = 0;

	for (point = info->v; point < info->v + info->n; point++) {
		snprintf(runs, sizeof(runs), "%" PRIu64, point->runs);
		snprintf(missed, sizeof(missed), "%" PRIu64, point->missed);
		table_row(table, (const char *[]) {
			point->name, *point->kind ? point->kind : NULL,
			*point->function ? point->function : NULL,
			point->state == OBSERVER_POINT_ABSENT ? "absent on this kernel" :
			state_name(point->state),
			point->has_runs ? runs : NULL, point->has_missed ? missed : NULL });
		n_missing += point->state == OBSERVER_POINT_MISSING;
		if (array)
			json_object_array_add(array, json_point(point));
	}
	table_print(table, ctl->out.text);
	output_json_add(ctl->out.doc, "programs", array);
	if (n_missing)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "%zu programs are not attached; to attach them: freezectl observer load --replace",
			     n_missing);
}

static struct json_object *json_stall(const struct fw_stall *stall)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	size_t i;

	output_json_add(object, "waits", json_object_new_uint64(stall->waits));
	output_json_add(object, "ended", json_object_new_uint64(stall->ended));
	output_json_add(object, "total_ns", json_object_new_uint64(stall->total_ns));
	output_json_add(object, "longest_ns", json_object_new_uint64(stall->longest_ns));
	for (i = 0; i < FW_WAIT_BUCKETS; i++)
		json_object_array_add(array, json_object_new_uint64(stall->histogram[i]));
	output_json_add(object, "histogram", array);
	return object;
}

static void show_totals(struct freezectl *ctl, const struct fw_totals *totals, uint64_t skipped)
{
	const struct {
		const char *name, *text;
		uint64_t value;
	} counters[] = {
		{ "freezes", "freezes", totals->freezes },
		{ "failures", "freezes that failed", totals->failures },
		{ "refused", "freezes refused", totals->refused },
		{ "thaws", "thaws", totals->thaws },
		{ "thaws_refused", "thaws of what was not frozen", totals->thaws_refused },
		{ "thaws_left_frozen", "thaws that left it frozen", totals->thaws_left_frozen },
		{ "emergency_thaws", "emergency thaws", totals->emergency_thaws },
		{ "unmounted_frozen", "superblocks gone while frozen", totals->unmounted_frozen },
		{ "events", "events", totals->next_event },
		{ "lost_events", "events lost", totals->lost_events },
		{ "lost_entries", "entries lost", totals->lost_entries },
		{ "skipped", "runs skipped", skipped },
	};
	struct json_object *object = ctl->out.json ? json_object_new_object() : NULL;
	char longest[DURATION_TEXT_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		fprintf(ctl->out.text, "%s%" PRIu64 " %s", i ? ", " : "\n", counters[i].value,
			counters[i].text);
		output_json_add(object, counters[i].name,
				json_object_new_uint64(counters[i].value));
	}
	fprintf(ctl->out.text, "; %" PRIu64 " waits of writers, the longest %s\n",
		(uint64_t)totals->stall.waits,
		duration_format(totals->stall.longest_ns / NS_PER_MS, longest, sizeof(longest)));
	output_json_add(object, "longest_freeze_ns",
			json_object_new_uint64(totals->longest_freeze_ns));
	output_json_add(object, "stall", object ? json_stall(&totals->stall) : NULL);
	output_json_add(ctl->out.doc, "totals", object);
}

struct filesystems {
	struct table *table;
	struct json_object *array;
	struct paths paths;
	struct observer *observer;
	size_t n;
};

static int add_filesystem(dev_t dev, const struct fw_filesystem *fs, void *data)
{
	char device[32], freezes[24], waits[24], longest_freeze[DURATION_TEXT_MAX],
		longest_wait[DURATION_TEXT_MAX];
	struct filesystems *shown = data;
	const char *path = paths_path(&shown->paths, major(dev), minor(dev));
	struct json_object *object;
	struct fw_frozen frozen;
	bool is_frozen;

	is_frozen = observer_frozen(shown->observer, dev, &frozen);
	snprintf(device, sizeof(device), "%u:%u", major(dev), minor(dev));
	snprintf(freezes, sizeof(freezes), "%" PRIu64, (uint64_t)fs->freezes);
	snprintf(waits, sizeof(waits), "%" PRIu64, (uint64_t)fs->stall.waits);
	table_row(shown->table, (const char *[]) {
		path ? path : device, fs->filesystem, fs->source, is_frozen ? "frozen" : "-", freezes,
		duration_format(fs->longest_freeze_ns / NS_PER_MS, longest_freeze, sizeof(longest_freeze)), waits,
		duration_format(fs->stall.longest_ns / NS_PER_MS, longest_wait, sizeof(longest_wait)) });
	shown->n++;
	if (!shown->array)
		return 0;
	object = json_object_new_object();
	output_json_add(object, "path", path ? output_json_string(path) : NULL);
	output_json_add(object, "major", json_object_new_int64(major(dev)));
	output_json_add(object, "minor", json_object_new_int64(minor(dev)));
	output_json_add(object, "fstype", output_json_string(fs->filesystem));
	output_json_add(object, "source", output_json_string(fs->source));
	output_json_add(object, "frozen", json_object_new_boolean(is_frozen));
	output_json_add(object, "freezes", json_object_new_uint64(fs->freezes));
	output_json_add(object, "failures", json_object_new_uint64(fs->failures));
	output_json_add(object, "refused", json_object_new_uint64(fs->refused));
	output_json_add(object, "thaws", json_object_new_uint64(fs->thaws));
	output_json_add(object, "longest_freeze_ns",
			json_object_new_uint64(fs->longest_freeze_ns));
	output_json_add(object, "most_blocked", json_object_new_uint64(fs->most_blocked));
	output_json_add(object, "stall", json_stall(&fs->stall));
	json_object_array_add(shown->array, object);
	return 0;
}

static void show_filesystems(struct freezectl *ctl, struct observer *observer)
{
	static const char *const headers[] = { "FILESYSTEM", "TYPE", "SOURCE", "STATE", "FREEZES",
					       "LONGEST", "WAITS", "LONGEST WAIT", NULL };
	struct filesystems shown = {
		.table = table_new(headers),
		.array = ctl->out.json ? json_object_new_array() : NULL,
		.paths = { .mounts = &ctl->mounts },
		.observer = observer,
	};
	int r;

	r = observer_each_filesystem(observer, add_filesystem, &shown);
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL,
			     "cannot read the filesystems' counters: %s", strerror(-r));
	output_json_add(ctl->out.doc, "filesystems", shown.array);
	if (!shown.n) {
		table_free(shown.table);
		return;
	}
	fputc('\n', ctl->out.text);
	table_print(shown.table, ctl->out.text);
}

static void show_counters(struct freezectl *ctl, uint64_t skipped)
{
	struct observer *observer;
	struct fw_totals totals;
	int r;

	r = observer_open(&observer);
	if (r) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, NULL, "%s", observer_why(r));
		return;
	}
	r = observer_totals(observer, &totals);
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "cannot read the totals: %s",
			     strerror(-r));
	else
		show_totals(ctl, &totals, skipped);
	show_filesystems(ctl, observer);
	observer_close(observer);
}

static void show_loaded(struct freezectl *ctl, const struct observer_info *info)
{
	char loaded[TIMEFMT_TEXT_MAX], counting[TIMEFMT_TEXT_MAX];
	struct json_object *doc = ctl->out.doc;
	struct clocks clocks = timefmt_now();

	fprintf(ctl->out.text, "loaded since %s by freezectl %s, counting since %s\n\n",
		info->loaded_ns ? timefmt_text(&clocks, info->loaded_ns, loaded) : "?",
		*info->version ? info->version : "?",
		info->counting_ns ? timefmt_text(&clocks, info->counting_ns, counting) : "?");
	output_json_add(doc, "version", output_json_string(info->version));
	output_json_add(doc, "same_build", json_object_new_boolean(info->same_build));
	output_json_time(doc, "loaded", info->loaded_ns, &clocks);
	output_json_time(doc, "counting", info->counting_ns, &clocks);
	if (!info->same_build)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "the loaded programs are not those of this freezectl; to replace them: freezectl observer load");
	show_points(ctl, info);
	show_counters(ctl, info->skipped);
}

void observer_show(struct freezectl *ctl)
{
	struct observer_info info;
	int r;

	r = observer_info_read(&info);
	if (r) {
		if (r == -EPERM)
			findings_add(&ctl->findings, EXIT_CODE_USAGE, NULL, "%s", observer_why(r));
		else
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, OBSERVER_DIR,
				     "the observer's parts cannot be read: %s", strerror(-r));
		return;
	}
	output_json_add(ctl->out.doc, "loaded", json_object_new_boolean(info.loaded));
	if (info.unfinished)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "the observer is being loaded, or a load was killed; to clean up: freezectl observer load");
	if (info.loaded)
		show_loaded(ctl, &info);
	else
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, NULL, "%s", observer_why(-ENOENT));
	observer_info_clear(&info);
}
