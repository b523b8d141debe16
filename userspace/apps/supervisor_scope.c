// SPDX-License-Identifier: GPL-2.0-only
/*
 * supervisor_scope: systemd ends a unit with all of its processes, and a pre-script may be one of a
 * unit that ends with it. So the supervisor asks for a scope of its own, before it calls a hook: pid 1
 * and the bus may need a filesystem that is frozen later. busctl asks, which every systemd brings. A
 * library for it would have to be loaded by every call of freezectl.
 */
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <freezeguard.h>

#include "apps/supervisor_scope.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"

/* It is a matter of milliseconds, unless something is wrong with pid 1 or the bus. */
#define ENTER_MS	1000
#define LOOK_US		2000

/* As sd_booted(3) does. */
#define BOOTED_WITH_SYSTEMD	"/run/systemd/system"

static void __attribute__((noreturn)) ask(const char *scope, const char *pid, const char *description)
{
	char *argv[] = {
		"busctl", "--system", "--quiet", "call", "org.freedesktop.systemd1",
		"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"StartTransientUnit", "ssa(sv)a(sa(sv))", (char *)scope, "fail", "3",
		"PIDs", "au", "1", (char *)pid,
		"Description", "s", (char *)description,
		"CollectMode", "s", "inactive-or-failed", "0", NULL };
	char *env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	execvpe(argv[0], argv, env);
	_exit(127);
}

static bool is_in(const char *scope)
{
	char *text = text_read(AT_FDCWD, "/proc/self/cgroup");
	bool in = text && strstr(text, scope);

	free(text);
	return in;
}

/**
 * supervisor_scope_enter() - move this process into a scope of its own, where systemd runs
 * @id: the lease's id, for the scope's description
 * @until_ns: when to give up at the latest, CLOCK_BOOTTIME
 *
 * If that fails, the supervisor works all the same, and the system's log has a line.
 */
void supervisor_scope_enter(const char *id, uint64_t until_ns)
{
	uint64_t until = freezeguard_now_ns() + ENTER_MS * NS_PER_MS;
	char scope[48], number[16], description[128], line[256];
	int status;
	pid_t pid;

	if (access(BOOTED_WITH_SYSTEMD, F_OK) || geteuid())
		return;
	snprintf(number, sizeof(number), "%d", getpid());
	snprintf(scope, sizeof(scope), "freezeguard-%s.scope", number);
	snprintf(description, sizeof(description), "freezeguard: applications of lease %s", id);
	pid = fork();
	if (!pid)
		ask(scope, number, description);
	status = pid < 0;
	if (until_ns < until)
		until = until_ns;
	/* Its success says only that pid 1 is going to do it. */
	while (!is_in(scope) && !status && freezeguard_now_ns() < until) {
		usleep(LOOK_US);
		if (pid && waitpid(pid, &status, WNOHANG) == pid)
			pid = 0;
	}
	/* It is not waited for: it may hang in the kernel. */
	if (pid > 0)
		kill(pid, SIGKILL);
	if (is_in(scope))
		return;
	snprintf(line, sizeof(line),
		 "lease %s: its supervisor has got no scope of its own (busctl: %d); if the unit that called freezectl ends, its applications are released early",
		 id, pid > 0 ? ETIMEDOUT : WEXITSTATUS(status));
	log_line(_PATH_LOG, LOG_WARNING, line);
}

/**
 * supervisor_spare_from_oom() - let the OOM killer take others first
 * @before: set to the value until now, for the hooks; "" if it is not known
 */
void supervisor_spare_from_oom(char before[16])
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, before, 15);

	before[n < 0 ? 0 : n] = '\0';
	/* Without the permission it stays as it is. */
	if (fd >= 0 && pwrite(fd, "-1000", 5, 0) < 0)
		before[0] = '\0';
	if (fd >= 0)
		close(fd);
}
