/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * supervisor: the process that calls the hooks of a freeze, keeps session hooks for as long as the
 * lease lives, and lets all go at its end. Documentation/hooks.md says what it promises.
 */
#ifndef FREEZEGUARD_APPS_SUPERVISOR_H
#define FREEZEGUARD_APPS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "apps/supervisor_job.h"

/**
 * struct supervisor - the caller's end
 * @pid: the supervisor's process; 0: there is none
 * @control: a socket; -1
 */
struct supervisor {
	pid_t pid;
	int control;
};

int supervisor_start(struct supervisor *supervisor, const struct supervisor_job *job);
int supervisor_tell(const struct supervisor *supervisor, const struct supervisor_message *message);
int supervisor_hear(const struct supervisor *supervisor, uint64_t until_ns,
		    struct supervisor_message *message);
void supervisor_leave(struct supervisor *supervisor);

#endif
