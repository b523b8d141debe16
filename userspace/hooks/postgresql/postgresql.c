// SPDX-License-Identifier: GPL-2.0-only
/*
 * PostgreSQL: a checkpoint, so that a restore has little to replay; or, when its files lie on
 * several filesystems, a backup in the sense of pg_backup_start(), in one session until after the
 * thaw.
 *
 * What was frozen in one lease is of one moment: a server is started on the copies as they are, and
 * recovers as after a crash. What pg_backup_stop() returns is for those who archive WAL until the
 * backup's end, to recover to a later point in time: $FREEZEGUARD_KEEP/backup_label is put into the
 * restored data directory, and tablespace_map, if there is one. With the label and without that WAL
 * no server starts.
 *
 * From the environment (env.NAME in freezeguard.conf):
 * POSTGRESQL_USER: as which user of the system: default postgres
 * POSTGRESQL_MODE: checkpoint, backup, or auto (default): as said above
 * PG...: as libpq has them: PGHOST, PGPORT, PGUSER, PGPASSFILE. The role needs to be a superuser,
 *	or pg_checkpoint with EXECUTE on pg_backup_start and _stop, and pg_read_all_settings
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/lib/session.h"
#include "hooks/postgresql/label.h"
#include "hooks/postgresql/server.h"

static struct server server;

/*
 * The server knows this process by its effective user; root comes back only to keep a label. HOME
 * is where libpq looks for .pgpass.
 */
static int step_down(void)
{
	const char *name = getenv("POSTGRESQL_USER") ?: "postgres";
	const struct passwd *user = getpwnam(name);

	if (!user) {
		session_say("there is no user %s: set POSTGRESQL_USER", name);
		return SESSION_NOT_READY;
	}
	setenv("HOME", user->pw_dir, 1);
	if (user->pw_uid == geteuid())
		return 0;
	if (initgroups(name, user->pw_gid) || setegid(user->pw_gid) || seteuid(user->pw_uid)) {
		session_say("cannot become user %s: %s", name, strerror(errno));
		return SESSION_NOT_READY;
	}
	return 0;
}

static int fail(const char *what)
{
	session_say("%s: %s", what, server.error);
	return 1;
}

static bool timed_out(enum server_result r)
{
	return r == SERVER_CANCELED || r == SERVER_NO_ANSWER;
}

/* A setting of this session. */
static int set(uint64_t until_ms, const char *statement, uint64_t ms)
{
	char value[32];

	snprintf(value, sizeof(value), "%llums", (unsigned long long)ms);
	return server_ask(&server, until_ms, statement, value) ? fail(statement) : 0;
}

#define SET_STATEMENT_TIMEOUT	"SELECT set_config('statement_timeout', $1, false)"
#define SET_IDLE_TIMEOUT	"SELECT set_config('idle_session_timeout', $1, false)"

/* The statement that makes the server quiet ends by itself while there is time to say so. */
static int limit_statements(uint64_t until_ms)
{
	uint64_t now = session_now_ms(), left = until_ms > now ? until_ms - now : 0;

	return set(until_ms, SET_STATEMENT_TIMEOUT, left * 3 / 4 + 1);
}

static bool is_on(dev_t device, const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_dev == device;
}

/* Prints where the files are, and finds out whether one filesystem has all of them. */
static int look_at_files(uint64_t until_ms, bool *one_filesystem)
{
	char data[PATH_MAX], wal[PATH_MAX + 16];
	struct stat st;
	int i;

	if (server_ask(&server, until_ms, "SHOW data_directory", NULL)) {
		session_say("SHOW data_directory: %s", server.error);
		return SESSION_NOT_READY;
	}
	snprintf(data, sizeof(data), "%s", server_value(&server, 0, 0));
	snprintf(wal, sizeof(wal), "%s/pg_wal", data);
	session_say("NOTE data_directory=%s", data);
	session_path("/", data);
	session_other_path(wal);
	*one_filesystem = !stat(data, &st) && is_on(st.st_dev, wal);
	if (server_ask(&server, until_ms,
		       "SELECT pg_tablespace_location(oid) FROM pg_tablespace "
		       "WHERE pg_tablespace_location(oid) <> ''", NULL)) {
		session_say("the tablespaces cannot be queried: %s", server.error);
		return SESSION_NOT_READY;
	}
	for (i = 0; i < server_rows(&server); i++) {
		session_path("/", server_value(&server, i, 0));
		*one_filesystem = *one_filesystem && is_on(st.st_dev, server_value(&server, i, 0));
	}
	return 0;
}

enum mode { CHECKPOINT, BACKUP_IF_IN_TIME, BACKUP };

