// SPDX-License-Identifier: GPL-2.0-only
/*
 * server: libmariadb's non-blocking calls, so that the end of each wait is ours. What a statement
 * sends is what the library's own mysql_real_query() and mysql_store_result() would.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <errmsg.h>

#include "hooks/lib/session.h"
#include "hooks/mysql/server.h"

#define STATEMENT_MAX	1000
#define CONNECT_MS	3000

static const char *const processes[] = { "mysqld", "mariadbd", NULL };

/* Wait for what the library waits for. 0: the time is up. */
static int wait_for(MYSQL *mysql, int status, uint64_t until_ms)
{
	short events = 0, revents;

	if (status & MYSQL_WAIT_READ)
		events |= POLLIN;
	if (status & MYSQL_WAIT_WRITE)
		events |= POLLOUT;
	if (status & MYSQL_WAIT_EXCEPT)
		events |= POLLPRI;
	if (!session_poll(mysql_get_socket(mysql), events, until_ms, &revents))
		return 0;
	/* An error of the descriptor is found by the call that reads or writes. */
	if (revents & (POLLERR | POLLHUP))
		return status & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE | MYSQL_WAIT_EXCEPT);
	return (revents & POLLIN ? MYSQL_WAIT_READ : 0) |
	       (revents & POLLOUT ? MYSQL_WAIT_WRITE : 0) |
	       (revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
}

static int refused(struct server *server)
{
	unsigned int error = mysql_errno(server->mysql);

	if (error == CR_CONNECTION_ERROR || error == CR_CONN_HOST_ERROR)
		return session_stopped(processes, "the server cannot be reached: %s",
				       mysql_error(server->mysql));
	session_say("the server refuses the connection: %s", mysql_error(server->mysql));
	return SESSION_NOT_READY;
}

/**
 * server_connect() - connect as the options files say
 * @server: all of it is overwritten
 * @until_ms: CLOCK_BOOTTIME; a connection takes three seconds at most
 *
 * The library reads its own files, or that of MYSQL_OPTIONS_FILE alone: the groups [client] and
 * [freezeguard].
 *
 * Return: 0, or an exit status after a message.
 */
int server_connect(struct server *server, uint64_t until_ms)
{
	const char *file = getenv("MYSQL_OPTIONS_FILE");
	uint64_t connect_by = session_now_ms() + CONNECT_MS;
	my_bool no = 0;
	MYSQL *mysql;
	int status;

	*server = (struct server){ .mysql = mysql_init(NULL) };
	if (!server->mysql)
		return 1;
	/* The library takes one that it can't read for an empty one. */
	if (file && access(file, R_OK)) {
		session_say("MYSQL_OPTIONS_FILE, %s, cannot be read: %m", file);
		return SESSION_NOT_READY;
	}
	mysql_options(server->mysql, MYSQL_OPT_NONBLOCK, NULL);
	if (file)
		mysql_options(server->mysql, MYSQL_READ_DEFAULT_FILE, file);
	mysql_options(server->mysql, MYSQL_READ_DEFAULT_GROUP, "freezeguard");
	if (until_ms < connect_by)
		connect_by = until_ms;
	status = mysql_real_connect_start(&mysql, server->mysql, NULL, NULL, NULL, NULL, 0, NULL,
					  0);
	while (status) {
		status = wait_for(server->mysql, status, connect_by);
		if (!status) {
			session_say("the server does not answer");
			return SESSION_NOT_READY;
		}
		status = mysql_real_connect_cont(&mysql, server->mysql, status);
	}
	if (!mysql)
		return refused(server);
	/* A new connection would not hold what the old one held. */
	mysql_options(server->mysql, MYSQL_OPT_RECONNECT, &no);
	server->mariadb = mariadb_connection(server->mysql);
	server->version = mysql_get_server_version(server->mysql);
	return 0;
}

static int no_answer(struct server *server)
{
	server->error = "no answer in time";
	return SERVER_NO_ANSWER;
}

static int failed(struct server *server)
{
	unsigned int error = mysql_errno(server->mysql);

	server->error = mysql_error(server->mysql);
	/* The library's own numbers: whatever it is, the connection is of no use. */
	return error >= CR_MIN_ERROR && error <= CR_MAX_ERROR ? SERVER_GONE : (int)error;
}

/**
 * server_ask() - execute a statement
 * @server: connected
 * @until_ms: CLOCK_BOOTTIME
 * @result: if not NULL, its rows, or NULL if it has none; mysql_free_result() it
 * @fmt: the statement
 *
 * Return: 0, the server's error number, SERVER_NO_ANSWER or SERVER_GONE; @server has the text.
 */
int server_ask(struct server *server, uint64_t until_ms, MYSQL_RES **result, const char *fmt, ...)
{
	char statement[STATEMENT_MAX];
	MYSQL_RES *rows = NULL;
	int r = 0, status, n;
	va_list args;

	if (result)
		*result = NULL;
	va_start(args, fmt);
	n = vsnprintf(statement, sizeof(statement), fmt, args);
	va_end(args);
	if (n < 0 || n >= STATEMENT_MAX)
		abort();
	status = mysql_real_query_start(&r, server->mysql, statement, (unsigned long)n);
	while (status) {
		status = wait_for(server->mysql, status, until_ms);
		if (!status)
			return no_answer(server);
		status = mysql_real_query_cont(&r, server->mysql, status);
	}
	if (r)
		return failed(server);
	status = mysql_store_result_start(&rows, server->mysql);
	while (status) {
		status = wait_for(server->mysql, status, until_ms);
		if (!status)
			return no_answer(server);
		status = mysql_store_result_cont(&rows, server->mysql, status);
	}
	if (!rows && mysql_errno(server->mysql))
		return failed(server);
	if (result)
		*result = rows;
	else
		mysql_free_result(rows);
	return 0;
}

/** server_value() - a column of the first row; NULL if there is no row, or its value is NULL */
const char *server_value(MYSQL_RES *result, unsigned int column)
{
	MYSQL_ROW row;

	if (!result || column >= mysql_num_fields(result))
		return NULL;
	mysql_data_seek(result, 0);
	row = mysql_fetch_row(result);
	return row ? row[column] : NULL;
}
