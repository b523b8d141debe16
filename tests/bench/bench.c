// SPDX-License-Identifier: GPL-2.0-only
/* What the measurements have in common. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

/** bench_quick() - is it enough that every figure is produced? */
bool bench_quick(void)
{
	return getenv("BENCH_QUICK") != NULL;
}

/** bench_runs() - how often, how many, how much: in a full run or a quick one */
unsigned int bench_runs(unsigned int full, unsigned int quick)
{
	return bench_quick() ? quick : full;
}

/** bench_name() - the name of a series, with numbers in it; one of a few static buffers */
const char *bench_name(const char *format, ...)
{
	static char names[8][64];
	static unsigned int next;
	char *name = names[next++ % 8];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(names[0]), format, args);
	va_end(args);
	return name;
}

/** bench_sample() - one value more of a series, in the unit that figures.py gives it */
void bench_sample(const char *series, double value)
{
	const char *path = getenv("BENCH_SAMPLES");
	FILE *f;

	if (!path)
		FAIL("run it with tests/bench/run");
	f = fopen(path, "ae");
	if (!f || fprintf(f, "%s %.6f\n", series, value) < 0 || fclose(f))
		FAIL("%s: %s", path, strerror(errno));
}

/** bench_sample_ns() - the same for a time, in milliseconds */
void bench_sample_ns(const char *series, uint64_t ns)
{
	bench_sample(series, ns / 1e6);
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return tv->tv_sec * 1000000000ULL + tv->tv_usec * 1000ULL;
}

/** bench_program() - run a program, which must succeed; what it prints is dropped */
struct cost bench_program(const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	struct cost cost = { 0 };
	struct rusage usage;
	uint64_t begin_ns;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin_ns = kt_now_ns();
	err = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	if (err)
		FAIL("%s: %s", argv[0], strerror(err));
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			FAIL("wait4: %s", strerror(errno));
	cost.wall_ns = kt_now_ns() - begin_ns;
	cost.cpu_ns = timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime);
	posix_spawn_file_actions_destroy(&actions);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		FAIL("%s %s: status %d", argv[0], argv[1] ?: "", WEXITSTATUS(status));
	return cost;
}

/**
 * bench_settle() - let a grace period pass, before something is frozen
 *
 * A superblock that was thawed a moment ago has its writers count themselves still, and is frozen without
 * the wait for a grace period that makes them.
 */
void bench_settle(void)
{
	if (!bench_quick())
		kt_sleep_ms(100);
}

/** bench_ioctl_thaw() - FITHAW, which must succeed */
void bench_ioctl_thaw(int fd)
{
	if (kt_thaw(fd))
		FAIL("FITHAW: %s", strerror(errno));
}

/** bench_await() - wait for the notification that a lease has a state, without asking */
void bench_await(struct fgnl *nl, uint64_t number, uint32_t state)
{
	struct fg_event event;

	do {
		int err = fg_event(nl, &event, 60000);

		if (err)
			FAIL("waiting for state %u: %s", state, strerror(-err));
		if (event.number == number && event.state != state &&
		    event.state >= FREEZEGUARD_LEASE_STATE_THAWED)
			FAIL("the lease ended in state %u, cause %u, error %u", event.state,
			     event.cause, event.error);
	} while (event.number != number || event.state != state);
}

/**
 * bench_lease() - freeze by a lease
 * @wall_ns: from the request to the notification that all is frozen; or NULL
 *
 * Return: the lease, in a static buffer.
 */
struct fg_lease *bench_lease(struct fgnl *nl, const int *fds, unsigned int n, uint32_t timeout_ms,
			     uint64_t *wall_ns)
{
	static struct fg_lease lease;
	uint64_t begin_ns = kt_now_ns(), number = kt_new(nl, NULL, timeout_ms, fds, n);

	bench_await(nl, number, FREEZEGUARD_LEASE_STATE_FROZEN);
	if (wall_ns)
		*wall_ns = kt_now_ns() - begin_ns;
	EQUAL(fg_get(nl, number, &lease), 0);
	return &lease;
}

/** bench_end() - end a lease; returns how long it took until the notification of its last state */
uint64_t bench_end(struct fgnl *nl, uint64_t number)
{
	uint64_t begin_ns = kt_now_ns();

	EQUAL(fg_end(nl, number, NULL), 0);
	bench_await(nl, number, FREEZEGUARD_LEASE_STATE_THAWED);
	return kt_now_ns() - begin_ns;
}
