/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session: what the session hooks that are programs share: the protocol of Documentation/hooks.md,
 * its times, and memory that is locked. Nothing here belongs to freezectl, and nothing needs it.
 */
#ifndef FREEZEGUARD_HOOK_SESSION_H
#define FREEZEGUARD_HOOK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

/* EX_TEMPFAIL */
#define SESSION_NOT_READY	75

/** struct session_hook - a hook; each function returns the exit status
 * @check: is the application ready? It changes nothing
 * @session: make it quiet, session_ready(), session_wait(), release it
 */
struct session_hook {
	int (*check)(void);
	int (*session)(void);
};

/** enum session_end - why session_wait() returned */
enum session_end {
	SESSION_LINE,		/* the supervisor's line came */
	SESSION_CLOSED,		/* the supervisor is gone */
	SESSION_LIMIT,		/* the session is over by now, and nothing came */
	SESSION_SERVER,		/* the connection has something to read, or was closed */
	SESSION_TICK,		/* none of these yet */
};

int session_main(int argc, char **argv, const struct session_hook *hook);
uint64_t session_now_ms(void);
uint64_t session_timeout_ms(void);
uint64_t session_quiet_by_ms(void);
unsigned int session_seconds_left(void);
void session_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void session_path(const char *base, const char *dir);
void session_other_path(const char *dir);
int session_stopped(const char *const *processes, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int session_lost(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool session_poll(int fd, short events, uint64_t until_ms, short *revents);
enum session_end session_wait(int fd, unsigned int tick_ms);
unsigned long session_number(const char *variable, unsigned long otherwise);

#endif
