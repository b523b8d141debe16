// SPDX-License-Identifier: GPL-2.0-only
/* metrics_read: asks module, observer and mount table for what the figures are made from */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show/blocked.h"
#include "show/metrics.h"
#include "plan/plan.h"

/* Without the observer: by kernel stacks. To look at every task is worth it only if one may wait. */
static long count_blocked(bool something_frozen)
{
	struct blocked blocked;
	long n = 0;

	if (!something_frozen)
		return 0;
	n = blocked_find(&blocked, "/proc") || !blocked.readable ? -1 : (long)blocked.n;
	blocked_free(&blocked);
	return n;
}

/* Without the module the freeze state of a filesystem cannot be queried. */
static bool survey(struct freezectl *ctl, const struct plan *plan, struct metrics_source *source)
{
	struct freezeguard_fs *filesystems = calloc(plan->n + 1, sizeof(*filesystems));
	const char **sources = calloc(plan->n + 1, sizeof(*sources));
	bool something_frozen = false;
	size_t i;

	source->filesystems = filesystems;
	source->sources = sources;
	for (i = 0; filesystems && sources && i < plan->n; i++) {
		struct freezeguard_fs *fs = &filesystems[source->n_filesystems];

		if (plan->v[i].fd < 0)
			continue;
		if (freezeguard_fs_get(ctl->fg, plan->v[i].fd, fs)) {
			freezectl_refused(ctl, plan->v[i].path, EXIT_CODE_SYSTEM);
			continue;
		}
		something_frozen = something_frozen || fs->state != FREEZEGUARD_FS_STATE_UNFROZEN;
		sources[source->n_filesystems++] = plan->v[i].source;
	}
	return something_frozen;
}

/**
 * metrics() - put all figures into the output
 * @ctl: the call; gets findings. That the module isn't loaded is none: freezeguard_up says so.
 */
void metrics(struct freezectl *ctl)
{
	const struct plan_request request = { .survey = true };
	struct freezeguard_lease_list leases = { 0 };
	struct metrics_source source = { .ended = METRICS_ENDED, .n_blocked = -1 };
	struct findings unreadable = { 0 };
	struct plan plan = { 0 };
	int r;

	r = freezeguard_open(&ctl->fg);
	if (!r && !(r = freezeguard_lease_dump(ctl->fg, &leases)))
		source.leases = &leases;
	else if (r != -ENOENT && r != -EPROTONOSUPPORT && r != -EAFNOSUPPORT)
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
	source.observer = freezectl_observer(ctl);
	if (!source.observer && ctl->observer_error == -EPERM)
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "observer", "%s",
			     observer_why(ctl->observer_error));
	if (source.leases) {
		bool frozen;

		plan_make(&plan, &request, &unreadable);
		frozen = survey(ctl, &plan, &source);
		if (!source.observer)
			source.n_blocked = count_blocked(frozen);
	}
	r = metrics_print(ctl->out.text, &source);
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, "observer",
			     "what it knows could not be read: %s", strerror(-r));
	free((void *)source.filesystems);
	free((void *)source.sources);
	findings_free(&unreadable);
	plan_free(&plan);
	freezeguard_lease_list_clear(&leases);
}
