// SPDX-License-Identifier: GPL-2.0-only
/* kt_threads: the module's threads, as /proc shows them. */
#include "kt.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool proc_begins(pid_t pid, const char *file, const char *with, char text[64])
{
	char path[64];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, 64);
		close(fd);
	}
	return len >= (ssize_t)strlen(with) && !memcmp(text, with, strlen(with));
}

/**
 * kt_threads() - the module's threads for superblocks
 * @found: receives them
 * @max: how many there is room for
 *
 * Return: how many there are.
 */
unsigned int kt_threads(struct kt_thread *found, unsigned int max)
{
	struct dirent *entry;
	unsigned int n = 0;
	DIR *dir = opendir("/proc");

	CHECK(dir);
	while ((entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);
		char text[64];

		if (pid > 0 && n < max && proc_begins(pid, "comm", "fguard/", text))
			found[n++] = (struct kt_thread) {
				pid, sched_getscheduler(pid),
				proc_begins(pid, "wchan", "fg_thread_", text),
			};
	}
	closedir(dir);
	return n;
}

/**
 * kt_thawers() - the threads that will thaw what is frozen, or is being frozen
 * @found: receives them
 * @max: how many there is room for
 * @n: how many there have to be
 */
void kt_thawers(struct kt_thread *found, unsigned int max, unsigned int n)
{
	unsigned int i, all, thawers = 0, waited;

	for (waited = 0; waited < KT_SOON_MS; waited += 10, kt_sleep_ms(10)) {
		all = kt_threads(found, max);
		for (thawers = 0, i = 0; i < all; i++)
			if (found[i].policy != SCHED_OTHER && !found[i].parked)
				found[thawers++] = found[i];
		if (thawers == n)
			return;
	}
	FAIL("%u threads of a class that precedes ordinary ones, not %u", thawers, n);
}
