/* SPDX-License-Identifier: GPL-2.0-only */
/* blocked: tasks that wait for a frozen filesystem */
#ifndef FREEZEGUARD_SHOW_BLOCKED_H
#define FREEZEGUARD_SHOW_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** struct blocked_task - one thread that waits */
struct blocked_task {
	pid_t pid;
	pid_t tid;
	char comm[16];
};

/**
 * struct blocked - all of them
 * @v: the tasks
 * @n: how many
 * @readable: the kernel let us look; if not, there may be more
 */
struct blocked {
	struct blocked_task *v;
	size_t n;
	bool readable;
};

int blocked_find(struct blocked *blocked, const char *proc);
void blocked_free(struct blocked *blocked);

#endif
