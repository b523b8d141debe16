// SPDX-License-Identifier: GPL-2.0-only
/*
 * mode: what each product offers. None of it may keep clients waiting once the hook is gone: each
 * try of a lock ends after a second by itself, in the server.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mysqld_error.h>

#include "hooks/lib/session.h"
#include "hooks/mysql/mode.h"

#define LOCK_SECONDS	3
#define LONG_SECONDS	1
/* Between two looks, or two tries: other clients' statements go on meanwhile. */
#define PAUSE_MS	100
/* The last look, or try, has this much time for its answer. */
#define RESERVE_MS	1500
#define NAMED_MAX	3

static const struct mode modes[] = {
	{
		.name = "instance",
		.lock = { "LOCK INSTANCE FOR BACKUP" },
		.unlock = "UNLOCK INSTANCE",
	}, {
		.name = "stage",
		.lock = { "BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT" },
		.unlock = "BACKUP STAGE END",
		.stops_commits = true,
	}, {
		.name = "ftwrl",
		.lock = { "FLUSH TABLES WITH READ LOCK" },
		.unlock = "UNLOCK TABLES",
		.stops_commits = true,
		.closes_tables = true,
	},
};

static bool has_stages(const struct server *server)
{
	return server->mariadb && server->version >= 100401;
}

