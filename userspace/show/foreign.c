// SPDX-License-Identifier: GPL-2.0-only
/*
 * foreign: freezes that are not freezeguard's, and writers that wait for a frozen filesystem, as
 * the observer knows them. Without one, writers are found by their kernel stacks, and of foreign
 * freezes only that they are is known.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "observer/observed.h"
#include "show/blocked.h"
#include "show/foreign.h"
#include "show/process.h"
#include "show/table.h"

/** foreign_of_add() - one superblock more; without memory, all of them */
void foreign_of_add(struct foreign_of *of, uint32_t major, uint32_t minor)
{
	struct fw_device *device = APPEND(of->v, of->n);

	if (device)
		*device = (struct fw_device) { .major = major, .minor = minor };
	else
		of->all = true;
}

static bool is_of(const struct foreign_of *of, uint32_t major, uint32_t minor)
{
	size_t i;

	for (i = 0; i < of->n; i++)
		if (of->v[i].major == major && of->v[i].minor == minor)
			return true;
	return of->all;
}

/* What is collected while a map is walked. */
struct list {
	const struct paths *paths;
	const struct clocks *clocks;
	const struct foreign_of *of;
	struct observer *observer;
	struct table *table;
	struct json_object *array;
	size_t n;
};

static void process_cell(const struct fw_process *by, char *pid, size_t size, char uid[16])
{
	if (by->pid)
		snprintf(pid, size, "%u (%.*s)", by->pid, FW_COMM_LEN, by->comm);
	else
		snprintf(pid, size, "not known");
	snprintf(uid, 16, by->pid ? "%u" : "-", by->uid);
}

static struct json_object *place_json(const struct paths *paths, uint32_t major, uint32_t minor)
{
	const char *path = paths_path(paths, major, minor);
	struct json_object *object = json_object_new_object();

	output_json_add(object, "path", path ? output_json_string(path) : NULL);
	output_json_add(object, "major", json_object_new_int64(major));
	output_json_add(object, "minor", json_object_new_int64(minor));
	return object;
}

static struct json_object *foreign_json(const struct list *list, dev_t dev,
					const struct fw_frozen *frozen)
{
	struct json_object *object = place_json(list->paths, major(dev), minor(dev));

	output_json_add(object, "fstype", output_json_string(frozen->filesystem));
	output_json_add(object, "source", output_json_string(frozen->source));
	output_json_add(object, "state", output_json_string(frozen->state == FW_STATE_FROZEN ?
							    "frozen" : "freezing"));
	output_json_add(object, "phase", output_json_string(observed_phase_name(frozen->phase)));
	output_json_add(object, "origin",
			output_json_string(observed_origin_name(observed_freeze_origin(frozen))));
	output_json_add(object, "by", show_task_json(observed_freezer(frozen)));
	output_json_time(object, "since", observed_freeze_since(frozen), list->clocks);
	output_json_add(object, "before_observer",
			json_object_new_boolean(!observed_freezer(frozen)->pid));
	output_json_add(object, "nested", json_object_new_int64(frozen->nested));
	output_json_add(object, "blocked", json_object_new_uint64(frozen->blocked));
	return object;
}

static int add_foreign(dev_t dev, const struct fw_frozen *frozen, void *data)
{
	const struct fw_process *by = observed_freezer(frozen);
	struct list *list = data;
	char device[32], process[48], uid[16], since[TIMEFMT_TEXT_MAX], waiting[24];
	const char *path;

	if (!observed_is_foreign(frozen) || !is_of(list->of, major(dev), minor(dev)))
		return 0;
	list->n++;
	path = paths_path(list->paths, major(dev), minor(dev));
	snprintf(device, sizeof(device), "%u:%u", major(dev), minor(dev));
	process_cell(by, process, sizeof(process), uid);
	if (observed_freeze_since(frozen))
		timefmt_text(list->clocks, observed_freeze_since(frozen), since);
	else
		snprintf(since, sizeof(since), "%s", by->pid ? "not known" :
			 "before the observer was loaded");
	snprintf(waiting, sizeof(waiting), "%llu", (unsigned long long)frozen->blocked);
	table_row(list->table, (const char *[]) {
		path ? path : frozen->source, frozen->filesystem, device,
		frozen->state == FW_STATE_FROZEN ? "frozen" : "being frozen", process, uid,
		observed_origin(observed_freeze_origin(frozen)), since, waiting });
	if (list->array)
		json_object_array_add(list->array, foreign_json(list, dev, frozen));
	return 0;
}

static void begin_list(struct freezectl *ctl, struct list *list, const char *const *headers)
{
	list->table = table_new(headers);
	list->array = ctl->out.json ? json_object_new_array() : NULL;
	list->n = 0;
}

static void end_list(struct freezectl *ctl, struct list *list, const char *key)
{
	output_json_add(ctl->out.doc, key, list->array);
	if (list->n)
		table_print(list->table, ctl->out.text);
	else
		table_free(list->table);
}

static void show_foreign(struct freezectl *ctl, struct list *list)
{
	static const char *const headers[] = { "FROZEN BY OTHERS", "TYPE", "DEVICE", "STATE", "BY",
					       "USER", "ORIGIN", "SINCE", "WAITING", NULL };

	output_json_add(ctl->out.doc, "observer", json_object_new_boolean(!!list->observer));
	output_json_add(ctl->out.doc, "observer_missing", list->observer ? NULL :
			output_json_string(observer_why(ctl->observer_error)));
	if (!list->observer) {
		output_json_add(ctl->out.doc, "foreign", NULL);
		return;
	}
	begin_list(ctl, list, headers);
	if (observer_each_frozen(list->observer, add_foreign, list))
		findings_add(&ctl->findings, EXIT_CODE_DONE, "observer",
			     "what it knows of frozen filesystems could not be read completely");
	end_list(ctl, list, "foreign");
}

