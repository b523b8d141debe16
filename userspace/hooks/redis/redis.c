// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redis and Valkey. With an append-only file, clients' writes are paused until the thaw, and what
 * was acknowledged is in the file: reads go on, while a write to a frozen file would stop the whole
 * server. Without one, a dump (BGSAVE) is made before the freeze, and writes go on: the copy has
 * what the dump has.
 *
 * From the environment (env.NAME in freezeguard.conf):
 *	REDIS_SOCKET	its socket; without it, REDIS_HOST (default 127.0.0.1) and REDIS_PORT (6379)
 *	REDIS_USER	an ACL user, which may use CONFIG GET, INFO, CLIENT and BGSAVE
 *	REDISCLI_AUTH	the password, as redis-cli has it
 *	REDIS_MODE	pause, dump, or auto (default): as said above
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "hooks/lib/session.h"

#define CONNECT_MS	3000
/* Between two looks at what the server is doing. */
#define LOOK_MS		50
/* A pause belongs to no session: it ends because nobody prolongs it when the hook is killed. */
#define PAUSE_MS	900
#define PROLONG_MS	200

static const char *const processes[] = { "redis-server", "valkey-server", "redis-sentinel", NULL };

static redisContext *server;

static struct timeval time_of(uint64_t ms)
{
	return (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
}

static uint64_t left_ms(uint64_t until_ms)
{
	uint64_t now = session_now_ms();

	return until_ms > now ? until_ms - now : 1;
}

static bool timed_out(void)
{
	return server->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/*
 * One command, whose words are separated by spaces. NULL: the connection can't be used any more.
 * What the server refuses is a reply of type REDIS_REPLY_ERROR.
 */
static redisReply *ask(uint64_t until_ms, const char *fmt, ...)
{
	redisReply *reply;
	va_list args;

	redisSetTimeout(server, time_of(left_ms(until_ms)));
	va_start(args, fmt);
	reply = redisvCommand(server, fmt, args);
	va_end(args);
	return reply;
}

/* Says what is wrong with a reply, and frees it. */
static int refuse(const char *what, redisReply *reply)
{
	if (reply)
		session_say("%s: %s", what, reply->str ? reply->str : "unexpected answer");
	else
		session_say("%s: %s", what, timed_out() ? "no answer in time" : server->errstr);
	freeReplyObject(reply);
	return SESSION_NOT_READY;
}

static bool is_ok(const redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_STATUS;
}

static int log_in(uint64_t until_ms)
{
	const char *user = getenv("REDIS_USER"), *password = getenv("REDISCLI_AUTH");
	redisReply *reply;

	if (!password)
		return 0;
	reply = user ? ask(until_ms, "AUTH %s %s", user, password) :
		       ask(until_ms, "AUTH %s", password);
	if (!is_ok(reply))
		return refuse("AUTH", reply);
	freeReplyObject(reply);
	return 0;
}

static int connect_server(uint64_t until_ms)
{
	const char *path = getenv("REDIS_SOCKET"), *host = getenv("REDIS_HOST") ?: "127.0.0.1";
	int port = (int)session_number("REDIS_PORT", 6379);
	uint64_t ms = left_ms(until_ms);
	int error;

	if (ms > CONNECT_MS)
		ms = CONNECT_MS;
	server = path ? redisConnectUnixWithTimeout(path, time_of(ms)) :
		 redisConnectWithTimeout(host, port, time_of(ms));
	error = errno;
	if (!server)
		return 1;
	if (server->err && (error == ECONNREFUSED || error == ENOENT))
		return session_stopped(processes, "the server cannot be reached: %s",
				       server->errstr);
	if (server->err) {
		session_say("the server does not answer: %s", server->errstr);
		return SESSION_NOT_READY;
	}
	return log_in(until_ms);
}

/* A field of INFO, which is "name:number" a line; -1 if there is none. */
static long long field(const char *info, const char *name)
{
	size_t n = strlen(name);
	const char *line;

	for (line = info; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ':')
			return atoll(line + n + 1);
	}
	return -1;
}

struct persistence {
	long long loading, aof, aof_buffer, saving, last_save;
	bool last_save_failed;
};

static int look(uint64_t until_ms, struct persistence *p)
{
	redisReply *reply = ask(until_ms, "INFO persistence");

	if (!reply || !reply->str || reply->type == REDIS_REPLY_ERROR)
		return refuse("INFO persistence", reply);
	*p = (struct persistence){
		.loading = field(reply->str, "loading"),
		.aof = field(reply->str, "aof_enabled"),
		.aof_buffer = field(reply->str, "aof_buffer_length"),
		.saving = field(reply->str, "rdb_bgsave_in_progress"),
		.last_save = field(reply->str, "rdb_last_save_time"),
		.last_save_failed = strstr(reply->str, "rdb_last_bgsave_status:err"),
	};
	freeReplyObject(reply);
	return 0;
}

static int report_directory(uint64_t until_ms)
{
	redisReply *reply = ask(until_ms, "CONFIG GET dir");

	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
		return refuse("CONFIG GET dir", reply);
	session_path("/", reply->element[1]->str);
	freeReplyObject(reply);
	return 0;
}

/* Up to what can be found out without a change. */
static int prepare(uint64_t until_ms, bool *pause)
{
	const char *mode = getenv("REDIS_MODE") ?: "auto";
	struct persistence p;
	int r;

	if (strcmp(mode, "auto") && strcmp(mode, "pause") && strcmp(mode, "dump")) {
		session_say("REDIS_MODE is pause, dump or auto, not '%s'", mode);
		return SESSION_NOT_READY;
	}
	r = connect_server(until_ms);
	if (!r)
		r = report_directory(until_ms);
	if (!r)
		r = look(until_ms, &p);
	if (r)
		return r;
	if (p.loading) {
		session_say("the server is loading its data");
		return SESSION_NOT_READY;
	}
	*pause = !strcmp(mode, "pause") || (!strcmp(mode, "auto") && p.aof > 0);
	return 0;
}

static int check(void)
{
	bool pause;

	return prepare(session_quiet_by_ms(), &pause);
}

static int too_late(uint64_t until_ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000 }, NULL);
	return session_now_ms() + LOOK_MS >= until_ms;
}

