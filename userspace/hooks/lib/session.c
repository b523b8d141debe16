// SPDX-License-Identifier: GPL-2.0-only
/*
 * session: one process that holds a connection until the thaw. From READY on it reads no file,
 * maps nothing and starts nothing, since what it would wait for may be frozen; what it needs is in
 * locked memory.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hooks/lib/session.h"

/* What freezectl takes for one line. */
#define LINE_MAX_BYTES	8000
#define PATHS_MAX	64

static uint64_t begun_ms;

/** session_now_ms() - CLOCK_BOOTTIME, in milliseconds */
uint64_t session_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/**
 * session_number() - a variable of the environment
 * @variable: its name
 * @otherwise: what counts if it is not set
 *
 * Return: its value. A value that is no number ends the hook: it is a mistake in the configuration.
 */
unsigned long session_number(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);
	unsigned long value;
	char *end;

	if (!text || !*text)
		return otherwise;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value > 1000000) {
		session_say("%s is a number of seconds, not '%s'", variable, text);
		exit(SESSION_NOT_READY);
	}
	return value;
}

/** session_timeout_ms() - how long a step may take: until READY, or after the line */
uint64_t session_timeout_ms(void)
{
	return session_number("FREEZEGUARD_TIMEOUT", 5) * 1000;
}

/**
 * session_quiet_by_ms() - until when READY has to be printed, CLOCK_BOOTTIME
 *
 * A second earlier than the caller says, which rounds up: a hook that gives up by itself says why.
 *
 * Return: milliseconds.
 */
uint64_t session_quiet_by_ms(void)
{
	uint64_t timeout = session_timeout_ms();

	return begun_ms + (timeout > 2000 ? timeout - 1000 : timeout / 2);
}

static uint64_t limit_ms(void)
{
	return begun_ms + session_number("FREEZEGUARD_LIMIT", 60) * 1000;
}

/** session_seconds_left() - until the session is certainly over; at least one, for a server */
unsigned int session_seconds_left(void)
{
	uint64_t now = session_now_ms(), limit = limit_ms();

	return limit > now + 1000 ? (unsigned int)((limit - now + 999) / 1000) : 1;
}

static void say(const char *before, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	size_t n, i;
	int r;

	n = (size_t)snprintf(line, sizeof(line), "%s", before);
	r = vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	if (r < 0)
		return;
	n = strlen(line);
	/* What others wrote must not end the line, and begin one of the protocol. */
	for (i = 0; i < n; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = ' ';
	line[n++] = '\n';
	/* A reader that is gone doesn't matter: what is held is to be released. */
	for (i = 0; i < n; i += (size_t)r) {
		r = (int)write(STDOUT_FILENO, line + i, n - i);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			return;
	}
}

/** session_say() - print a line; control characters in it become spaces */
void session_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
}

/* Its real path if it can be looked at, in @path. */
static void resolve(char *path, size_t size, const char *base, const char *dir)
{
	char joined[PATH_MAX], *real;

	if (dir[0] == '/')
		snprintf(joined, sizeof(joined), "%s", dir);
	else
		snprintf(joined, sizeof(joined), "%s/%s", base, dir);
	real = realpath(joined, NULL);
	snprintf(path, size, "%s", real ? real : joined);
	free(real);
}

static struct {
	char *path;
	dev_t dev;
	bool known;
} paths[PATHS_MAX];
static size_t n_paths;

static void add_path(const char *path, bool also_on_known)
{
	struct stat st = { 0 };
	bool known = !stat(path, &st);
	size_t i;

	for (i = 0; i < n_paths; i++)
		if (!strcmp(paths[i].path, path) ||
		    (!also_on_known && known && paths[i].known && paths[i].dev == st.st_dev))
			return;
	if (n_paths < PATHS_MAX && (paths[n_paths].path = strdup(path))) {
		paths[n_paths].dev = st.st_dev;
		paths[n_paths++].known = known;
	}
	session_say("PATH %s", path);
}

/**
 * session_path() - report a directory where data lie, once
 * @base: what it is relative to, unless it begins with a slash
 * @dir: as the server names it; NULL and "" are none
 */
void session_path(const char *base, const char *dir)
{
	char path[PATH_MAX];

	if (!dir || !*dir)
		return;
	resolve(path, sizeof(path), base, dir);
	add_path(path, true);
}

