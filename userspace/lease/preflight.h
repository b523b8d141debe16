/* SPDX-License-Identifier: GPL-2.0-only */
/* locked: nothing that freezectl needs while filesystems are frozen may have to come from one */
#ifndef FREEZEGUARD_LOCKED_H
#define FREEZEGUARD_LOCKED_H

#include <freezeguard.h>

#include "base/findings.h"
#include "plan/plan.h"

int locked_memory(const struct plan *plan, bool json, struct findings *findings);
int locked_stdio(struct freezeguard *fg, const struct plan *plan, struct findings *findings);
int locked_directory(struct freezeguard *fg, const struct plan *plan, const char *path,
		     struct findings *findings);
int locked_command(struct freezeguard *fg, const struct plan *plan, const char *command,
		   struct findings *findings);

#endif
