// SPDX-License-Identifier: GPL-2.0-only
/* targets: the superblocks of a plan, those that are to be frozen and those that are not */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "plan/targets.h"

static void target_free(struct plan_target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	free(t->mountpoints);
	free(t->fstype);
	free(t->source);
	free(t->path);
	free(t->skip);
}

struct plan_target *plan_find(const struct plan *plan, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		struct plan_target *t = &plan->v[i];

		if (t->major == e->major && t->minor == e->minor)
			return t;
	}
	return NULL;
}

/* All mount points of a superblock; the list and its texts are one piece of memory */
static char **copy_mountpoints(const struct mounts *m, const struct mount_entry *e, size_t *n)
{
	size_t i, count = 0, size = 0;
	char **list, *text;

	for (i = 0; i < m->n; i++) {
		if (mounts_same_superblock(&m->v[i], e)) {
			size += sizeof(*list) + strlen(m->v[i].mountpoint) + 1;
			count++;
		}
	}
	list = malloc(size);
	if (!list)
		return NULL;
	text = (char *)(list + count);
	for (i = 0, *n = 0; i < m->n; i++) {
		if (mounts_same_superblock(&m->v[i], e)) {
			list[(*n)++] = text;
			text = stpcpy(text, m->v[i].mountpoint) + 1;
		}
	}
	return list;
}

struct plan_target *plan_add(struct plan *plan, const struct mount_entry *e)
{
	struct plan_target t = {
		.major = e->major,
		.minor = e->minor,
		.fstype = strdup(e->fstype),
		.source = strdup(e->source),
		.path = strdup(e->mountpoint),
		.read_only = e->read_only,
		.fd = -1,
	};

	t.mountpoints = copy_mountpoints(&plan->mounts, e, &t.n_mountpoints);
	if (!t.fstype || !t.source || !t.path || !t.mountpoints) {
		target_free(&t);
		return NULL;
	}
	plan->v[plan->n] = t;
	return &plan->v[plan->n++];
}

size_t plan_n_to_freeze(const struct plan *plan)
{
	size_t i, n = 0;

	for (i = 0; i < plan->n; i++)
		n += !plan->v[i].skip;
	return n;
}

int plan_skip(struct plan_target *t, const char *fmt, ...)
{
	va_list args;
	char *why;

	va_start(args, fmt);
	why = text_vformat(fmt, args);
	va_end(args);
	if (!why)
		return -ENOMEM;
	free(t->skip);
	t->skip = why;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	return 0;
}

void plan_close(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		if (plan->v[i].fd >= 0)
			close(plan->v[i].fd);
		plan->v[i].fd = -1;
	}
}

void plan_free(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		target_free(&plan->v[i]);
	free(plan->v);
	mounts_free(&plan->mounts);
	*plan = (struct plan){};
}