static int prolong(uint64_t until_ms)
{
	redisReply *reply = ask(until_ms, "CLIENT PAUSE %d WRITE", PAUSE_MS);

	if (!is_ok(reply))
		return refuse("CLIENT PAUSE", reply);
	freeReplyObject(reply);
	return 0;
}

static int pause_writes(uint64_t until_ms)
{
	struct persistence p;
	int r;

	session_say("NOTE mode=pause");
	/* What was acknowledged may still be in the server's memory, for two seconds at most. */
	do {
		r = prolong(until_ms);
		if (!r)
			r = look(until_ms, &p);
		if (r || p.aof_buffer <= 0)
			return r;
	} while (!too_late(until_ms));
	session_say("the append-only file is not written: its disk is too slow");
	return SESSION_NOT_READY;
}

/* A dump that began before this one does not have what was acknowledged since. */
static int wait_for_dump(uint64_t until_ms, struct persistence *p)
{
	int r;

	do {
		r = look(until_ms, p);
		if (r || !p->saving)
			return r;
	} while (!too_late(until_ms));
	session_say("the dump takes longer than this hook may; raise its timeout");
	return SESSION_NOT_READY;
}

static int dump(uint64_t until_ms)
{
	struct persistence p;
	redisReply *reply;
	int r;

	r = wait_for_dump(until_ms, &p);
	if (r)
		return r;
	reply = ask(until_ms, "BGSAVE");
	if (!is_ok(reply))
		return refuse("BGSAVE", reply);
	freeReplyObject(reply);
	r = wait_for_dump(until_ms, &p);
	if (r)
		return r;
	if (p.last_save_failed) {
		session_say("the dump failed; the server's log says why");
		return 1;
	}
	session_say("NOTE mode=dump");
	session_say("NOTE last_save=%lld", p.last_save);
	return 0;
}

static int release(void)
{
	redisReply *reply = ask(session_now_ms() + session_timeout_ms(), "CLIENT UNPAUSE");

	if (!reply && !timed_out())
		return session_lost("the server ended the connection: %s", server->errstr);
	if (!is_ok(reply)) {
		refuse("CLIENT UNPAUSE", reply);
		return 1;
	}
	return 0;
}

/* Until the end, which *@end gets; not 0 if the pause could not be prolonged. */
static int keep_paused(enum session_end *end)
{
	int r = 0;

	while (!r && (*end = session_wait(server->fd, PROLONG_MS)) == SESSION_TICK)
		r = prolong(session_now_ms() + session_timeout_ms());
	return r;
}

static int session(void)
{
	uint64_t until_ms = session_quiet_by_ms();
	enum session_end end;
	bool pause;
	int r = prepare(until_ms, &pause);

	if (!r)
		r = pause ? pause_writes(until_ms) : dump(until_ms);
	if (r)
		return r;
	session_say("READY");
	if (!pause) {
		/* The dump is there, whatever happens to the server. */
		session_wait(-1, 0);
		return 0;
	}
	if (keep_paused(&end) || end == SESSION_SERVER)
		return session_lost("the server ended the connection, or the pause");
	return release();
}

int main(int argc, char **argv)
{
	return session_main(argc, argv, &(struct session_hook){ check, session });
}
