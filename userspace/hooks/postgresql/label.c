// SPDX-License-Identifier: GPL-2.0-only
/* label: written by root, into a directory that only root may read */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/lib/session.h"
#include "hooks/postgresql/label.h"

static int make_directories(char *path)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int write_file(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd, r = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	errno = EIO;
	if (write(fd, text, n) != (ssize_t)n || fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

/* By hand there is no directory for it. */
static void print(const char *name, const char *text)
{
	size_t n;

	session_say("%s:", name);
	for (; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		session_say("%.*s", (int)n, text);
	}
}

/**
 * label_keep() - keep a file for a restore
 * @name: its name in the directory of FREEZEGUARD_KEEP, which is made
 * @text: what is in it; nothing is kept if this is empty
 *
 * Return: 0 or a negative errno.
 */
int label_keep(const char *name, const char *text)
{
	const char *keep = getenv("FREEZEGUARD_KEEP");
	char directory[PATH_MAX], path[PATH_MAX + 32];
	uid_t user = geteuid();
	int r;

	if (!*text)
		return 0;
	if (!keep || !*keep) {
		print(name, text);
		return 0;
	}
	snprintf(directory, sizeof(directory), "%s", keep);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (seteuid(getuid()))
		return -errno;
	r = make_directories(directory);
	if (!r)
		r = write_file(path, text);
	return seteuid(user) ? -errno : r;
}
