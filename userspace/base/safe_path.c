// SPDX-License-Identifier: GPL-2.0-only
/*
 * safe_path: a path is walked component by component, as the kernel does, and each directory, link and
 * file on the way is looked at. A path whose every step is root's leads to the same file whenever it is
 * used again: only root could have changed it meanwhile. So what was checked may be run by its path,
 * which a script finds in $0.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_path.h"

/* As many as the kernel follows. */
#define LINKS_MAX	40

struct walk {
	char rest[2 * PATH_MAX];
	int fd;
	unsigned int links;
};

static void go_to(struct walk *walk, int fd)
{
	if (walk->fd >= 0)
		close(walk->fd);
	walk->fd = fd;
}

/* The next component; false at the end. */
static bool next(struct walk *walk, char name[NAME_MAX + 1])
{
	char *at = walk->rest + strspn(walk->rest, "/");
	size_t n = strcspn(at, "/");

	if (!n)
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)n, at);
	memmove(walk->rest, at + n, strlen(at + n) + 1);
	return true;
}

static int follow(struct walk *walk, int link)
{
	char target[2 * PATH_MAX];
	ssize_t n = readlinkat(link, "", target, PATH_MAX);

	if (n < 0)
		return -errno;
	if (n == PATH_MAX || n + strlen(walk->rest) >= sizeof(target))
		return -ENAMETOOLONG;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	strcpy(target + n, walk->rest);
	strcpy(walk->rest, target);
	if (target[0] == '/')
		go_to(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return walk->fd < 0 ? -errno : 0;
}

/* What may be wrong with one step. Nobody can replace what is another's in a sticky directory. */
static int judge(int fd, const struct stat *st, char why[SAFE_PATH_TEXT_MAX])
{
	mode_t others = S_ISLNK(st->st_mode) || (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX) ?
			0 : S_IWGRP | S_IWOTH;
	char name[PATH_MAX] = "?", self[32];
	ssize_t n;

	if ((!st->st_uid || st->st_uid == geteuid()) && !(st->st_mode & others))
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, name, sizeof(name) - 1);
	if (n > 0)
		name[n] = '\0';
	if (S_ISDIR(st->st_mode))
		snprintf(why, SAFE_PATH_TEXT_MAX,
			 "it is in %.700s, which belongs to user %u and has mode %03o, so a user other than root could replace it; chown root and chmod go-w that directory",
			 name, st->st_uid, st->st_mode & 0777);
	else
		snprintf(why, SAFE_PATH_TEXT_MAX,
			 "%.700s belongs to user %u and has mode %03o, so a user other than root could change what root runs; chown root and chmod go-w it",
			 name, st->st_uid, st->st_mode & 0777);
	return -EPERM;
}

static int step(struct walk *walk, const char *name, char why[SAFE_PATH_TEXT_MAX])
{
	int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), r;
	struct stat st;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) ? -errno : judge(fd, &st, why);
	if (r || S_ISLNK(st.st_mode)) {
		if (!r)
			r = follow(walk, fd);
		close(fd);
		return r;
	}
	go_to(walk, fd);
	return 0;
}

/**
 * safe_path() - can nobody but root, or the caller, change what a path leads to?
 * @path: absolute
 * @why: set to what is wrong, if something is
 *
 * Every directory on the way has to belong to root or to the caller, and must not be writable by its
 * group or by others unless it is sticky. That holds for the links on the way, and for the
 * directories that they lead through. The file must not be writable by its group or by others.
 *
 * Return: 0; -EPERM somebody else could; another negative errno, it cannot be walked.
 */
int safe_path(const char *path, char why[SAFE_PATH_TEXT_MAX])
{
	struct walk walk = { .fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	char name[NAME_MAX + 1];
	struct stat st;
	int r;

	why[0] = '\0';
	r = walk.fd < 0 || fstat(walk.fd, &st) ? -errno : judge(walk.fd, &st, why);
	if (!r && strlen(path) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (!r)
		strcpy(walk.rest, path);
	while (!r && next(&walk, name))
		r = step(&walk, name, why);
	if (r && !why[0])
		snprintf(why, SAFE_PATH_TEXT_MAX, "%.700s cannot be checked: %s", path,
			 strerror(-r));
	go_to(&walk, -1);
	return r;
}
