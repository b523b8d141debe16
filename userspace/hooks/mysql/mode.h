/* SPDX-License-Identifier: GPL-2.0-only */
/* mode: the ways to make a server quiet, and which one is right for it */
#ifndef FREEZEGUARD_HOOK_MYSQL_MODE_H
#define FREEZEGUARD_HOOK_MYSQL_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "hooks/mysql/server.h"

/** struct mode - a way to make a server quiet
 * @name: in MYSQL_MODE
 * @lock: its statements, in order
 * @unlock: what releases all of them
 * @stops_commits: the binary log has one last transaction until the release
 * @closes_tables: it waits until no statement uses a table, and keeps new ones waiting
 */
struct mode {
	const char *name;
	const char *lock[3];
	const char *unlock;
	bool stops_commits;
	bool closes_tables;
};

int mode_choose(const struct mode **mode, struct server *server, uint64_t until_ms);
int mode_ready(const struct mode *mode, struct server *server, uint64_t until_ms);
int mode_lock(const struct mode *mode, struct server *server, uint64_t until_ms);

#endif
