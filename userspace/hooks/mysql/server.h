/* SPDX-License-Identifier: GPL-2.0-only */
/* server: a connection to MySQL or MariaDB; every wait has an end, and every error is a number */
#ifndef FREEZEGUARD_HOOK_MYSQL_SERVER_H
#define FREEZEGUARD_HOOK_MYSQL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <mysql.h>

/* What server_ask() returns beside the server's own numbers, which are positive. */
#define SERVER_NO_ANSWER	(-1)	/* not in time; the connection can't be used any more */
#define SERVER_GONE		(-2)	/* the connection has ended */

struct server {
	MYSQL *mysql;
	const char *error;	/* of the last server_ask() that failed */
	bool mariadb;
	unsigned long version;	/* 101106 is 10.11.6 */
};

int server_connect(struct server *server, uint64_t until_ms);
int server_ask(struct server *server, uint64_t until_ms, MYSQL_RES **result, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *server_value(MYSQL_RES *result, unsigned int column);

#endif
