// SPDX-License-Identifier: GPL-2.0-only
/* plan: a plan as a table or as JSON, for plan and for dlm dry-run */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/text.h"
#include "show/plan.h"
#include "show/table.h"

/* Writers that wait for longer than that are taken for hung; some machines panic then. */
static void warn_of_panic(struct freezectl *ctl, uint32_t timeout_ms)
{
	char text[DURATION_TEXT_MAX];
	unsigned long secs, panics;

	if (!text_read_number("/proc/sys/kernel/hung_task_timeout_secs", &secs) || !secs ||
	    !text_read_number("/proc/sys/kernel/hung_task_panic", &panics) || !panics ||
	    timeout_ms <= secs * 1000)
		return;
	findings_add(&ctl->findings, EXIT_CODE_DONE, "kernel.hung_task_panic",
		     "is set: this machine panics when a writer waits for longer than %lus, and the timeout is %s; use a shorter --timeout, or set kernel.hung_task_panic=0",
		     secs, duration_format(timeout_ms, text, sizeof(text)));
}

/* There the interrupts of disks are threads, which real-time tasks can keep from running. */
static void warn_of_realtime(struct freezectl *ctl)
{
	unsigned long realtime;

	if (!text_read_number("/sys/kernel/realtime", &realtime) || !realtime)
		return;
	findings_add(&ctl->findings, EXIT_CODE_DONE, "/sys/kernel/realtime",
		     "this kernel is PREEMPT_RT: SCHED_FIFO tasks above the priority of a disk's interrupt thread (50) delay the thaw of its filesystems while they occupy every CPU");
}

/* Is the filesystem's block device one that can be suspended? */
static bool can_be_suspended(const struct plan_target *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm", t->major, t->minor);
	return !access(path, F_OK);
}

/* What becomes of an LVM snapshot, or of any other suspend of a device, inside the lease. */
static void tell_of_suspends(struct freezectl *ctl, const struct plan *plan,
			     struct json_object *array)
{
	struct freezeguard_fs fs;
	size_t i;

	for (i = 0; i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];

		if (t->fd < 0 || !ctl->fg || freezeguard_fs_get(ctl->fg, t->fd, &fs))
			continue;
		if (array)
			output_json_add(json_object_array_get_idx(array, i), "suspend",
					output_json_string(freezeguard_suspend_name(fs.suspend)));
		if (!can_be_suspended(t))
			continue;
		if (fs.suspend == FREEZEGUARD_SUSPEND_REFUSED)
			findings_add(&ctl->findings, EXIT_CODE_DONE, t->path,
				     "while it is frozen, a suspend of its device, and so an LVM snapshot, fails with EBUSY on this kernel; take LVM snapshots without freezectl, since LVM freezes the filesystem itself");
		else if (fs.suspend == FREEZEGUARD_SUSPEND_SPOILS)
			findings_add(&ctl->findings, EXIT_CODE_DONE, t->path,
				     "while it is frozen, its device must not be suspended, and no LVM snapshot taken: on this kernel later suspends would no longer freeze it; take LVM snapshots without freezectl, since LVM freezes the filesystem itself");
	}
}

/* Many of these say one thing: read-only images, and overlays, whose files are elsewhere. */
static bool is_alike(const struct plan_target *a, const struct plan_target *b)
{
	return a->skip && b->skip && !strcmp(a->skip, b->skip) && !strcmp(a->fstype, b->fstype) &&
	       (a->read_only || !strcmp(a->fstype, "overlay"));
}

/**
 * show_plan_name() - what to call a filesystem of a plan in a list for people
 * @plan: the plan
 * @i: which
 * @buf: gets "/data", or "/snap/core22/1033 and 14 more" for those of one kind that are left out for
 *	the same reason
 *
 * Return: whether it is in the list, and not among those of an earlier line.
 */
bool show_plan_name(const struct plan *plan, size_t i, char buf[SHOW_PLAN_NAME_MAX])
{
	size_t k, n = 0;

	for (k = 0; k < plan->n; k++) {
		if (k == i || !is_alike(&plan->v[k], &plan->v[i]))
			continue;
		if (k < i)
			return false;
		n++;
	}
	if (n)
		snprintf(buf, SHOW_PLAN_NAME_MAX, "%s and %zu more", plan->v[i].path, n);
	else
		snprintf(buf, SHOW_PLAN_NAME_MAX, "%s", plan->v[i].path);
	return true;
}

/**
 * show_plan_json() - a plan as a JSON array
 * @plan: the plan
 *
 * Return: the array; NULL (JSON's null) if there is no memory.
 */
struct json_object *show_plan_json(const struct plan *plan)
{
	struct json_object *array = json_object_new_array(), *object, *mountpoints;
	size_t i, k;

	for (i = 0; array && i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];

		object = json_object_new_object();
		mountpoints = json_object_new_array();
		output_json_add(object, "path", output_json_string(t->path));
		output_json_add(object, "major", json_object_new_int64(t->major));
		output_json_add(object, "minor", json_object_new_int64(t->minor));
		output_json_add(object, "fstype", output_json_string(t->fstype));
		output_json_add(object, "source", output_json_string(t->source));
		for (k = 0; mountpoints && k < t->n_mountpoints; k++)
			json_object_array_add(mountpoints, output_json_string(t->mountpoints[k]));
		output_json_add(object, "mountpoints", mountpoints);
		output_json_add(object, "named", json_object_new_boolean(t->named));
		output_json_add(object, "read_only", json_object_new_boolean(t->read_only));
		output_json_add(object, "freeze", json_object_new_boolean(!t->skip));
		output_json_add(object, "level",
				t->skip ? NULL : json_object_new_int64(t->level));
		output_json_add(object, "why_not", t->skip ? output_json_string(t->skip) : NULL);
		json_object_array_add(array, object);
	}
	return array;
}

/**
 * show_plan() - put a plan into the output, and warn of its timeout
 * @ctl: the call
 * @plan: the plan
 * @timeout_ms: of the lease that is planned
 */
void show_plan(struct freezectl *ctl, const struct plan *plan, uint32_t timeout_ms)
{
	static const char *const headers[] = { "FILESYSTEM", "TYPE", "SOURCE", "DEVICE", "LEVEL",
					       "FREEZE", "WHY NOT", NULL };
	struct table *table;
	struct json_object *array;
	char device[32], level[16], name[SHOW_PLAN_NAME_MAX];
	size_t i;

	warn_of_realtime(ctl);
	warn_of_panic(ctl, timeout_ms);
	if (ctl->out.json) {
		array = show_plan_json(plan);
		tell_of_suspends(ctl, plan, array);
		output_json_add(ctl->out.doc, "filesystems", array);
		output_json_add(ctl->out.doc, "timeout_ms", json_object_new_int64(timeout_ms));
		return;
	}
	if (!plan->n)
		return;
	tell_of_suspends(ctl, plan, NULL);
	table = table_new(headers);
	for (i = 0; i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];

		if (!show_plan_name(plan, i, name))
			continue;
		snprintf(device, sizeof(device), "%u:%u", t->major, t->minor);
		snprintf(level, sizeof(level), "%u", t->level);
		table_row(table, (const char *[]) { name, t->fstype, t->source, device,
						     t->skip ? "-" : level, t->skip ? "no" : "yes",
						     t->skip ? t->skip : "-" });
	}
	table_print(table, ctl->out.text);
}
