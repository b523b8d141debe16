// SPDX-License-Identifier: GPL-2.0-only
/*
 * MySQL and MariaDB: one session holds a lock until the thaw. Which one depends on MYSQL_MODE:
 *
 * instance: MySQL 8.0 or later: LOCK INSTANCE FOR BACKUP. Files are neither made nor removed, and
 *	no table changes its definition. Transactions go on: InnoDB recovers from the copy.
 * stage: MariaDB 10.4.1 or later: BACKUP STAGE BLOCK_COMMIT. Commits wait; tables without
 *	transactions are flushed and closed.
 * ftwrl: FLUSH TABLES WITH READ LOCK: all writes wait, and all tables are flushed and closed.
 * auto: the default: stage; instance if all tables are transactional; or ftwrl.
 *
 * From the environment (env.NAME in freezeguard.conf):
 * MYSQL_OPTIONS_FILE: has user, password, socket, ... in [client] or [freezeguard]; by default the
 *	files that every client reads, such as /etc/mysql/my.cnf and ~/.my.cnf
 * MYSQL_MODE: as above
 * MYSQL_LOCK_SECONDS: how long the lock may be waited for: default 3
 * MYSQL_LONG_SECONDS: ftwrl: a statement that has been running for so long is in the way: default 1
 *
 * The account needs RELOAD, PROCESS and REPLICATION CLIENT (MariaDB: BINLOG MONITOR); for instance
 * also BACKUP_ADMIN and SELECT.
 */
#include <stdio.h>
#include <string.h>

#include <mysqld_error.h>

#include "hooks/lib/session.h"
#include "hooks/mysql/mode.h"
#include "hooks/mysql/paths.h"
#include "hooks/mysql/server.h"

static struct server server;
static const struct mode *mode;

static int fail(const char *what)
{
	session_say("%s: %s", what, server.error);
	return 1;
}

/* @name, if the statement has a value. */
static int note(uint64_t until_ms, const char *name, const char *statement)
{
	const char *before = mode->stops_commits ? "" : "_before";
	const char *first, *second;
	MYSQL_RES *rows;

	if (server_ask(&server, until_ms, &rows, "%s", statement))
		return fail(statement);
	first = server_value(rows, 0);
	second = server_value(rows, 1);
	if (first && *first)
		session_say("NOTE %s%s=%s%s%s", name, before, first, second ? ":" : "",
			    second ?: "");
	mysql_free_result(rows);
	return 0;
}

static const char *position_statement(void)
{
	bool renamed = !server.mariadb && server.version >= 80200;

	return renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
}

static int note_position(uint64_t until_ms)
{
	int r;

	session_say("NOTE mode=%s", mode->name);
	r = note(until_ms, "binlog", position_statement());
	if (r)
		return r;
	return note(until_ms, "gtid", server.mariadb ? "SELECT @@GLOBAL.gtid_binlog_pos" :
		    "SELECT REPLACE(@@GLOBAL.gtid_executed, '\n', '')");
}

/* Up to what can be found out without a change: also that the position may not be queried. */
static int prepare(uint64_t until_ms)
{
	int r = server_connect(&server, until_ms);

	if (!r)
		r = paths_report(&server, until_ms);
	if (!r)
		r = mode_choose(&mode, &server, until_ms);
	if (!r && server_ask(&server, until_ms, NULL, "%s", position_statement())) {
		fail(position_statement());
		r = SESSION_NOT_READY;
	}
	if (!r)
		r = mode_ready(mode, &server, until_ms);
	return r;
}

static int check(void)
{
	return prepare(session_quiet_by_ms());
}

/* The server ends the session by itself, also if this process was stopped. */
static int bound(uint64_t until_ms)
{
	if (server_ask(&server, until_ms, NULL, "SET SESSION wait_timeout = %u",
		       session_seconds_left()))
		return fail("SET SESSION wait_timeout");
	return 0;
}

static int make_quiet(uint64_t until_ms)
{
	int r = bound(until_ms);

	if (!r)
		r = mode_lock(mode, &server, until_ms);
	if (r)
		return r;
	/* For innodb_flush_log_at_trx_commit = 0, which MariaDB does not flush for this either. */
	if (server_ask(&server, until_ms, NULL, "FLUSH LOCAL ENGINE LOGS"))
		return fail("FLUSH LOCAL ENGINE LOGS");
	r = note_position(until_ms);
	return r ? r : bound(until_ms);
}

static int session(void)
{
	uint64_t until_ms = session_quiet_by_ms();
	int r = prepare(until_ms);

	if (!r)
		r = make_quiet(until_ms);
	if (r)
		return r;
	session_say("READY");
	if (session_wait(mysql_get_socket(server.mysql), 0) == SESSION_SERVER)
		return session_lost("the server ended the session that held the lock");
	r = server_ask(&server, session_now_ms() + session_timeout_ms(), NULL, "%s", mode->unlock);
	if (r == SERVER_GONE)
		return session_lost("the server ended the session that held the lock: %s",
				    server.error);
	return r ? fail(mode->unlock) : 0;
}

int main(int argc, char **argv)
{
	return session_main(argc, argv, &(struct session_hook){ check, session });
}
