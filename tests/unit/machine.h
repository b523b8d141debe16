/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine: a made-up machine for tests of what looks at mounts: a mount table from data/, a list of
 * the paths that exist, and whatever else a test sets up. Nothing of the real machine is seen.
 */
#ifndef FREEZEGUARD_TEST_WORLD_H
#define FREEZEGUARD_TEST_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "plan/plan.h"

/*
 * One path that exists, and so do those above it: the mount it is on, or a negative errno of opening
 * it; or where it links to.
 */
struct machine_path {
	const char *path;
	int mount_id;
	dev_t dev;
	ino_t ino;
	const char *uuid;
	const char *link;
	struct machine_space space;
};

struct machine_loop {
	unsigned int minor;
	dev_t dev;
	ino_t ino;
};

static struct {
	const struct machine_path *paths;
	const struct machine_loop *loops;
	const struct machine_path *of_fd[1024];
	char mountinfo[4096], filesystems[4096];
	/* a directory that must not be looked at, nor anything below it: that would wait for ever */
	const char *hangs;
	int opened_hanging, loops_asked, loops_answering;
	struct machine machine;
} made_up;

static bool is_at_or_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return !strncmp(path, directory, len) && (!path[len] || path[len] == '/');
}

static int made_up_open(const char *path, int flags)
{
	const struct machine_path *p;
	int fd;

	if (made_up.hangs && is_at_or_below(path, made_up.hangs))
		made_up.opened_hanging++;
	for (p = made_up.paths; p && p->path; p++) {
		if (strcmp(p->path, path))
			continue;
		if (p->mount_id < 0 && !(p->mount_id == -ENOTDIR && !(flags & O_DIRECTORY)))
			return p->mount_id;
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fd >= 1024)
			abort();
		made_up.of_fd[fd] = p;
		return fd;
	}
	return -ENOENT;
}

static int made_up_readlink(const char *path, char *target, size_t size)
{
	const struct machine_path *p;

	if (made_up.hangs && is_at_or_below(path, made_up.hangs))
		made_up.opened_hanging++;
	for (p = made_up.paths; p && p->path; p++)
		if (p->link && !strcmp(p->path, path))
			return snprintf(target, size, "%s", p->link);
	for (p = made_up.paths; p && p->path; p++)
		if (is_at_or_below(p->path, path))
			return -EINVAL;
	return -ENOENT;
}

static int made_up_real_path(int fd, char *path, size_t size)
{
	return snprintf(path, size, "%s", made_up.of_fd[fd]->path);
}

static int made_up_mount_id(int fd)
{
	return made_up.of_fd[fd]->mount_id;
}

static int made_up_identity(int fd, dev_t *dev, ino_t *ino)
{
	*dev = made_up.of_fd[fd]->dev;
	*ino = made_up.of_fd[fd]->ino;
	return 0;
}

/* /dev/loop5 is 7:5, everything else isn't there */
static int made_up_block_device(const char *path, unsigned int *major, unsigned int *minor)
{
	*major = 7;
	return sscanf(path, "/dev/loop%u", minor) == 1 ? 0 : -ENOENT;
}

static int made_up_loop_file(unsigned int major, unsigned int minor, bool answers, dev_t *dev,
			     ino_t *ino)
{
	const struct machine_loop *l;

	(void)major;
	made_up.loops_asked++;
	made_up.loops_answering += answers;
	for (l = made_up.loops; l && l->dev; l++) {
		if (l->minor == minor) {
			*dev = l->dev;
			*ino = l->ino;
			return 0;
		}
	}
	return -EACCES;
}

static int made_up_space(int fd, struct machine_space *space)
{
	*space = made_up.of_fd[fd]->space;
	return space->blocks ? 0 : -ENOSYS;
}

static int made_up_btrfs_uuid(int fd, char uuid[37])
{
	if (!made_up.of_fd[fd]->uuid)
		return -ENOTTY;
	strcpy(uuid, made_up.of_fd[fd]->uuid);
	return 0;
}

/* The path of a file in data/, beside this header, in a buffer of the caller's */
static const char *data_path(const char *name, char *buf, size_t size)
{
	const char *slash = strrchr(__FILE__, '/');

	snprintf(buf, size, "%.*sdata/%s", slash ? (int)(slash - __FILE__ + 1) : 0, __FILE__,
		 name);
	return buf;
}

static const struct machine *machine_make(const char *mountinfo, const struct machine_path *paths,
					  const char *sysfs)
{
	memset(&made_up, 0, sizeof(made_up));
	made_up.paths = paths;
	made_up.machine = (struct machine){
		.mountinfo = data_path(mountinfo, made_up.mountinfo, sizeof(made_up.mountinfo)),
		.filesystems = data_path("filesystems", made_up.filesystems,
					 sizeof(made_up.filesystems)),
		.fstab = "/nonexistent",
		.sysfs = sysfs ? sysfs : TEST_DATA "/sysfs",
		.open = made_up_open,
		.readlink = made_up_readlink,
		.real_path = made_up_real_path,
		.mount_id = made_up_mount_id,
		.identity = made_up_identity,
		.block_device = made_up_block_device,
		.loop_file = made_up_loop_file,
		.space = made_up_space,
		.btrfs_uuid = made_up_btrfs_uuid,
	};
	return &made_up.machine;
}

/* How many file descriptors this process has */
static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

#endif
