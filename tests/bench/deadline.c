// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long after the deadline a blocked writer goes on: by a lease; by a SCHED_FIFO thread that sleeps
 * until then and thaws, which is as soon as the machine can (the floor); and by the usual
 * "sleep N; fsfreeze -u" in the background. Idle, and under load that begins when all is frozen.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "load.h"

/* What isn't there by then has missed its deadline. */
#define PATIENCE_MS	10000

/*
 * In shared memory: the deadline; when a write first returned after that, 0: not yet; and when the one
 * before had returned.
 */
struct probe {
	volatile uint64_t deadline_ns, return_ns, before_ns;
};

static struct probe *probe;
static uint64_t number;	/* of the last lease */
static int fd;
static pid_t thawer;	/* who is to thaw, with a process group of its own; 0: the lease */

static void start_probe(void)
{
	uint64_t before_ns = 0;

	probe = mmap(NULL, sizeof(*probe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (probe == MAP_FAILED)
		FAIL("mmap failed");
	if (kt_fork())
		return;
	fd = open(kt_path("d", "probe"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	load_keep_in_memory();
	load_beside(10, 50);
	for (;;) {
		uint64_t now_ns;

		if (write(fd, "", 0))
			_exit(1);
		now_ns = kt_now_ns();
		if (probe->deadline_ns && now_ns >= probe->deadline_ns && !probe->return_ns) {
			probe->before_ns = before_ns;
			probe->return_ns = now_ns;
		}
		before_ns = now_ns;
		kt_sleep_ms(2);
	}
}

/* A deadline by the clock that all three keep to. */
static uint64_t in_ms(unsigned int ms)
{
	return kt_now_ns() + ms * MS;
}

/* From when all is frozen, however long that took. */
static uint64_t by_lease(struct fgnl *nl, unsigned int ms)
{
	struct fg_lease *lease = bench_lease(nl, &fd, 1, 60000, NULL);

	number = lease->number;
	EQUAL(fg_extend(nl, number, ms, lease), 0);
	return lease->deadline_ns;
}

static bool fork_thawer(void)
{
	thawer = kt_fork();
	if (!thawer)
		setpgid(0, 0);
	return !thawer;
}

/* One that is late must not thaw what is frozen next. */
static void end_thawer(void)
{
	if (!thawer)
		return;
	if (kill(-thawer, SIGKILL))
		kill(thawer, SIGKILL);
	while (waitpid(thawer, NULL, 0) < 0 && errno == EINTR)
		;
	thawer = 0;
}

/* Its process is there when the deadline comes, and does nothing but that. */
static uint64_t by_floor(unsigned int ms)
{
	struct sched_param param = { .sched_priority = 99 };
	uint64_t deadline_ns;

	kt_freeze(fd);
	deadline_ns = in_ms(ms);
	if (fork_thawer()) {
		struct timespec ts = { deadline_ns / 1000000000, deadline_ns % 1000000000 };

		load_keep_in_memory();
		if (sched_setscheduler(0, SCHED_FIFO, &param))
			_exit(1);
		clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &ts, NULL);
		kt_thaw(fd);
		_exit(0);
	}
	return deadline_ns;
}

static uint64_t by_script(unsigned int ms)
{
	uint64_t deadline_ns;
	char text[128];

	snprintf(text, sizeof(text), "sleep %u.%03u; " FSFREEZE " -u %s", ms / 1000, ms % 1000,
		 kt_path("d", NULL));
	kt_freeze(fd);
	deadline_ns = in_ms(ms);
	if (fork_thawer()) {
		struct sched_param param = { 0 };

		sched_setscheduler(0, SCHED_OTHER, &param);
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(1);
	}
	return deadline_ns;
}

/* The load is on from when all is frozen until the writer goes on. */
static void measure(struct fgnl *nl, const char *load, const char *who, unsigned int ms)
{
	uint64_t deadline_ns, frozen_ns, late_ns;
	bool missed;

	probe->deadline_ns = 0;
	probe->return_ns = 0;
	deadline_ns = *who == 'l' ? by_lease(nl, ms) : *who == 'f' ? by_floor(ms) : by_script(ms);
	frozen_ns = kt_now_ns();
	probe->deadline_ns = deadline_ns;
	/* those that were just created get away from here first */
	kt_sleep_ms(60);
	load_on(ms / 1000 + PATIENCE_MS / 1000 + 1);
	while (!probe->return_ns && kt_now_ns() < deadline_ns + PATIENCE_MS * MS)
		kt_sleep_ms(2);
	missed = !probe->return_ns;
	load_off();
	late_ns = missed ? PATIENCE_MS * MS : probe->return_ns - deadline_ns;
	/* it may have had to wait for a processor before it looked at the clock */
	if (!missed && !bench_quick() && probe->before_ns > frozen_ns + ms / 2 * MS)
		FAIL("%s: a write returned %llu ms after the freeze", who,
		     (unsigned long long)((probe->before_ns - frozen_ns) / MS));
	end_thawer();
	if (missed && *who != 'l')
		kt_thaw(fd);
	bench_sample_ns(bench_name("deadline.%s.%s", load, who), late_ns);
	bench_sample(bench_name("deadline.%s.%s.missed", load, who), missed);
	if (*who == 'l')
		bench_await(nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED);
	kt_sleep_ms(20);
}

static void measure_all(const char *load, unsigned int runs, unsigned int ms)
{
	static const char *const who[] = { "lease", "floor", "script" };
	struct fgnl nl;
	unsigned int i, k;

	load_prepare();
	kt_open(&nl);
	/* A loop device's own thread gets nothing beside SCHED_FIFO hogs: it would be what is measured. */
	fd = strcmp(load, "fifo") ? kt_mount_image("d", "ext4") : kt_mount("d", NULL);
	start_probe();
	load_keep_in_memory();
	load_beside(10, 50);
	for (i = 0; i < runs; i++)
		for (k = 0; k < 3; k++)
			measure(&nl, load, who[k], ms);
}

TEST_WITHIN(idle, 400)
{
	measure_all("idle", bench_runs(100, 1), 300);
}

TEST_WITHIN(eight_hogs, 500)
{
	load_busy(8);
	measure_all("hogs", bench_runs(60, 1), 300);
}

TEST_WITHIN(fifo_hogs, 400)
{
	load_hogs(50);
	measure_all("fifo", bench_runs(20, 1), 300);
}

TEST_WITHIN(no_memory, 400)
{
	load_memory();
	measure_all("memory", bench_runs(8, 1), bench_runs(2500, 1000));
}
