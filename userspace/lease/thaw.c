// SPDX-License-Identifier: GPL-2.0-only
/*
 * thaw: ending leases. A lease is asked to end, its release is waited for within a bound, and what
 * the kernel then says of it is the answer. Only what freezeguard froze is ever thawed.
 */
#include <errno.h>
#include <string.h>

#include "lease/thaw.h"
#include "show/lease.h"

/* How long a thaw waits for the writers after the release, to report how long they had waited. */
#define STALLS_WAIT_MS	200

/**
 * thaw_request() - ask the kernel to end a lease
 * @ctl: connected; gets a finding if that is refused
 * @thaw: @number or @id says which
 *
 * Return: whether there is such a lease; thaw_finish() then tells how it went.
 */
bool thaw_request(struct freezectl *ctl, struct thaw *thaw)
{
	char number[32];
	const char *target = thaw->id;
	int r;

	if (!target) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)thaw->number);
		target = number;
	}
	r = freezeguard_lease_end(ctl->fg, thaw->number, thaw->id, &thaw->lease);
	thaw->asked = r ? VERDICT_LATE : VERDICT_WON;
	if (r == -EALREADY)
		r = freezeguard_lease_get(ctl->fg, thaw->number, thaw->id, &thaw->lease);
	if (r == -ENOENT)
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, target,
			     "no lease has that id, neither a live one nor one in the history: nothing was frozen under it, or the module has forgotten it; freezectl status --history lists all");
	else if (r)
		freezectl_refused(ctl, target, EXIT_CODE_THAW_FAILED);
	if (r)
		return false;
	thaw->number = thaw->lease.number;
	thaw->requested = true;
	return true;
}

static void show(struct freezectl *ctl, const struct freezeguard_lease *lease)
{
	char frozen[TIMEFMT_TEXT_MAX], release[TIMEFMT_TEXT_MAX];

	fprintf(ctl->out.text,
		"lease %s: thawed; was frozen for %s, released %s after the request; continuity %s\n",
		lease->id, timefmt_span(lease->frozen_ns, lease->ended_ns, frozen),
		timefmt_span(lease->ended_ns, lease->released_ns, release),
		freezeguard_continuity_name(lease->continuity));
}

static void show_stalls(struct freezectl *ctl, const struct thaw *thaw)
{
	char text[OBSERVED_TEXT_MAX];

	if (thaw->stalls_known)
		fprintf(ctl->out.text, "lease %s: %s\n", thaw->lease.id,
			observed_stalls_text(&thaw->stalls, text));
	else if (!ctl->stalls_unknown_said)
		fprintf(ctl->out.text,
			"how long writers waited is unknown without the observer; to load it: %s\n",
			OBSERVED_HOW);
	ctl->stalls_unknown_said = !thaw->stalls_known;
}

/**
 * thaw_finish() - wait for the release of a lease, and tell how it went
 * @ctl: connected; gets findings, and the lease in its output
 * @thaw: requested
 * @until_ns: how long to wait, CLOCK_BOOTTIME
 * @wait_ms: the bound that a release stays within if nothing is wrong
 *
 * Return: whether this request thawed all of it and it had been frozen without a gap.
 */
bool thaw_finish(struct freezectl *ctl, struct thaw *thaw, uint64_t until_ns, uint64_t wait_ms)
{
	struct verdict_context context = {
		.paths.mounts = &ctl->mounts,
		.observer = freezectl_observer(ctl),
		.wait_ms = wait_ms,
		.require_continuity = thaw->require_continuity,
	};
	uint64_t stalls_until;
	bool good;
	int r;

	r = freezeguard_lease_wait(ctl->fg, thaw->number, NULL, NULL, until_ns,
				   &thaw->lease);
	if (r && r != -ETIMEDOUT) {
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, thaw->lease.id,
			     "the thaw was requested, but its result is unknown: %s; to check: freezectl status --id %s",
			     freezeguard_error(ctl->fg), thaw->lease.id);
		return false;
	}
	context.clocks = timefmt_now();
	good = verdict_thaw(&thaw->lease, thaw->asked, &context, &ctl->findings);
	if (good)
		show(ctl, &thaw->lease);
	if (freezeguard_lease_is_live(&thaw->lease))
		return good;
	stalls_until = freezectl_in_ms(STALLS_WAIT_MS);
	thaw->stalls_known = observed_stalls(context.observer, &thaw->lease,
					     stalls_until < until_ns ? stalls_until : until_ns,
					     &thaw->stalls);
	if (good || thaw->stalls_known)
		show_stalls(ctl, thaw);
	return good;
}

/**
 * thaw_json() - a lease that was ended, with how writers had waited
 * @thaw: finished
 * @paths: for the paths of its filesystems
 *
 * Return: the object; NULL (JSON's null) if there is no memory.
 */
struct json_object *thaw_json(const struct thaw *thaw, const struct paths *paths)
{
	struct clocks clocks = timefmt_now();
	struct json_object *object = show_lease_json(&thaw->lease, paths, &clocks);
	const struct observed_stalls *stalls = &thaw->stalls;
	bool some = thaw->stalls_known && (stalls->known || stalls->waited);

	output_json_add(object, "writers_waited",
			some ? json_object_new_uint64(stalls->waited) : NULL);
	output_json_add(object, "writers_waiting",
			some ? json_object_new_uint64(stalls->waiting) : NULL);
	output_json_add(object, "longest_stall_ns",
			some ? json_object_new_uint64(stalls->longest_ns) : NULL);
	output_json_add(object, "stalls", output_json_string(!some ? "unknown" : stalls->known ?
							     "complete" : "at-least"));
	return object;
}

/** thaw_document() - thaw_json() as the only one of the document's "leases" */
void thaw_document(struct freezectl *ctl, const struct thaw *thaw, const struct paths *paths)
{
	struct json_object *array;

	if (!ctl->out.json)
		return;
	array = json_object_new_array();
	if (array)
		json_object_array_add(array, thaw_json(thaw, paths));
	output_json_add(ctl->out.doc, "leases", array);
}

/**
 * thaw_late() - tell how a lease of the history ended; nothing is asked of the kernel
 * @ctl: gets findings
 * @lease: the lease
 * @wait_ms: as for thaw_finish()
 */
void thaw_late(struct freezectl *ctl, const struct freezeguard_lease *lease, uint64_t wait_ms)
{
	struct verdict_context context = {
		.clocks = timefmt_now(),
		.paths.mounts = &ctl->mounts,
		.observer = freezectl_observer(ctl),
		.wait_ms = wait_ms,
	};

	verdict_thaw(lease, VERDICT_LATE, &context, &ctl->findings);
}
