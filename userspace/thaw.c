// SPDX-License-Identifier: GPL-2.0-only
/*
 * thaw: ending leases. A lease is asked to end, its release is waited for within a bound, and what
 * the kernel then says of it is the answer. Only what freezeguard froze is ever thawed.
 */
#include <errno.h>
#include <string.h>

#include "thaw.h"

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
			     "there is no lease of that name, neither a live one nor in the "
			     "history: nothing was frozen under it, or it is long ago; freezectl "
			     "status --history lists all");
	else if (r)
		freezectl_refused(ctl, target, EXIT_CODE_THAW_FAILED);
	if (r)
		return false;
	thaw->number = thaw->lease.number;
	thaw->requested = true;
	return true;
}

static bool is_released(const struct freezeguard_lease *lease, void *arg)
{
	(void)arg;
	return !freezeguard_lease_is_live(lease);
}

/**
 * thaw_show() - put how a lease ended into the text
 * @ctl: the call
 * @lease: thawed
 */
void thaw_show(struct freezectl *ctl, const struct freezeguard_lease *lease)
{
	char frozen[WHEN_TEXT_MAX], release[WHEN_TEXT_MAX];

	fprintf(ctl->out.text,
		"lease %s: thawed; was frozen for %s, released %s after the request; "
		"continuity %s\n",
		lease->id, when_span(lease->frozen_ns, lease->ended_ns, frozen),
		when_span(lease->ended_ns, lease->released_ns, release),
		freezeguard_continuity_name(lease->continuity));
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
		.places.mounts = freezectl_mounts(ctl),
		.wait_ms = wait_ms,
	};
	bool good;
	int r;

	r = freezeguard_lease_wait(ctl->fg, thaw->number, is_released, NULL, until_ns,
				   &thaw->lease);
	if (r && r != -ETIMEDOUT) {
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, thaw->lease.id,
			     "its end was asked for, and how that went is not known: %s",
			     freezeguard_error(ctl->fg));
		return false;
	}
	context.when = when_now();
	good = verdict_thaw(&thaw->lease, thaw->asked, &context, &ctl->findings);
	if (good)
		thaw_show(ctl, &thaw->lease);
	return good;
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
		.when = when_now(),
		.places.mounts = freezectl_mounts(ctl),
		.wait_ms = wait_ms,
	};

	verdict_thaw(lease, VERDICT_LATE, &context, &ctl->findings);
}
