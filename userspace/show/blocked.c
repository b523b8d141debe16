// SPDX-License-Identifier: GPL-2.0-only
/*
 * blocked: tasks that wait for a frozen filesystem, by their kernel stacks. A writer waits in
 * percpu_rwsem_wait() for the superblock to thaw. Which superblock that is, the stack does not
 * tell.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "show/blocked.h"

#define WAITS_IN	"percpu_rwsem_wait"

static int add(struct blocked *blocked, pid_t pid, pid_t tid, const char *comm)
{
	struct blocked_task *task = APPEND(blocked->v, blocked->n);

	if (!task)
		return -ENOMEM;
	task->pid = pid;
	task->tid = tid;
	snprintf(task->comm, sizeof(task->comm), "%s", comm);
	return 0;
}

static int look_at_process(struct blocked *blocked, int proc, const char *pid)
{
	char path[300], *text;
	struct dirent *entry;
	int fd, r = 0;
	bool waits;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/task", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!r && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/stack", entry->d_name);
		text = text_read(dirfd(dir), path);
		if (!text)
			continue;
		blocked->readable = true;
		waits = strstr(text, WAITS_IN);
		free(text);
		if (!waits)
			continue;
		snprintf(path, sizeof(path), "%s/comm", entry->d_name);
		text = text_read(dirfd(dir), path);
		if (text)
			r = add(blocked, atoi(pid), atoi(entry->d_name), text);
		free(text);
	}
	closedir(dir);
	return r;
}

/**
 * blocked_find() - look at every task of the machine
 * @blocked: all of it is overwritten; blocked_free() it
 * @proc: where proc is mounted, "/proc"
 *
 * Return: 0; -ENOMEM; another negative errno if @proc cannot be read.
 */
int blocked_find(struct blocked *blocked, const char *proc)
{
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	memset(blocked, 0, sizeof(*blocked));
	dir = opendir(proc);
	if (!dir)
		return -errno;
	while (!r && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = look_at_process(blocked, dirfd(dir), entry->d_name);
	closedir(dir);
	return r;
}

/** blocked_free() - free what blocked_find() found */
void blocked_free(struct blocked *blocked)
{
	free(blocked->v);
	memset(blocked, 0, sizeof(*blocked));
}
