/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sync: syncing filesystems that are not frozen. Nothing can interrupt a sync, so each has a process
 * of its own, which is waited for so long and no longer.
 */
#ifndef FREEZEGUARD_LEASE_SYNC_H
#define FREEZEGUARD_LEASE_SYNC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/findings.h"
#include "plan/targets.h"

/**
 * struct sync_one - one filesystem
 * @major: its device number
 * @minor: its minor part
 * @path: what to call it
 * @pid: the process that syncs it; 0: it has ended
 * @must: without it the freeze is worth nothing
 * @error: why it is not synced, a positive errno; ETIMEDOUT: it is not yet; 0: it is
 */
struct sync_one {
	unsigned int major, minor;
	char *path;
	pid_t pid;
	bool must;
	int error;
};

/** struct sync - filesystems on their way to the disk; {} has none */
struct sync {
	struct sync_one *v;
	size_t n;
};

int sync_begin(struct sync *sync, const struct plan *plan, const struct mount_entry *e, bool must);
int sync_begin_left_out(struct sync *sync, const struct plan *plan, bool must);
void sync_wait(struct sync *sync, uint64_t until_ns);
struct sync_one *sync_find(const struct sync *sync, unsigned int major, unsigned int minor);
bool sync_failed(const struct sync *sync, struct findings *f);
void sync_warn(struct sync *sync, const struct plan *plan, struct findings *f);
void sync_free(struct sync *sync);

#endif