static const struct mode *find_mode(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

/* A count; on an error that is said, and the result is negative. */
static int count(struct server *server, uint64_t until_ms, const char *statement)
{
	MYSQL_RES *rows;
	int n;

	if (server_ask(server, until_ms, &rows, "%s", statement)) {
		session_say("%s: %s", statement, server->error);
		return -1;
	}
	n = atoi(server_value(rows, 0) ?: "0");
	mysql_free_result(rows);
	return n;
}

/* Does the account have it everywhere? What a role grants is not looked at. */
#define GRANTED(privilege)								\
	"SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = '"	\
	privilege "' AND GRANTEE = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), "	\
	"'''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')"

/*
 * Is every table one that recovers from a copy of its files at one moment? What is in memory only
 * is not in such a copy anyway; an account sees the tables with which it may do something.
 */
static int only_transactional(struct server *server, uint64_t until_ms)
{
	int n;

	n = count(server, until_ms, GRANTED("SELECT"));
	if (n < 0)
		return n;
	if (!n) {
		session_say("mode ftwrl: without SELECT on *.* the account cannot see whether all tables are transactional");
		return 0;
	}
	n = count(server, until_ms,
		  "SELECT COUNT(*) FROM information_schema.TABLES t "
		  "LEFT JOIN information_schema.ENGINES e ON t.ENGINE = e.ENGINE "
		  "WHERE t.TABLE_TYPE = 'BASE TABLE' AND t.TABLE_SCHEMA NOT IN "
		  "('mysql', 'performance_schema', 'information_schema', 'sys') AND "
		  "t.ENGINE NOT IN ('MEMORY', 'BLACKHOLE') AND "
		  "COALESCE(e.TRANSACTIONS, 'NO') <> 'YES'");
	return n < 0 ? n : !n;
}

/**
 * mode_choose() - what MYSQL_MODE says, or what is right for the server
 * @mode: which one
 * @server: connected
 * @until_ms: CLOCK_BOOTTIME
 *
 * Return: 0, or an exit status after a message.
 */
int mode_choose(const struct mode **mode, struct server *server, uint64_t until_ms)
{
	const char *name = getenv("MYSQL_MODE") ?: "auto";
	bool stage = has_stages(server);
	bool instance = !server->mariadb && server->version >= 80000;
	int n;

	*mode = NULL;
	if (!strcmp(name, "auto")) {
		name = stage ? "stage" : "ftwrl";
		n = instance ? only_transactional(server, until_ms) : 0;
		if (n < 0)
			return SESSION_NOT_READY;
		if (n)
			name = "instance";
	}
	*mode = find_mode(name);
	if (!*mode)
		session_say("MYSQL_MODE is auto, instance, stage or ftwrl, not '%s'", name);
	else if ((!strcmp(name, "stage") && !stage) || (!strcmp(name, "instance") && !instance))
		session_say("MYSQL_MODE %s: stage needs MariaDB 10.4.1, and instance needs MySQL 8.0",
			    name);
	else
		return 0;
	return SESSION_NOT_READY;
}

enum { PROCESS_ID, PROCESS_USER, PROCESS_COMMAND = 4, PROCESS_TIME, PROCESS_INFO = 7 };

/* Replication's threads have the lag as their time. */
static bool is_long(MYSQL_ROW row, long seconds)
{
	return row[PROCESS_INFO] && row[PROCESS_TIME] && row[PROCESS_USER] &&
	       (!strcmp(row[PROCESS_COMMAND], "Query") ||
		!strcmp(row[PROCESS_COMMAND], "Execute")) &&
	       strcmp(row[PROCESS_USER], "system user") && atol(row[PROCESS_TIME]) >= seconds;
}

/* How many statements have been running for so long; the first few are said if @says. */
static int long_statements(struct server *server, uint64_t until_ms, long seconds, bool says)
{
	unsigned long own = mysql_thread_id(server->mysql);
	MYSQL_RES *rows;
	MYSQL_ROW row;
	int n = 0;

	if (server_ask(server, until_ms, &rows, "SHOW FULL PROCESSLIST"))
		return -1;
	while (rows && (row = mysql_fetch_row(rows))) {
		if (!is_long(row, seconds) || strtoul(row[PROCESS_ID], NULL, 10) == own)
			continue;
		if (n++ < NAMED_MAX && says)
			session_say("session %s of %s, for %s s: %.120s", row[PROCESS_ID],
				    row[PROCESS_USER], row[PROCESS_TIME], row[PROCESS_INFO]);
	}
	mysql_free_result(rows);
	return n;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* When to stop waiting for others: while there is time for an answer. */
static uint64_t give_up_ms(uint64_t until_ms)
{
	uint64_t wait_ms = session_number("MYSQL_LOCK_SECONDS", LOCK_SECONDS) * 1000;
	uint64_t now = session_now_ms();

	return until_ms < now + wait_ms + RESERVE_MS ? until_ms - RESERVE_MS : now + wait_ms;
}

/* Those of LOCK TABLES and HANDLER, which a session keeps open between statements. */
static int tables_kept_open(struct server *server, uint64_t until_ms, bool says)
{
	MYSQL_RES *rows;
	MYSQL_ROW row;
	int n = 0;

	/* A server that does not count them, or an account that may not look, has none here. */
	if (server_ask(server, until_ms, &rows,
		       "SELECT t.PROCESSLIST_ID, t.PROCESSLIST_USER, h.OBJECT_SCHEMA, "
		       "h.OBJECT_NAME FROM performance_schema.table_handles h "
		       "JOIN performance_schema.threads t ON h.OWNER_THREAD_ID = t.THREAD_ID "
		       "WHERE t.PROCESSLIST_COMMAND = 'Sleep'"))
		return 0;
	while (rows && (row = mysql_fetch_row(rows)))
		if (n++ < NAMED_MAX && says)
			session_say("session %s of %s keeps table %s.%s open", row[0], row[1],
				    row[2], row[3]);
	mysql_free_result(rows);
	return n;
}

static int in_the_way(struct server *server, uint64_t until_ms, long seconds, bool says)
{
	int n = long_statements(server, until_ms, seconds, says);

	return n < 0 ? n : n + tables_kept_open(server, until_ms, says);
}

/**
 * mode_ready() - wait until no statement is in the way of a lock
 * @mode: which one
 * @server: connected
 * @until_ms: CLOCK_BOOTTIME; MYSQL_LOCK_SECONDS at most
 *
 * FLUSH TABLES WITH READ LOCK marks every table to be closed. MySQL leaves that mark when it gives
 * the statement up: whoever then uses a table that a long statement has open waits for that
 * statement's end. MariaDB's waits for no reader since it has BACKUP STAGE.
 *
 * Return: 0, or an exit status after a message.
 */
int mode_ready(const struct mode *mode, struct server *server, uint64_t until_ms)
{
	long seconds = (long)session_number("MYSQL_LONG_SECONDS", LONG_SECONDS);
	uint64_t last_look = give_up_ms(until_ms);
	int n;

	if (!mode->closes_tables || has_stages(server))
		return 0;
	while ((n = in_the_way(server, until_ms, seconds, false)) > 0 &&
	       session_now_ms() < last_look)
		pause_ms(PAUSE_MS);
	if (!n)
		return 0;
	if (n < 0) {
		session_say("SHOW FULL PROCESSLIST: %s", server->error);
		return SESSION_NOT_READY;
	}
	session_say("%s would block the tables that these use, until they end:", mode->lock[0]);
	in_the_way(server, until_ms, seconds, true);
	return SESSION_NOT_READY;
}

/* All of its statements, or none: after an error what they locked is released. */
static int try_lock(const struct mode *mode, struct server *server, uint64_t until_ms)
{
	size_t i;
	int r;

	for (i = 0; i < sizeof(mode->lock) / sizeof(mode->lock[0]) && mode->lock[i]; i++) {
		r = server_ask(server, until_ms, NULL, "%s", mode->lock[i]);
		if (!r)
			continue;
		if (r != ER_LOCK_WAIT_TIMEOUT)
			session_say("%s: %s", mode->lock[i], server->error);
		if (r > 0)
			server_ask(server, session_now_ms() + 1000, NULL, "%s", mode->unlock);
		return r;
	}
	return 0;
}

/**
 * mode_lock() - make the server quiet
 * @mode: which one
 * @server: connected, and mode_ready()
 * @until_ms: CLOCK_BOOTTIME; MYSQL_LOCK_SECONDS at most
 *
 * A try waits for a second at most, which is the server's own limit: others wait behind it.
 *
 * Return: 0, or an exit status after a message.
 */
int mode_lock(const struct mode *mode, struct server *server, uint64_t until_ms)
{
	uint64_t begun = session_now_ms(), last_try = give_up_ms(until_ms);
	int r;

	if (server_ask(server, until_ms, NULL, "SET SESSION lock_wait_timeout = 1")) {
		session_say("SET SESSION lock_wait_timeout: %s", server->error);
		return SESSION_NOT_READY;
	}
	while ((r = try_lock(mode, server, until_ms)) == ER_LOCK_WAIT_TIMEOUT &&
	       session_now_ms() < last_try)
		pause_ms(PAUSE_MS);
	if (r == ER_LOCK_WAIT_TIMEOUT) {
		session_say("no lock within %.1f s; running:",
			    (double)(session_now_ms() - begun) / 1000);
		long_statements(server, session_now_ms() + 1000, 0, true);
	}
	return r ? SESSION_NOT_READY : 0;
}
