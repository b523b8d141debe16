/* SPDX-License-Identifier: GPL-2.0-only */
/* server: a connection to PostgreSQL; every wait for it has an end, and every error is a value */
#ifndef FREEZEGUARD_HOOK_POSTGRESQL_SERVER_H
#define FREEZEGUARD_HOOK_POSTGRESQL_SERVER_H

#include <stdint.h>

#include <libpq-fe.h>

/** enum server_result - how a statement ended */
enum server_result {
	SERVER_OK,
	SERVER_CANCELED,	/* the server's statement_timeout ended it */
	SERVER_ERROR,		/* the server refused it */
	SERVER_NO_ANSWER,	/* not in time; the connection can't be used any more */
	SERVER_GONE,		/* the connection has ended */
};

struct server {
	PGconn *conn;
	PGresult *result;	/* of the last server_ask() */
	char error[500];	/* of the last one that failed */
};

int server_connect(struct server *server, uint64_t until_ms);
enum server_result server_ask(struct server *server, uint64_t until_ms, const char *statement,
			      const char *parameter);
const char *server_value(const struct server *server, int row, int column);
int server_rows(const struct server *server);

#endif
