/* SPDX-License-Identifier: GPL-2.0-only */
/* before: what was frozen before the observer came */
#ifndef FREEZEGUARD_OBSERVER_BEFORE_H
#define FREEZEGUARD_OBSERVER_BEFORE_H

#include <stddef.h>

#include "base/findings.h"

/**
 * observer_before() - find what is frozen already, and which lease holds it
 * @find: a link of the iterator find_frozen, which looks at each file that this process has open and
 *	puts superblocks that are frozen into the map
 * @frozen: that map
 * @n: set to how many there are that were frozen before the observer came
 * @f: gets warnings of what can't be known
 *
 * Filesystems are found by their mounts in this mount namespace; network, FUSE and pseudo
 * filesystems, which nobody can freeze, are left out, and so is what lies below a network or FUSE
 * filesystem or is hidden by another mount. Opened with O_PATH, nothing is asked of a filesystem.
 *
 * Return: 0 or a negative errno.
 */
int observer_before(int find, int frozen, size_t *n, struct findings *f);

#endif
