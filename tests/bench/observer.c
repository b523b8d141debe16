// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the observer costs those who write: the time that its programs run, which the kernel counts, in
 * one freeze and thaw for each writer that is blocked; and how often they run for writes that nothing
 * blocks.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

enum { MANY = 64 };

/* The kernel's sums over all programs, of which there are no others in the guest. */
struct sums {
	uint64_t runs, ns;
};

static struct sums programs(void)
{
	FILE *f = popen("bpftool prog show", "re");
	struct sums sums = { 0 };
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		const char *ns = strstr(line, "run_time_ns "), *runs = strstr(line, "run_cnt ");

		if (ns && runs) {
			sums.ns += strtoull(ns + strlen("run_time_ns "), NULL, 10);
			sums.runs += strtoull(runs + strlen("run_cnt "), NULL, 10);
		}
	}
	if (!f || pclose(f))
		FAIL("bpftool prog show");
	return sums;
}

static void count_runs(void)
{
	FILE *f = fopen("/proc/sys/kernel/bpf_stats_enabled", "we");

	if (!f || fputs("1", f) < 0 || fclose(f))
		FAIL("bpf_stats_enabled");
}

/* Until none has written for a while, though each would many times. */
static void await_blocked(volatile unsigned int *writes, unsigned int writers, unsigned int *before)
{
	unsigned int i, waited;
	bool any = true;

	for (waited = 0; any; waited += 100) {
		if (waited > KT_SOON_MS)
			FAIL("writers write in a frozen filesystem");
		kt_sleep_ms(100);
		any = !waited;
		for (i = 0; i < writers; i++) {
			any |= waited && writes[i] != before[i];
			before[i] = writes[i];
		}
	}
}

/* Freezes and thaws; returns when all who write have written again. */
static void freeze_and_thaw(int fd, volatile unsigned int *writes, unsigned int writers)
{
	unsigned int i, waited, before[MANY];

	kt_freeze(fd);
	await_blocked(writes, writers, before);
	bench_ioctl_thaw(fd);
	for (i = 0; i < writers; i++)
		for (waited = 0; writes[i] == before[i]; waited++) {
			if (waited > KT_SOON_MS)
				FAIL("writer %u doesn't go on", i);
			kt_sleep_ms(1);
		}
}

static uint64_t cost_ns(int fd, volatile unsigned int *writes, unsigned int writers)
{
	struct sums before = programs();

	freeze_and_thaw(fd, writes, writers);
	return programs().ns - before.ns;
}

TEST_WITHIN(observer, 300)
{
	static const char *const load[] = { FREEZECTL, "observer", "load", NULL };
	static const char *const unload[] = { FREEZECTL, "observer", "unload", NULL };
	unsigned int i, k, n = bench_runs(MANY, 4), few = bench_runs(10000, 100);
	volatile unsigned int *writes = mmap(NULL, MANY * sizeof(*writes), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = kt_mount_image("o", "ext4"), out;
	uint64_t without[20];
	struct sums before;

	if (writes == MAP_FAILED)
		FAIL("mmap failed");
	count_runs();
	bench_program(load);
	for (i = 0; i < bench_runs(20, 1); i++)
		without[i] = cost_ns(fd, writes, 0);
	out = open(kt_path("o", "data"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	before = programs();
	for (i = 0; i < few; i++)
		if (write(out, "x", 1) != 1)
			FAIL("write");
	bench_sample("observer.unblocked.runs", programs().runs - before.runs);
	for (i = 0; i < n; i++) {
		if (kt_fork())
			continue;
		for (;;) {
			if (write(out, "", 0))
				_exit(1);
			writes[i]++;
			kt_sleep_ms(10);
		}
	}
	for (k = 0; k < bench_runs(20, 1); k++) {
		uint64_t with = cost_ns(fd, writes, n);

		bench_sample("observer.freeze", without[k] / 1e3);
		bench_sample("observer.blocked",
			     with > without[k] ? (with - without[k]) / 1e3 / n : 0);
	}
	bench_program(unload);
}
