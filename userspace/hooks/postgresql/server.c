// SPDX-License-Identifier: GPL-2.0-only
/* server: libpq's non-blocking calls, so that the end of each wait is ours */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/lib/session.h"
#include "hooks/postgresql/server.h"

#define CONNECT_MS	3000
/* SQLSTATE query_canceled: statement_timeout, since nobody else ends these statements. */
#define QUERY_CANCELED	"57014"

static const char *const processes[] = { "postgres", NULL };

/* Such as one that a database's collation has changed, which every client gets when it connects. */
static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static int refused(struct server *server, const char *const *names, const char *const *values)
{
	/* Why a connection failed is only text; this is the library's value for it. */
	if (PQpingParams(names, values, 0) == PQPING_NO_RESPONSE)
		return session_stopped(processes, "the server cannot be reached: %s",
				       PQerrorMessage(server->conn));
	session_say("the server refuses the connection: %s", PQerrorMessage(server->conn));
	return SESSION_NOT_READY;
}

/**
 * server_connect() - connect as libpq's variables say, to the database postgres if they name none
 * @server: all of it is overwritten
 * @until_ms: CLOCK_BOOTTIME; a connection takes three seconds at most
 *
 * Return: 0, or an exit status after a message.
 */
int server_connect(struct server *server, uint64_t until_ms)
{
	static const char *const names[] = { "dbname", "fallback_application_name",
					     "connect_timeout", NULL };
	const char *database = getenv("PGDATABASE") ?: "postgres";
	const char *const values[] = { database, "freezeguard", "2", NULL };
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	uint64_t connect_by = session_now_ms() + CONNECT_MS;
	short revents;

	*server = (struct server){ .conn = PQconnectStartParams(names, values, 0) };
	if (!server->conn)
		return 1;
	PQsetNoticeReceiver(server->conn, ignore_notice, NULL);
	if (until_ms < connect_by)
		connect_by = until_ms;
	if (PQstatus(server->conn) == CONNECTION_BAD)
		status = PGRES_POLLING_FAILED;
	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
		if (!session_poll(PQsocket(server->conn),
				  status == PGRES_POLLING_READING ? POLLIN : POLLOUT, connect_by,
				  &revents)) {
			session_say("the server does not answer");
			return SESSION_NOT_READY;
		}
		status = PQconnectPoll(server->conn);
	}
	if (status != PGRES_POLLING_OK)
		return refused(server, names, values);
	PQsetnonblocking(server->conn, 1);
	return 0;
}

static enum server_result failed(struct server *server, enum server_result how, const char *text)
{
	snprintf(server->error, sizeof(server->error), "%s", text);
	return how;
}

static enum server_result gone(struct server *server)
{
	return failed(server, SERVER_GONE, PQerrorMessage(server->conn));
}

/* What was sent is on its way, and the answer has come. */
static enum server_result exchange(struct server *server, uint64_t until_ms)
{
	short revents;
	int unsent;

	for (;;) {
		unsent = PQflush(server->conn);
		if (unsent < 0 || !PQconsumeInput(server->conn))
			return gone(server);
		if (!unsent && !PQisBusy(server->conn))
			return SERVER_OK;
		if (!session_poll(PQsocket(server->conn), unsent ? POLLIN | POLLOUT : POLLIN,
				  until_ms, &revents))
			return failed(server, SERVER_NO_ANSWER, "no answer in time");
	}
}

/* Of the result that has come. */
static enum server_result judge(struct server *server)
{
	ExecStatusType status = PQresultStatus(server->result);
	const char *state = PQresultErrorField(server->result, PG_DIAG_SQLSTATE);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return SERVER_OK;
	/* Without a SQLSTATE it is the library's error: the connection has ended. */
	if (!state || PQstatus(server->conn) == CONNECTION_BAD)
		return gone(server);
	return failed(server, strcmp(state, QUERY_CANCELED) ? SERVER_ERROR : SERVER_CANCELED,
		      PQresultErrorField(server->result, PG_DIAG_MESSAGE_PRIMARY) ?: state);
}

/**
 * server_ask() - execute a statement
 * @server: connected; its rows are in it afterwards, its error if it failed
 * @until_ms: CLOCK_BOOTTIME
 * @statement: one statement
 * @parameter: what $1 in it is; NULL if it has none
 *
 * Return: how it ended.
 */
enum server_result server_ask(struct server *server, uint64_t until_ms, const char *statement,
			      const char *parameter)
{
	enum server_result r;
	PGresult *more;

	PQclear(server->result);
	server->result = NULL;
	if (!PQsendQueryParams(server->conn, statement, parameter ? 1 : 0, NULL,
			       parameter ? &parameter : NULL, NULL, NULL, 0))
		return gone(server);
	r = exchange(server, until_ms);
	if (r)
		return r;
	server->result = PQgetResult(server->conn);
	if (!server->result)
		return gone(server);
	r = judge(server);
	/* A statement has one result, and then the end. */
	while (!exchange(server, until_ms) && (more = PQgetResult(server->conn)))
		PQclear(more);
	return r;
}

/** server_rows() - how many the last statement had */
int server_rows(const struct server *server)
{
	return PQntuples(server->result);
}

/** server_value() - of a row of the last statement; "" if there is none, or it is NULL */
const char *server_value(const struct server *server, int row, int column)
{
	return row < PQntuples(server->result) ? PQgetvalue(server->result, row, column) : "";
}
