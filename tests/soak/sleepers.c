// SPDX-License-Identifier: GPL-2.0-only
/* sleepers: tasks that wait for good, of whatever. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "kt.h"
#include "sleepers.h"

/* A task that sleeps uninterruptibly, and has not run since it was first seen to. */
static struct sleeper {
	pid_t pid;
	unsigned long switches;
	uint64_t since, seen;
	char name[32];
} sleepers[1024];

static bool read_task(int pid, struct sleeper *s)
{
	char path[64], line[256], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	*s = (struct sleeper) { .pid = pid };
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Name: %31[^\n]", s->name);
		sscanf(line, "State: %c", &state);
		sscanf(line, "voluntary_ctxt_switches: %lu", &s->switches);
	}
	fclose(f);
	return state == 'D';
}

/* How long the one has slept that has slept longest. */
static uint64_t longest_sleep(const struct sleeper **who)
{
	uint64_t now = kt_now_ns(), longest = 0;
	struct dirent *entry;
	struct sleeper s;
	DIR *proc = opendir("/proc");
	unsigned int i;

	CHECK(proc);
	while ((entry = readdir(proc))) {
		struct sleeper *old = NULL;

		if (atoi(entry->d_name) <= 0 || !read_task(atoi(entry->d_name), &s))
			continue;
		s.since = s.seen = now;
		for (i = 0; i < 1024 && !(old && old->pid == s.pid); i++)
			if (sleepers[i].pid == s.pid || !sleepers[i].seen)
				old = &sleepers[i];
		CHECK(old);
		if (old->pid == s.pid && old->switches == s.switches && old->seen)
			s.since = old->since;
		*old = s;
		if (now - s.since > longest) {
			longest = now - s.since;
			*who = old;
		}
	}
	closedir(proc);
	for (i = 0; i < 1024; i++)
		if (sleepers[i].seen != now)
			sleepers[i].seen = 0;
	return longest;
}

/**
 * check_sleepers() - fail, with its stack, if a task of the machine sleeps for too long
 * @max_ms: uninterruptibly, without having run once, since a call of this first saw it so
 */
void check_sleepers(unsigned int max_ms)
{
	const struct sleeper *who = NULL;
	uint64_t ns = longest_sleep(&who);
	char command[64];

	if (ns <= max_ms * MS)
		return;
	snprintf(command, sizeof(command), "cat /proc/%d/stack | sed 's/^/# /'", who->pid);
	if (system(command))
		kt_note("no stack");
	FAIL("%s (%d) has slept for %llu ms", who->name, who->pid, (unsigned long long)(ns / MS));
}
