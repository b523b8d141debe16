/* SPDX-License-Identifier: GPL-2.0-only */
/* paths: the directories that a copy needs to have */
#ifndef FREEZEGUARD_HOOK_MYSQL_PATHS_H
#define FREEZEGUARD_HOOK_MYSQL_PATHS_H

#include <stdint.h>

#include "hooks/mysql/server.h"

int paths_report(struct server *server, uint64_t until_ms);

#endif
