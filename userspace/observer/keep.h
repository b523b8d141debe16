/* SPDX-License-Identifier: GPL-2.0-only */
/* keep: what a load keeps of the set that it replaces */
#ifndef FREEZEGUARD_OBSERVER_KEEP_H
#define FREEZEGUARD_OBSERVER_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct observer_bpf;

/**
 * struct observer_kept - what became of the maps of the set before
 * @kept: names of the maps that were taken over, with a space after each
 * @dropped: names of those whose contents were lost
 */
struct observer_kept {
	char kept[256], dropped[256];
};

/**
 * observer_keep_maps() - let the programs use the maps of OBSERVER_DIR whose layout they have
 * @skel: the programs, not loaded yet
 * @complete: those that are loaded are whole, so that what they know of now is true
 * @maps: gets the names of the maps that are kept, and of those that begin anew
 * @counters: set to whether the totals are kept
 *
 * Maps that are of use only together are kept or begun together. A layout is what observer_same_type()
 * compares, and the map's size, kind and flags.
 *
 * Return: 0 or a negative errno.
 */
int observer_keep_maps(struct observer_bpf *skel, bool complete, struct observer_kept *maps,
		       bool *counters);

/**
 * observer_keep_writers() - the set has been replaced: who waits has waited since before the observer came
 * @writers: the map
 * @set: number of the set that is at work now, which sees the end of what it saw begin
 */
void observer_keep_writers(int writers, uint64_t set);

#endif
