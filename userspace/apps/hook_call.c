// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook_call: starting hooks, reading what they print, ending them. Nothing of the caller's reaches
 * a hook but what is given here: neither files, signals, environment nor directory. A hook's
 * process is reaped only after everything was done to its group, so that no signal can reach
 * another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <freezeguard.h>

#include "apps/hook_call.h"
#include "base/timefmt.h"
#include "base/text.h"

#define FIXED_ENV	11
/* A pipe's capacity. */
#define READ_MAX	65536

struct environment {
	char *v[FIXED_ENV + 1];
	char **all;
};

static void environment_free(struct environment *env)
{
	size_t i;

	for (i = 0; i < FIXED_ENV; i++)
		free(env->v[i]);
	free(env->all);
}

static void environment_add(struct environment *env, size_t i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void environment_add(struct environment *env, size_t i, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	env->v[i] = text_vformat(fmt, args);
	va_end(args);
}

/* Does the list have the variable of a NAME=value? */
static bool is_set(const struct text_list *list, const char *variable)
{
	size_t i, len = strcspn(variable, "=") + 1;

	for (i = 0; i < list->n; i++)
		if (!strncmp(list->v[i], variable, len))
			return true;
	return false;
}

/* Made before the fork: a child does as little as possible. */
static int environment_make(struct environment *env, const struct hook *hook, uint32_t timeout_ms,
			    const struct hook_call_args *call)
{
	size_t i, k = 0;

	*env = (struct environment){ 0 };
	environment_add(env, 0, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
			"/bin");
	environment_add(env, 1, "HOME=/root");
	environment_add(env, 2, "LANG=C.UTF-8");
	environment_add(env, 3, "LC_ALL=C.UTF-8");
	environment_add(env, 4, "FREEZEGUARD_HOOK=%s", hook->name);
	environment_add(env, 5, "FREEZEGUARD_ID=%s", call->id);
	environment_add(env, 6, "FREEZEGUARD_TIMEOUT=%u", (timeout_ms + 999) / 1000);
	environment_add(env, 7, "FREEZEGUARD_LIMIT=%llu",
			(unsigned long long)(call->limit_ms + 999) / 1000);
	environment_add(env, 8, "FREEZEGUARD_PATHS=%s", call->paths);
	environment_add(env, 9, "FREEZEGUARD_KEEP=%s/%s", call->keep, hook->name);
	environment_add(env, 10, "FREEZEGUARD_NOTES=%s", call->notes ? call->notes : "");
	env->all = calloc(FIXED_ENV + hook->env->n + 1, sizeof(*env->all));
	for (i = 0; env->all && i < FIXED_ENV && env->v[i]; i++)
		;
	if (!env->all || i < FIXED_ENV) {
		environment_free(env);
		return -ENOMEM;
	}
	/* The configuration may set PATH, HOME and the language. */
	for (i = 0; i < FIXED_ENV; i++)
		if (!is_set(hook->env, env->v[i]))
			env->all[k++] = env->v[i];
	for (i = 0; i < hook->env->n; i++)
		env->all[k++] = hook->env->v[i];
	return 0;
}

/* The supervisor is spared from the OOM killer; what it calls is not. */
static void set_oom_score_adj(const char *text)
{
	int fd = text && *text ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		dprintf(STDERR_FILENO, "oom_score_adj: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void __attribute__((noreturn)) child(const struct hook *hook, const char *verb, int in,
					    int out, char **env, const char *oom_score_adj)
{
	char *argv[] = { hook->path, (char *)verb, NULL };
	char *script[] = { "/bin/sh", hook->path, (char *)verb, NULL };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i, error;

	setpgid(0, 0);
	for (i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Neither end can be a standard stream itself: these are always open. */
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	set_oom_score_adj(oom_score_adj);
	if (chdir("/"))
		_exit(126);
	umask(022);
	execve(hook->path, argv, env);
	error = errno;
	if (error == ENOEXEC)
		execve(script[0], script, env);
	dprintf(STDERR_FILENO, "cannot be run: %s\n", strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/**
 * hook_call_start() - start a hook
 * @run: all of it is overwritten; hook_call_close() it if this succeeds
 * @hook: which
 * @verb: its argument; a "session" gets an end of a pipe to wait at
 * @call: what it is told
 *
 * Return: 0 or a negative errno.
 */
int hook_call_start(struct hook_call *run, const struct hook *hook, const char *verb,
		    const struct hook_call_args *call)
{
	bool session = !strcmp(verb, "session");
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, r;
	struct environment env;
	uint32_t timeout_ms;

	memset(run, 0, sizeof(*run));
	run->in = run->out = -1;
	timeout_ms = strcmp(verb, "thaw") ? hook->timeout_ms : hook->thaw_timeout_ms;
	/* Nothing is stopped meanwhile. */
	if (!strcmp(verb, "complete"))
		timeout_ms = call->timeout_ms;
	if (call->timeout_ms && call->timeout_ms < timeout_ms)
		timeout_ms = call->timeout_ms;
	r = environment_make(&env, hook, timeout_ms, call);
	if (r)
		return r;
	if (session)
		r = pipe2(in, O_CLOEXEC);
	else
		r = in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (r < 0 || pipe2(out, O_CLOEXEC)) {
		r = -errno;
		goto out_close;
	}
	run->pid = fork();
	if (!run->pid)
		child(hook, verb, in[0], out[1], env.all, call->oom_score_adj);
	if (run->pid < 0) {
		r = -errno;
		run->pid = 0;
		close(out[0]);
		goto out_close;
	}
	/* Here and in the child: whoever is first, nothing happens before it. */
	setpgid(run->pid, run->pid);
	run->begin_ns = freezeguard_now_ns();
	run->in = in[1];
	run->out = out[0];
	fcntl(run->out, F_SETFL, O_NONBLOCK);
	if (run->in >= 0)
		fcntl(run->in, F_SETFL, O_NONBLOCK);
	in[1] = -1;
	r = 0;

out_close:
	if (in[0] >= 0)
		close(in[0]);
	if (in[1] >= 0)
		close(in[1]);
	if (out[1] >= 0)
		close(out[1]);
	environment_free(&env);
	return r;
}

static void keep_output(struct hook_call *run, const char *text, size_t n)
{
	size_t room = sizeof(run->output) - 1, gone;

	if (n > room) {
		text += n - room;
		n = room;
	}
	if (run->n_output + n > room) {
		gone = run->n_output + n - room;
		memmove(run->output, run->output + gone, run->n_output - gone);
		run->n_output -= gone;
	}
	memcpy(run->output + run->n_output, text, n);
	run->n_output += n;
	run->output[run->n_output] = '\0';
}

/* "PATH /srv/db", until the application is quiet: its files are there. */
static bool take_path(struct hook_call *run)
{
	const char *path = run->line + strlen("PATH ");

	return !run->ready && !strncmp(run->line, "PATH /", strlen("PATH /")) &&
	       run->paths.n < HOOK_CALL_PATHS_MAX && !text_list_add(&run->paths, path);
}

/* A line without its newline, or the beginning of a long one. */
static void line_done(struct hook_call *run, bool whole)
{
	run->line[run->n_line] = '\0';
	if (whole && run->in >= 0 && !strcmp(run->line, "READY")) {
		run->ready = true;
	} else if (whole && !strcmp(run->line, "STOPPED")) {
		run->stopped = true;
	} else if (whole && !strcmp(run->line, "WANTS complete")) {
		run->wants_complete = true;
	} else if (whole && !strncmp(run->line, "NOTE ", 5) && strchr(run->line + 5, '=') &&
		   run->n_notes < HOOK_CALL_NOTES_MAX) {
		run->notes[run->n_notes] = text_copy(run->line + 5);
		if (run->notes[run->n_notes])
			run->n_notes++;
	} else if (!whole || !take_path(run)) {
		if (whole && run->ready && !strncmp(run->line, "LOST", 4) &&
		    (run->line[4] == ' ' || !run->line[4]))
			run->lost = true;
		if (whole)
			run->line[run->n_line++] = '\n';
		keep_output(run, run->line, run->n_line);
	}
	run->n_line = 0;
}

/**
 * hook_call_read() - read what a hook has printed so far
 * @run: started; @ready, @output, @notes and @paths are kept up
 *
 * At most what a pipe holds: one that prints without end is not to keep the caller here.
 */
void hook_call_read(struct hook_call *run)
{
	size_t left = READ_MAX;
	char buf[4096];
	ssize_t n, i;

	while (run->out >= 0 && left >= sizeof(buf)) {
		n = read(run->out, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(run->out);
			run->out = -1;
			if (run->n_line)
				line_done(run, true);
			return;
		}
		left -= (size_t)n;
		for (i = 0; i < n; i++) {
			if (buf[i] == '\n') {
				line_done(run, true);
				continue;
			}
			run->line[run->n_line++] = buf[i] ? buf[i] : ' ';
			if (run->n_line == sizeof(run->line) - 2)
				line_done(run, false);
		}
	}
}

/**
 * hook_call_reap() - has it ended? If so, what it had printed is read, and it is forgotten
 * @run: started
 *
 * A session's group ends with it; what else a hook leaves running is left alone.
 *
 * Return: whether it has ended, now or before.
 */
bool hook_call_reap(struct hook_call *run)
{
	siginfo_t info = { 0 };

	if (!run->pid)
		return run->ended;
	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return false;
	if (run->in >= 0)
		kill(-run->pid, SIGKILL);
	waitpid(run->pid, &run->status, 0);
	run->pid = 0;
	run->ended = true;
	hook_call_read(run);
	if (run->n_line)
		line_done(run, true);
	return true;
}

/** hook_call_signal() - send a signal to a hook's process group, if it has not been reaped */
void hook_call_signal(const struct hook_call *run, int signal)
{
	if (run->pid)
		kill(-run->pid, signal);
}

/**
 * hook_call_let_go() - tell a session hook that it is over
 * @run: started
 * @why: the line that it gets
 */
void hook_call_let_go(struct hook_call *run, const char *why)
{
	if (run->in < 0)
		return;
	/* A pipe has room for a line; a reader that is gone is seen at its exit. */
	if (dprintf(run->in, "%s\n", why) < 0)
		hook_call_read(run);
	close(run->in);
	/* Not -1: that it is a session is still to be known. */
	run->in = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/** hook_call_exit_status() - as a shell has it: 128 and the signal; -1 if it has not ended */
int hook_call_exit_status(const struct hook_call *run)
{
	if (!run->ended)
		return -1;
	return WIFSIGNALED(run->status) ? 128 + WTERMSIG(run->status) : WEXITSTATUS(run->status);
}

/** hook_call_close() - close and free what belongs to a call; its process is not ended */
void hook_call_close(struct hook_call *run)
{
	size_t i;

	if (run->in >= 0)
		close(run->in);
	if (run->out >= 0)
		close(run->out);
	run->in = run->out = -1;
	for (i = 0; i < run->n_notes; i++)
		free(run->notes[i]);
	run->n_notes = 0;
	text_list_free(&run->paths);
}

/**
 * hook_call_whole() - run a hook until it ends by itself, or is ended
 * @run: all of it is overwritten; hook_call_close() it
 * @hook: which
 * @verb: its argument; not "session"
 * @call: what it is told
 * @until_ns: when it has to end, CLOCK_BOOTTIME
 *
 * Return: whether it ended by itself; if not, by SIGTERM or SIGKILL. If it could not be started,
 * why is in its output.
 */
bool hook_call_whole(struct hook_call *run, const struct hook *hook, const char *verb,
		     const struct hook_call_args *call, uint64_t until_ns)
{
	uint64_t kill_ns = 0, now;
	bool killed = false;
	int r;

	/* Ignored by whoever started us, it would make the kernel forget how the hook ended. */
	signal(SIGCHLD, SIG_DFL);
	r = hook_call_start(run, hook, verb, call);
	if (r) {
		run->n_output = (size_t)snprintf(run->output, sizeof(run->output),
						 "cannot be started: %s\n", strerror(-r));
		run->ended = true;
		run->status = 126 << 8;
		return true;
	}
	while (!hook_call_reap(run)) {
		/* The end of the process is not an event here, so it is looked for. */
		struct pollfd fd = { .fd = run->out, .events = POLLIN };

		poll(&fd, 1, 20);
		hook_call_read(run);
		now = freezeguard_now_ns();
		if (!kill_ns && now >= until_ns) {
			hook_call_signal(run, SIGTERM);
			kill_ns = now + HOOK_CALL_KILL_AFTER_MS * NS_PER_MS;
		} else if (kill_ns && !killed && now >= kill_ns) {
			hook_call_signal(run, SIGKILL);
			killed = true;
		} else if (killed && now >= kill_ns + HOOK_CALL_KILL_AFTER_MS * NS_PER_MS) {
			/* It hangs in the kernel; it is left to it. */
			break;
		}
	}
	return !kill_ns;
}
