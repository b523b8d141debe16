/* SPDX-License-Identifier: GPL-2.0-only */
/* history: the file of leases that have ended, which survives a reboot */
#ifndef FREEZEGUARD_LEASE_HISTORY_H
#define FREEZEGUARD_LEASE_HISTORY_H

#include <stdbool.h>

#include "base/output.h"

/* In the configuration's keep_dir. */
#define HISTORY_FILE	"history"
/* A file that would get larger loses its older half. */
#define HISTORY_BYTES_MAX	(512 * 1024)

int history_add(const char *dir, struct json_object *entries, bool fresh, bool *gap);
int history_read(const char *dir, struct json_object **entries);

#endif
