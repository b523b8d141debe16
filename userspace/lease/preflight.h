/* SPDX-License-Identifier: GPL-2.0-only */
/* preflight: nothing that freezectl needs while filesystems are frozen may have to come from one */
#ifndef FREEZEGUARD_LEASE_PREFLIGHT_H
#define FREEZEGUARD_LEASE_PREFLIGHT_H

#include <freezeguard.h>

#include "base/findings.h"
#include "base/text.h"
#include "plan/targets.h"

int preflight_memory(const struct plan *plan, bool json, struct findings *findings);
int preflight_stdio(struct freezeguard *fg, const struct plan *plan, struct findings *findings);
int preflight_directory(struct freezeguard *fg, const struct plan *plan, const char *path,
			struct findings *findings);
int preflight_command(struct freezeguard *fg, const struct plan *plan, const char *command,
		      struct findings *findings);
int preflight_files(const char *command, struct text_list *files);

#endif
