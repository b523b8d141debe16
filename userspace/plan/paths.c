// SPDX-License-Identifier: GPL-2.0-only
/* places: what people call a superblock. The kernel knows device numbers, people know paths. */
#include <stdio.h>
#include <string.h>

#include "plan/paths.h"

/**
 * places_path() - where a superblock is mounted
 * @places: where to look
 * @major: its device number
 * @minor: its minor part
 *
 * Return: a path that belongs to @places, preferably of the whole filesystem and not of a part of
 * it; NULL if it is not mounted in this mount namespace.
 */
const char *places_path(const struct places *places, unsigned int major, unsigned int minor)
{
	const struct mount_entry *found = NULL;
	const struct mounts *mounts;
	size_t i;

	for (i = 0; places->plan && i < places->plan->n; i++) {
		const struct plan_target *t = &places->plan->v[i];

		if (t->major == major && t->minor == minor)
			return t->path;
	}
	mounts = places->mounts ? mounts_once(places->mounts) : NULL;
	for (i = 0; mounts && i < mounts->n; i++) {
		const struct mount_entry *e = &mounts->v[i];

		if (e->major != major || e->minor != minor)
			continue;
		if (!strcmp(e->root, "/"))
			return e->mountpoint;
		if (!found)
			found = e;
	}
	return found ? found->mountpoint : NULL;
}

/**
 * places_hold() - what to call one superblock of a lease
 * @places: where to look
 * @hold: the superblock
 * @buf: where to
 *
 * Return: @buf: its path, or what the kernel calls it if it is not mounted here.
 */
const char *places_hold(const struct places *places, const struct freezeguard_hold *hold,
			char buf[PLACES_TEXT_MAX])
{
	const char *path = places_path(places, hold->major, hold->minor);

	if (path)
		snprintf(buf, PLACES_TEXT_MAX, "%s", path);
	else
		snprintf(buf, PLACES_TEXT_MAX, "%s on %s (%u:%u)", hold->fstype, hold->name,
			 hold->major, hold->minor);
	return buf;
}
