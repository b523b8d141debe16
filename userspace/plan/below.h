/* SPDX-License-Identifier: GPL-2.0-only */
/* below: what a superblock lies on: through devices, loop devices' files, overlays' directories */
#ifndef FREEZEGUARD_PLAN_BELOW_H
#define FREEZEGUARD_PLAN_BELOW_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/machine.h"
#include "plan/mounts.h"
#include "plan/targets.h"

/**
 * enum below_lost - what could not be found below a superblock; what comes later is worse
 * @BELOW_LOST_NOTHING: nothing is missing
 * @BELOW_LOST_FILE: a loop device's file, on a filesystem without a device number of its own
 * @BELOW_LOST_UPPER: the directory that an overlay writes to, on any filesystem
 */
enum below_lost {
	BELOW_LOST_NOTHING,
	BELOW_LOST_FILE,
	BELOW_LOST_UPPER,
};

/** struct below_node - a superblock or a block device, both known by a device number */
struct below_node {
	bool superblock;
	unsigned int major, minor;
};

/**
 * struct below - what one superblock lies on
 * @mounts: the mount table
 * @machine: the machine
 * @plan: its open directories are used for what no mount point leads to
 * @nodes: the superblock itself, then all below it, each once
 * @n: how many
 * @lost: what could not be found
 * @what: says that: "loop device 7:0, and the filesystem of its file ... cannot be found"; or NULL
 * @overlay: whose upper directory is lost, or NULL
 */
struct below {
	const struct mounts *mounts;
	const struct machine *machine;
	const struct plan *plan;
	struct below_node *nodes;
	size_t n;
	enum below_lost lost;
	char *what;
	const struct mount_entry *overlay;
};

int below_find(struct below *b, unsigned int major, unsigned int minor);
bool below_has(const struct below *b, unsigned int major, unsigned int minor);
bool below_may_have(const struct below *b, const struct plan_target *t);
void below_free(struct below *b);

#endif
