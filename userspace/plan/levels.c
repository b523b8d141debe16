// SPDX-License-Identifier: GPL-2.0-only
/*
 * levels: in which order stacked filesystems freeze.
 *
 * Every target that lies below another one freezes after it; what lies between them needn't be a
 * target. If something below a target can't be found, all targets that may hold it freeze after it,
 * as long as that makes no circle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "plan/below.h"
#include "plan/levels.h"

struct walk {
	struct plan *plan;
	const struct machine *machine;
	struct findings *f;
	/* below[t * n + u]: target u is below target t, and freezes after it; maybe[]: it may be */
	bool *below, *maybe;
};

static bool *below(const struct walk *w, size_t t, size_t u)
{
	return &w->below[t * w->plan->n + u];
}

static bool *maybe_below(const struct walk *w, size_t t, size_t u)
{
	return &w->maybe[t * w->plan->n + u];
}

/* Find all that lies below a target */
static int walk_down(struct walk *w, struct below *b, size_t t)
{
	const struct plan_target *target = &w->plan->v[t], *other;
	int ret = below_find(b, target->major, target->minor);
	size_t u;

	for (u = 0; !ret && u < w->plan->n; u++) {
		other = &w->plan->v[u];
		if (u != t && !other->skip && below_has(b, other->major, other->minor))
			*below(w, t, u) = true;
	}
	if (ret || b->lost == BELOW_LOST_NOTHING)
		return ret;
	findings_add(w->f, EXIT_CODE_DONE, target->path,
		     "lies on %s; if that filesystem is frozen too, %s must freeze first",
		     b->what, target->path);
	for (u = 0; u < w->plan->n; u++) {
		other = &w->plan->v[u];
		if (u != t && !other->skip && below_may_have(b, other))
			*maybe_below(w, t, u) = true;
	}
	return 0;
}

/* Whatever is above t (or is t) is above u and all below u too */
static void put_below(struct walk *w, size_t t, size_t u)
{
	size_t n = w->plan->n, a, b;

	for (a = 0; a < n; a++) {
		if (a != t && !*below(w, a, t))
			continue;
		for (b = 0; b < n; b++)
			if (b == u || *below(w, u, b))
				*below(w, a, b) = true;
	}
}

/* What was lost is below whatever may hold it, as long as that makes no circle */
static void assume_lost(struct walk *w)
{
	size_t t, u;

	for (t = 0; t < w->plan->n; t++)
		for (u = 0; u < w->plan->n; u++)
			if (*maybe_below(w, t, u) && !*below(w, u, t))
				put_below(w, t, u);
}

/* The length of the longest chain above each; without a circle it can't grow longer than n - 1 */
static int count_levels(struct walk *w)
{
	size_t n = w->plan->n, round, t, u;
	bool changed = true;

	for (round = 0; changed; round++) {
		changed = false;
		if (round > n)
			return -ELOOP;
		for (t = 0; t < n; t++) {
			for (u = 0; u < n; u++) {
				if (!*below(w, t, u) ||
				    w->plan->v[u].level > w->plan->v[t].level)
					continue;
				w->plan->v[u].level = w->plan->v[t].level + 1;
				changed = true;
			}
		}
	}
	return 0;
}

/* Without sysfs all would freeze at once, and one that lies in a file of another could hang. */
static int warn_of_no_sysfs(const struct walk *w)
{
	char *devices = text_format("%s/dev/block", w->machine->sysfs);

	if (!devices)
		return -ENOMEM;
	if (plan_n_to_freeze(w->plan) > 1 && access(devices, F_OK))
		findings_add(w->f, EXIT_CODE_DONE, devices,
			     "cannot be read: %s; a filesystem that lies in a file on another must freeze first, and which ones do is unknown",
			     strerror(errno));
	free(devices);
	return 0;
}

int levels_assign(struct plan *plan, const struct mounts *m, const struct machine *machine,
		  struct findings *f)
{
	struct walk w = { .plan = plan, .machine = machine, .f = f };
	struct below b = { .plan = plan, .mounts = m, .machine = machine };
	size_t i;
	int ret;

	for (i = 0; i < plan->n; i++)
		plan->v[i].level = 0;
	w.below = calloc(plan->n * plan->n + 1, sizeof(*w.below));
	w.maybe = calloc(plan->n * plan->n + 1, sizeof(*w.maybe));
	ret = w.below && w.maybe ? 0 : -ENOMEM;
	for (i = 0; !ret && i < plan->n; i++)
		if (!plan->v[i].skip)
			ret = walk_down(&w, &b, i);
	if (!ret)
		ret = warn_of_no_sysfs(&w);
	if (!ret) {
		assume_lost(&w);
		ret = count_levels(&w);
	}
	if (ret == -ELOOP)
		findings_add(f, EXIT_CODE_SYSTEM, NULL,
			     "the filesystems to freeze lie on each other in a circle, so no order to freeze them exists");
	else if (ret)
		findings_add(f, EXIT_CODE_SYSTEM, NULL,
			     "cannot find the order to freeze in: %s", strerror(-ret));
	below_free(&b);
	free(w.maybe);
	free(w.below);
	return ret;
}