/* The same keys as without the observer, and more. */
static struct json_object *writer_json(uint32_t pid, uint32_t tid, const char *comm)
{
	struct json_object *object = json_object_new_object();

	output_json_add(object, "pid", json_object_new_int64(pid));
	output_json_add(object, "tid", json_object_new_int64(tid));
	output_json_add(object, "comm", output_json_string(comm));
	return object;
}

static int add_writer(uint32_t thread, const struct fw_writer *writer, void *data)
{
	const struct fw_device *device = &writer->device;
	struct list *list = data;
	char pid[16], tid[16], comm[FW_COMM_LEN + 1], place[32], since[TIMEFMT_TEXT_MAX];
	struct fw_frozen frozen;
	const char *path;
	struct json_object *object;

	if (!is_of(list->of, device->major, device->minor))
		return 0;
	list->n++;
	path = paths_path(list->paths, device->major, device->minor);
	snprintf(place, sizeof(place), "%u:%u", device->major, device->minor);
	if (!path && observer_frozen(list->observer, makedev(device->major, device->minor),
				     &frozen))
		path = frozen.source;
	snprintf(pid, sizeof(pid), "%u", writer->by.pid);
	snprintf(tid, sizeof(tid), "%u", thread);
	snprintf(comm, sizeof(comm), "%.*s", FW_COMM_LEN, writer->by.comm);
	if (writer->since_ns)
		timefmt_text(list->clocks, writer->since_ns, since);
	else
		snprintf(since, sizeof(since), "before the observer was loaded");
	table_row(list->table, (const char *[]) { pid, tid, comm, path ? path : place, since,
						   observed_phase_name(writer->phase) });
	if (!list->array)
		return 0;
	object = writer_json(writer->by.pid, thread, comm);
	output_json_add(object, "uid", json_object_new_int64(writer->by.uid));
	output_json_add(object, "filesystem",
			place_json(list->paths, device->major, device->minor));
	output_json_time(object, "since", writer->since_ns, list->clocks);
	output_json_add(object, "phase", output_json_string(observed_phase_name(writer->phase)));
	json_object_array_add(list->array, object);
	return 0;
}

static bool add_by_stacks(struct freezectl *ctl, struct list *list)
{
	struct blocked blocked;
	char pid[16], tid[16];
	bool known;
	size_t i;
	int r;

	r = blocked_find(&blocked, "/proc");
	known = !r && blocked.readable;
	if (!known)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "the tasks that wait for a frozen filesystem cannot be listed: kernel stacks in /proc are not readable (%s)",
			     r ? strerror(-r) :
				 "this needs root and a kernel with CONFIG_STACKTRACE");
	for (i = 0; i < blocked.n; i++) {
		snprintf(pid, sizeof(pid), "%d", blocked.v[i].pid);
		snprintf(tid, sizeof(tid), "%d", blocked.v[i].tid);
		table_row(list->table, (const char *[]) { pid, tid, blocked.v[i].comm,
							   "a frozen filesystem", "-", "-" });
		if (list->array)
			json_object_array_add(list->array,
					      writer_json((uint32_t)blocked.v[i].pid,
							  (uint32_t)blocked.v[i].tid,
							  blocked.v[i].comm));
	}
	list->n = blocked.n;
	blocked_free(&blocked);
	return known;
}

/* Of which filesystem they wait can't be told apart without the observer. */
static void show_blocked(struct freezectl *ctl, struct list *list)
{
	static const char *const headers[] = { "PID", "THREAD", "NAME", "WAITS FOR", "SINCE",
					       "STOPPED AT", NULL };
	bool known;

	begin_list(ctl, list, headers);
	if (list->observer)
		known = !observer_each_writer(list->observer, add_writer, list);
	else
		known = add_by_stacks(ctl, list);
	end_list(ctl, list, "blocked");
	output_json_add(ctl->out.doc, "blocked_known", json_object_new_boolean(known));
}

/* Without the observer: what is missing of it here. */
static void show_unknown(struct freezectl *ctl, const struct list *list)
{
	const char *const unknown[] = {
		list->of->foreign ? "which process froze what others froze" : NULL,
		list->n ? "which filesystem each task waits for" : NULL,
		list->of->all ? "what is frozen but not mounted here" : NULL,
	};
	const char *before = ". Unknown without it: ";
	bool some = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		if (!unknown[i])
			continue;
		fprintf(ctl->out.text, "%s%s%s", some ? "" : observer_why(ctl->observer_error),
			before, unknown[i]);
		before = "; ";
		some = true;
	}
	if (some)
		fputc('\n', ctl->out.text);
}

/**
 * foreign_show() - show what others have frozen, and who waits for a frozen filesystem
 * @ctl: the call
 * @paths: for paths
 * @clocks: now
 * @of: of which superblocks
 */
void foreign_show(struct freezectl *ctl, const struct paths *paths, const struct clocks *clocks,
		  const struct foreign_of *of)
{
	struct list list = { .paths = paths, .clocks = clocks, .of = of };

	list.observer = freezectl_observer(ctl);
	show_foreign(ctl, &list);
	/* To look at every task, without the observer, is worth it only if one may wait. */
	if (of->something_frozen || list.observer)
		show_blocked(ctl, &list);
	if (!list.observer)
		show_unknown(ctl, &list);
}
