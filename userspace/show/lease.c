// SPDX-License-Identifier: GPL-2.0-only
/* lease: a lease and its filesystems, as a table and as JSON */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/lease.h"
#include "show/process.h"
#include "show/table.h"

static void add_error(struct json_object *object, uint32_t error)
{
	const char *name = error ? strerrorname_np((int)error) : NULL;

	output_json_add(object, "error", error ? json_object_new_int64(error) : NULL);
	output_json_add(object, "error_name", name ? output_json_string(name) : NULL);
}

/**
 * show_continuity() - were the superblocks frozen without a gap, as far as that is decided?
 * @continuity: enum freezeguard_continuity
 * @live: they are not all released. The module decides at the thaw, and a gap is the only thing that
 *	it can know earlier.
 *
 * Return: the spec's word; NULL while nothing is decided.
 */
const char *show_continuity(uint32_t continuity, bool live)
{
	return live && continuity == FREEZEGUARD_CONTINUITY_UNKNOWN ? NULL :
	       freezeguard_continuity_name(continuity);
}

static const char *hold_continuity(const struct freezeguard_hold *hold)
{
	return show_continuity(hold->continuity, hold->state != FREEZEGUARD_HOLD_STATE_RELEASED);
}

static struct json_object *hold_json(const struct freezeguard_hold *hold,
				     const struct paths *paths, const struct clocks *clocks)
{
	const char *path = paths_path(paths, hold->major, hold->minor);
	struct json_object *object = json_object_new_object();
	const char *continuity = hold_continuity(hold);

	output_json_add(object, "path", path ? output_json_string(path) : NULL);
	output_json_add(object, "major", json_object_new_int64(hold->major));
	output_json_add(object, "minor", json_object_new_int64(hold->minor));
	output_json_add(object, "fstype", output_json_string(hold->fstype));
	output_json_add(object, "name", output_json_string(hold->name));
	output_json_add(object, "level", json_object_new_int64(hold->level));
	output_json_add(object, "state",
			output_json_string(freezeguard_hold_state_name(hold->state)));
	add_error(object, hold->error);
	output_json_add(object, "thaw_failures", json_object_new_int64(hold->thaw_failures));
	output_json_add(object, "continuity", continuity ? output_json_string(continuity) : NULL);
	output_json_add(object, "still_frozen", json_object_new_boolean(hold->still_frozen));
	output_json_add(object, "turned_read_only",
			json_object_new_boolean(hold->turned_read_only));
	output_json_add(object, "class", hold->class ?
			output_json_string(freezeguard_class_name(hold->class)) : NULL);
	output_json_time(object, "freeze_begin", hold->freeze_begin_ns, clocks);
	output_json_time(object, "frozen", hold->frozen_ns, clocks);
	output_json_time(object, "released", hold->released_ns, clocks);
	return object;
}

/**
 * show_lease_json() - a lease as a JSON object
 * @lease: the lease
 * @paths: for the paths of its filesystems
 * @clocks: now
 *
 * Return: the object; NULL (JSON's null) if there is no memory.
 */
struct json_object *show_lease_json(const struct freezeguard_lease *lease,
				    const struct paths *paths, const struct clocks *clocks)
{
	struct json_object *object = json_object_new_object(), *holds = json_object_new_array();
	bool live = freezeguard_lease_is_live(lease);
	const char *continuity = show_continuity(lease->continuity, live);
	size_t i;

	output_json_add(object, "id", output_json_string(lease->id));
	output_json_add(object, "number", json_object_new_uint64(lease->number));
	output_json_add(object, "state",
			output_json_string(freezeguard_lease_state_name(lease->state)));
	output_json_add(object, "live", json_object_new_boolean(live));
	output_json_add(object, "cause", output_json_string(freezeguard_cause_name(lease->cause)));
	add_error(object, lease->error);
	output_json_add(object, "bound", json_object_new_boolean(lease->bound));
	output_json_add(object, "continuity", continuity ? output_json_string(continuity) : NULL);
	output_json_time(object, "begin", lease->begin_ns, clocks);
	output_json_time(object, "frozen", lease->frozen_ns, clocks);
	output_json_time(object, "deadline", lease->deadline_ns, clocks);
	output_json_time(object, "ended", lease->ended_ns, clocks);
	output_json_time(object, "released", lease->released_ns, clocks);
	output_json_add(object, "owner", show_process_json(lease->owner_pid, lease->owner_comm));
	output_json_add(object, "ender", show_process_json(lease->ender_pid, lease->ender_comm));
	output_json_add(object, "n_filesystems", json_object_new_int64(lease->n_superblocks));
	output_json_add(object, "n_live", json_object_new_int64(lease->n_live));
	for (i = 0; holds && i < lease->n_holds; i++)
		json_object_array_add(holds, hold_json(&lease->holds[i], paths, clocks));
	output_json_add(object, "filesystems", holds);
	return object;
}

