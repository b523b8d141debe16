/* SPDX-License-Identifier: GPL-2.0-only */
/* prometheus: the text format of Prometheus */
#ifndef FREEZEGUARD_SHOW_PROMETHEUS_H
#define FREEZEGUARD_SHOW_PROMETHEUS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "observer_maps.h"

/* Room for the labels of one filesystem: each byte of a name may become a replacement character. */
#define PROMETHEUS_LABELS_MAX	1024

void prometheus_family(FILE *file, const char *name, const char *type, const char *help);
void prometheus_number(FILE *file, const char *name, const char *type, const char *help,
		       uint64_t value);
void prometheus_seconds(FILE *file, uint64_t ns);
void prometheus_histogram(FILE *file, const char *name, const char *labels,
			  const struct fw_stall *stall);
int prometheus_labels(char labels[PROMETHEUS_LABELS_MAX], dev_t dev, const char *fstype,
		      const char *source);

#endif
