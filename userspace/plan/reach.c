// SPDX-License-Identifier: GPL-2.0-only
/*
 * reach: what can be opened at once.
 *
 * Whoever opens a path waits for each filesystem on the way: for a server that is gone, for a FUSE
 * program that is stopped, for an automount. The mount table names them all, and which of them a
 * path leads through follows from it, but for symbolic links. So a path is followed one component at
 * a time: the table says which mount it is on, and only a mount that answers at once is asked
 * whether the component is a link.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "plan/reach.h"

/* As the kernel. */
#define LINKS_MAX	40

/* A server or a program answers, here or on the way here. */
static bool waits(const struct mounts *m, const struct mount_entry *e)
{
	size_t i;

	/* What is mounted on an automount is there already. */
	if (!strcmp(e->fstype, "autofs"))
		return true;
	for (i = 0; i <= m->n; i++) {
		if (e->network || mounts_is_fuse(e))
			return true;
		if (e->parent_id == e->id)
			break;
		e = mounts_find(m, e->parent_id);
		if (!e)
			break;
	}
	return false;
}

/**
 * reach_mount() - can a mount be opened by its mount point, without waiting?
 * @m: the table
 * @e: a mount of it
 *
 * Return: 0; -EHOSTUNREACH a server, a FUSE program or an automount would be waited for; -ESTALE it
 * is hidden below another mount, whose filesystem would be opened in its place.
 */
int reach_mount(const struct mounts *m, const struct mount_entry *e)
{
	if (mounts_at(m, e->mountpoint) != e)
		return -ESTALE;
	return waits(m, e) ? -EHOSTUNREACH : 0;
}

/* A path on its way. */
struct way {
	/* what has been followed, without links; "" is the root directory */
	char done[PATH_MAX];
	/* what has not, the next component first */
	char rest[PATH_MAX];
	unsigned int links;
};

/* Take the next component off the rest; false if there is none */
static bool next_component(struct way *way, char component[NAME_MAX + 1], int *error)
{
	char *start = way->rest + strspn(way->rest, "/");
	size_t len = strcspn(start, "/");

	if (!len)
		return false;
	if (len > NAME_MAX) {
		*error = -ENAMETOOLONG;
		return false;
	}
	memcpy(component, start, len);
	component[len] = '\0';
	memmove(way->rest, start + len, strlen(start + len) + 1);
	return true;
}

static void go_up(struct way *way)
{
	char *slash = strrchr(way->done, '/');

	if (slash)
		*slash = '\0';
}

/* The rest begins with where a link leads to */
static int follow_link(struct way *way, const char *link)
{
	char rest[PATH_MAX];

	if (++way->links > LINKS_MAX)
		return -ELOOP;
	if (snprintf(rest, sizeof(rest), "%s%s", link, way->rest) >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	strcpy(way->rest, rest);
	if (link[0] == '/')
		way->done[0] = '\0';
	return 0;
}

static int go_down(struct way *way, const char *component)
{
	size_t len = strlen(way->done);

	if (len + 1 + strlen(component) >= sizeof(way->done))
		return -ENAMETOOLONG;
	way->done[len] = '/';
	strcpy(way->done + len + 1, component);
	return 0;
}

/* Follow one component; -EHOSTUNREACH if only the table can say where the rest leads */
static int step(struct way *way, const struct mounts *m, const struct machine *machine,
		const char *component)
{
	const struct mount_entry *above, *e;
	char link[PATH_MAX];
	int ret;

	if (!strcmp(component, "."))
		return 0;
	if (!strcmp(component, "..")) {
		go_up(way);
		return 0;
	}
	above = mounts_at(m, *way->done ? way->done : "/");
	ret = go_down(way, component);
	if (ret)
		return ret;
	e = mounts_at(m, way->done);
	if (!e)
		return -ENODEV;
	if (e != above)
		/* A mount point is no link, and the table knows that it is there. */
		return 0;
	if (waits(m, e))
		return -EHOSTUNREACH;
	ret = machine->readlink(way->done, link, sizeof(link));
	if (ret == -EINVAL)
		return 0;
	if (ret < 0)
		return ret;
	go_up(way);
	return follow_link(way, link);
}

/**
 * reach_path() - on which mount a path is; never waits
 * @m: the table
 * @machine: the machine
 * @path: an absolute path
 * @real: gets the path without links, for free(), if the result is 0; or NULL
 * @e: gets the mount if the result is 0 or -EHOSTUNREACH
 *
 * Return: 0; -EHOSTUNREACH the mount is right if no link follows: to see that, a server, a FUSE
 * program or an automount would have to answer; -ENOENT and other errors of following the path;
 * -EINVAL it is not absolute; -ENODEV the table has no root.
 */
int reach_path(const struct mounts *m, const struct machine *machine, const char *path,
	       char **real, const struct mount_entry **e)
{
	char component[NAME_MAX + 1];
	struct way way = { .links = 0 };
	int ret = 0;

	if (path[0] != '/')
		return -EINVAL;
	if (snprintf(way.rest, sizeof(way.rest), "%s", path) >= (int)sizeof(way.rest))
		return -ENAMETOOLONG;
	while (!ret && next_component(&way, component, &ret))
		ret = step(&way, m, machine, component);
	if (ret == -EHOSTUNREACH) {
		size_t len = strlen(way.done);

		snprintf(way.done + len, sizeof(way.done) - len, "%s", way.rest);
	} else if (ret) {
		return ret;
	}
	*e = mounts_at(m, *way.done ? way.done : "/");
	if (!*e)
		return -ENODEV;
	if (!ret && waits(m, *e))
		ret = -EHOSTUNREACH;
	if (ret || !real)
		return ret;
	*real = text_copy(*way.done ? way.done : "/");
	return *real ? 0 : -ENOMEM;
}

/**
 * reach_superblock() - open a superblock by the first of its mount points that opens at once
 * @m: the table
 * @machine: the machine
 * @major: its device number
 * @minor: its minor part
 * @flags: as for open(2)
 * @by: gets the mount; or NULL
 *
 * Mounts that show the whole filesystem come first, then bind mounts and subvolumes.
 *
 * Return: a file; -ESTALE all of its mounts are hidden; -EHOSTUNREACH one of them is not, but
 * opening it could wait; another negative errno of opening the last one.
 */
int reach_superblock(const struct mounts *m, const struct machine *machine, unsigned int major,
		     unsigned int minor, int flags, const struct mount_entry **by)
{
	int ret = -ESTALE;
	size_t i;

	for (i = 0; i < 2 * m->n; i++) {
		const struct mount_entry *e = &m->v[i % m->n], *got;
		bool whole = i < m->n;
		int fd, id;

		if (e->major != major || e->minor != minor || whole != !strcmp(e->root, "/"))
			continue;
		fd = reach_mount(m, e);
		if (!fd)
			fd = machine->open(e->mountpoint, flags);
		if (fd < 0) {
			/* That it is hidden here says the least. */
			ret = fd == -ESTALE ? ret : fd;
			continue;
		}
		id = machine->mount_id(fd);
		got = id < 0 ? NULL : mounts_find(m, id);
		if (got && mounts_same_superblock(got, e)) {
			if (by)
				*by = e;
			return fd;
		}
		/* Something else was mounted over it meanwhile. */
		close(fd);
	}
	return ret;
}
