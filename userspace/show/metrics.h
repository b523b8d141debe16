/* SPDX-License-Identifier: GPL-2.0-only */
/* metrics: figures for Prometheus, in the format of node_exporter's textfile collector */
#ifndef FREEZEGUARD_SHOW_METRICS_H
#define FREEZEGUARD_SHOW_METRICS_H

#include <stdio.h>

#include "freezectl.h"

/* Where the module reports how many leases have ended in each of the last states. */
#define METRICS_ENDED	"/sys/module/freezeguard/parameters/leases_ended"

/**
 * struct metrics_source - what the figures are taken from
 * @leases: the leases; NULL if the module isn't loaded
 * @ended: METRICS_ENDED; tests have another
 * @filesystems: the freeze states of the mounted block-device filesystems
 * @sources: what is mounted, for each of them
 * @n_filesystems: how many
 * @observer: the observer, or NULL
 * @n_blocked: writers that wait, where @observer is NULL; negative: that isn't known
 */
struct metrics_source {
	const struct freezeguard_lease_list *leases;
	const char *ended;
	const struct freezeguard_fs *filesystems;
	const char *const *sources;
	size_t n_filesystems;
	struct observer *observer;
	long n_blocked;
};

int metrics_print(FILE *file, const struct metrics_source *source);
void metrics(struct freezectl *ctl);

#endif