/**
 * session_other_path() - report one of many directories
 * @dir: absolute; it is reported only if no other one on its filesystem was
 */
void session_other_path(const char *dir)
{
	char path[PATH_MAX];

	resolve(path, sizeof(path), "/", dir);
	add_path(path, false);
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

/* A process of one of these names, as the kernel has them; 0 if there is none. */
static long find_process(const char *const *names)
{
	char path[300], name[32];
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	long found = 0;
	FILE *in;

	while (proc && !found && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		in = fopen(path, "re");
		if (!in)
			continue;
		if (fgets(name, sizeof(name), in)) {
			name[strcspn(name, "\n")] = '\0';
			if (is_one_of(name, names))
				found = atol(entry->d_name);
		}
		fclose(in);
	}
	if (proc)
		closedir(proc);
	return found;
}

/**
 * session_stopped() - nothing listens where the server should be
 * @processes: what the server's process may be called, ended by NULL
 * @fmt: why the connection failed
 *
 * Only if no such process runs is the server stopped. If one does, it listens elsewhere, or doesn't
 * yet: taken for stopped, a wrong setting would make a backup skip the application.
 *
 * Return: the exit status.
 */
int session_stopped(const char *const *processes, const char *fmt, ...)
{
	long pid = find_process(processes);
	va_list args;

	va_start(args, fmt);
	say("", fmt, args);
	va_end(args);
	if (pid)
		session_say("a server runs as process %ld, and listens elsewhere or not yet", pid);
	else
		session_say("STOPPED");
	return SESSION_NOT_READY;
}

/**
 * session_lost() - report that the application did not stay quiet
 * @fmt: why
 *
 * Return: the exit status, which is success: nothing is held any more.
 */
int session_lost(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("LOST ", fmt, args);
	va_end(args);
	return 0;
}

/**
 * session_poll() - wait for a connection
 * @fd: its descriptor
 * @events: as poll() has them
 * @until_ms: CLOCK_BOOTTIME
 * @revents: what came
 *
 * Return: whether something came in time.
 */
bool session_poll(int fd, short events, uint64_t until_ms, short *revents)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	uint64_t now;
	int n;

	do {
		now = session_now_ms();
		n = poll(&poll_fd, 1, until_ms > now ? (int)(until_ms - now) : 0);
	} while (n < 0 && errno == EINTR);
	*revents = poll_fd.revents;
	return n > 0;
}

/**
 * session_wait() - wait for the end of the session
 * @fd: the connection that holds something, or -1
 * @tick_ms: return SESSION_TICK after so long; 0: don't
 *
 * Return: why it is over.
 */
enum session_end session_wait(int fd, unsigned int tick_ms)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN | POLLRDHUP },
	};
	uint64_t now = session_now_ms(), limit = limit_ms(), until = limit;
	char buf[64];
	ssize_t n;

	if (tick_ms && now + tick_ms < limit)
		until = now + tick_ms;
	for (;;) {
		now = session_now_ms();
		if (now >= until)
			return until < limit ? SESSION_TICK : SESSION_LIMIT;
		if (poll(fds, 2, (int)(until - now)) <= 0)
			continue;
		/* The line comes first: at a thaw, both may be there. */
		if (fds[0].revents) {
			n = read(STDIN_FILENO, buf, sizeof(buf));
			if (n > 0 && memchr(buf, '\n', (size_t)n))
				return SESSION_LINE;
			if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
				return SESSION_CLOSED;
		}
		if (fds[1].revents)
			return SESSION_SERVER;
	}
}

/* Also what a user has that the hook steps down to. */
static void lock_memory(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &all);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		session_say("memory cannot be locked, so that its pages may have to be read from what is frozen: %s",
			    strerror(errno));
}

/**
 * session_main() - the main() of a hook
 * @argc: its arguments
 * @argv: likewise: check or session
 * @hook: what it does
 *
 * Return: the exit status.
 */
int session_main(int argc, char **argv, const struct session_hook *hook)
{
	begun_ms = session_now_ms();
	/* The supervisor's end is seen at standard input, a server's at its connection. */
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "check"))
		return hook->check();
	if (argc != 2 || strcmp(argv[1], "session")) {
		session_say("Usage: %s check | session", argv[0]);
		return 2;
	}
	lock_memory();
	return hook->session();
}