/**
 * show_lease_document() - put a lease into the document, as the only one of "leases"
 * @out: the output; without JSON nothing is done
 * @lease: the lease
 * @paths: for the paths of its filesystems
 * @clocks: now
 */
void show_lease_document(struct output *out, const struct freezeguard_lease *lease,
			 const struct paths *paths, const struct clocks *clocks)
{
	struct json_object *array;

	if (!out->json)
		return;
	array = json_object_new_array();
	if (array)
		json_object_array_add(array, show_lease_json(lease, paths, clocks));
	output_json_add(out->doc, "leases", array);
}

/**
 * show_lease_table() - the filesystems of a lease as a text table
 * @out: where to
 * @lease: the lease
 * @paths: for their paths
 */
void show_lease_table(struct output *out, const struct freezeguard_lease *lease,
		      const struct paths *paths)
{
	static const char *const headers[] = { "FILESYSTEM", "TYPE", "DEVICE", "LEVEL", "STATE",
					       "CONTINUITY", "CLASS", "ERROR", NULL };
	struct table *table = table_new(headers);
	char place[PATHS_TEXT_MAX], device[32], level[16], error[64];
	size_t i;

	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];
		const char *name = hold->error ? strerrorname_np((int)hold->error) : NULL;
		const char *continuity = hold_continuity(hold);

		snprintf(device, sizeof(device), "%u:%u", hold->major, hold->minor);
		snprintf(level, sizeof(level), "%u", hold->level);
		if (hold->thaw_failures)
			snprintf(error, sizeof(error), "%s, %u failed thaws", name ? name : "?",
				 hold->thaw_failures);
		else
			snprintf(error, sizeof(error), "%s", name ? name : "-");
		table_row(table, (const char *[]) {
			paths_hold(paths, hold, place), hold->fstype, device, level,
			hold->still_frozen ? "released, frozen by others" :
			hold->turned_read_only ? "released, read-only now" :
			freezeguard_hold_state_name(hold->state),
			continuity ? continuity : "-",
			hold->class ? freezeguard_class_name(hold->class) : "-", error });
	}
	table_print(table, out->text);
}

/**
 * show_rehearse() - go once through everything that will be printed about a plan, to nowhere
 * @plan: the plan
 * @json: whether it will be JSON
 *
 * What the libraries load or allocate on their first use (character set conversion, the time zone)
 * is loaded then, before anything is frozen.
 */
void show_rehearse(const struct plan *plan, bool json)
{
	const struct paths paths = { .plan = plan };
	struct clocks clocks = timefmt_now();
	struct freezeguard_lease lease = {
		.id = "rehearsal", .begin_ns = clocks.now_ns, .frozen_ns = clocks.now_ns,
		.deadline_ns = clocks.now_ns,
	};
	struct findings findings = { 0 };
	struct json_object *object;
	struct output out;
	char *text = NULL;
	size_t i, size;
	FILE *file;

	if (output_open(&out, true, "rehearsal"))
		return;
	lease.holds = calloc(plan->n + 1, sizeof(*lease.holds));
	for (i = 0; lease.holds && i < plan->n; i++) {
		lease.holds[i].major = plan->v[i].major;
		lease.holds[i].minor = plan->v[i].minor;
		lease.holds[i].error = EIO;
	}
	lease.n_holds = lease.holds ? plan->n : 0;
	if (json) {
		object = show_lease_json(&lease, &paths, &clocks);
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);
		json_object_put(object);
	} else {
		show_lease_table(&out, &lease, &paths);
	}
	findings_add(&findings, EXIT_CODE_DONE, "rehearsal", "%s: %s", strerror(EIO), "rehearsal");
	file = open_memstream(&text, &size);
	if (file) {
		for (i = 0; i < findings.n; i++)
			output_finding(file, &findings.v[i]);
		fclose(file);
	}
	free(text);
	findings_free(&findings);
	freezeguard_lease_clear(&lease);
	output_close(&out);
}