/* Up to what can be found out without a change. */
static int prepare(uint64_t until_ms, enum mode *mode)
{
	const char *name = getenv("POSTGRESQL_MODE") ?: "auto";
	bool one_filesystem;
	int r;

	if (strcmp(name, "auto") && strcmp(name, "checkpoint") && strcmp(name, "backup")) {
		session_say("POSTGRESQL_MODE is checkpoint, backup or auto, not '%s'", name);
		return SESSION_NOT_READY;
	}
	r = step_down();
	if (!r)
		r = server_connect(&server, until_ms);
	if (!r)
		r = look_at_files(until_ms, &one_filesystem);
	if (!strcmp(name, "backup"))
		*mode = BACKUP;
	else if (!strcmp(name, "checkpoint") || one_filesystem)
		*mode = CHECKPOINT;
	else
		*mode = BACKUP_IF_IN_TIME;
	return r;
}

static int check(void)
{
	enum mode mode;

	return prepare(session_quiet_by_ms(), &mode);
}

/* It is only a convenience: one that takes long goes on in the server, and the copies are good. */
static int checkpoint(uint64_t until_ms)
{
	enum server_result r = server_ask(&server, until_ms, "CHECKPOINT", NULL);

	if (timed_out(r))
		session_say("NOTE checkpoint=timeout");
	else if (r)
		return fail("CHECKPOINT");
	return 0;
}

/* *@held: whether it has begun. */
static int backup_begins(uint64_t until_ms, enum mode mode, bool *held)
{
	bool renamed = PQserverVersion(server.conn) >= 150000;
	const char *statement = renamed ? "SELECT pg_backup_start($1, true)" :
				"SELECT pg_start_backup($1, true, false)";
	enum server_result r;

	r = server_ask(&server, until_ms, statement, getenv("FREEZEGUARD_ID") ?: "freezeguard");
	*held = !r;
	if (!r) {
		session_say("NOTE backup_start=%s", server_value(&server, 0, 0));
		return 0;
	}
	if (!timed_out(r))
		return fail(statement);
	session_say("NOTE checkpoint=timeout");
	if (mode == BACKUP_IF_IN_TIME)
		return 0;
	session_say("the backup's checkpoint takes longer than this hook may; raise its timeout");
	return SESSION_NOT_READY;
}

/* Also if this process is stopped, the session ends. Before 14, a server has no such limit. */
static int bound(uint64_t until_ms)
{
	int r = set(until_ms, SET_STATEMENT_TIMEOUT, session_timeout_ms());

	if (!r && PQserverVersion(server.conn) >= 140000)
		r = set(until_ms, SET_IDLE_TIMEOUT, session_seconds_left() * 1000ULL);
	return r;
}

#define LABEL_FROM "SELECT labelfile, COALESCE(spcmapfile, '') FROM "

static int backup_ends(void)
{
	uint64_t until_ms = session_now_ms() + session_timeout_ms();
	bool renamed = PQserverVersion(server.conn) >= 150000;
	enum server_result r;
	int kept;

	r = server_ask(&server, until_ms,
		       renamed ? LABEL_FROM "pg_backup_stop(false)" :
				 LABEL_FROM "pg_stop_backup(false, false)", NULL);
	if (r == SERVER_NO_ANSWER)
		return fail("the backup's end");
	if (r)
		return session_lost("the backup was not ended properly: %s", server.error);
	kept = label_keep("backup_label", server_value(&server, 0, 0));
	if (!kept)
		kept = label_keep("tablespace_map", server_value(&server, 0, 1));
	if (kept)
		return session_lost("the backup's label could not be written to %s: %s",
				    getenv("FREEZEGUARD_KEEP"), strerror(-kept));
	return 0;
}

static int session(void)
{
	uint64_t until_ms = session_quiet_by_ms();
	enum session_end end;
	bool held = false;
	enum mode mode;
	int r = prepare(until_ms, &mode);

	if (!r)
		r = limit_statements(until_ms);
	if (!r)
		r = mode == CHECKPOINT ? checkpoint(until_ms) :
					 backup_begins(until_ms, mode, &held);
	if (!r && held)
		r = bound(until_ms);
	if (r)
		return r;
	session_say("NOTE mode=%s", held ? "backup" : "checkpoint");
	/* Nothing is lost with a connection that holds nothing. */
	if (!held)
		PQfinish(server.conn);
	session_say("READY");
	end = session_wait(held ? PQsocket(server.conn) : -1, 0);
	if (end == SESSION_SERVER)
		return session_lost("the server ended the session with the backup");
	/* Without a supervisor it is lost, and its end would wait for the thaw. */
	return held && end == SESSION_LINE ? backup_ends() : 0;
}

int main(int argc, char **argv)
{
	return session_main(argc, argv, &(struct session_hook){ check, session });
}
