// SPDX-License-Identifier: GPL-2.0-only
/* paths: what people call a superblock. The kernel knows device numbers, people know paths. */
#include <stdio.h>
#include <string.h>

#include "plan/paths.h"

/**
 * paths_path() - where a superblock is mounted
 * @paths: where to look
 * @major: its device number
 * @minor: its minor part
 *
 * Return: a path that belongs to @paths, preferably of the whole filesystem and not of a part of
 * it; NULL if it is not mounted in this mount namespace.
 */
const char *paths_path(const struct paths *paths, unsigned int major, unsigned int minor)
{
	const struct mount_entry *found = NULL;
	const struct mounts *mounts;
	size_t i;

	for (i = 0; paths->plan && i < paths->plan->n; i++) {
		const struct plan_target *t = &paths->plan->v[i];

		if (t->major == major && t->minor == minor)
			return t->path;
	}
	mounts = paths->mounts ? mounts_once(paths->mounts) : NULL;
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
 * paths_hold() - what to call one superblock of a lease
 * @paths: where to look
 * @hold: the superblock
 * @buf: where to
 *
 * Return: @buf: its path, or what the kernel calls it if it is not mounted here.
 */
const char *paths_hold(const struct paths *paths, const struct freezeguard_hold *hold,
		       char buf[PATHS_TEXT_MAX])
{
	const char *path = paths_path(paths, hold->major, hold->minor);

	if (path)
		snprintf(buf, PATHS_TEXT_MAX, "%s", path);
	else
		snprintf(buf, PATHS_TEXT_MAX, "%s on %s (%u:%u)", hold->fstype, hold->name,
			 hold->major, hold->minor);
	return buf;
}
