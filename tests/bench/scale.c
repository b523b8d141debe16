// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many leases in the kernel, on fgtestfs: what it takes to ask for one by its id, to ask for all, and
 * to freeze one filesystem more, and the memory that a lease takes; with none, with a thousand live
 * ones, and with ten thousand ended ones. How many these are in a quick run, bench_runs() says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Free memory in KiB, with what the kernel would give back at once. */
static double free_kib(void)
{
	char key[64];
	double value;
	FILE *f;

	sync();
	f = fopen("/proc/sys/vm/drop_caches", "we");
	if (!f || fputs("3", f) < 0 || fclose(f))
		FAIL("drop_caches");
	f = fopen("/proc/meminfo", "re");
	while (f && fscanf(f, "%63s %lf kB\n", key, &value) == 2) {
		if (!strcmp(key, "MemFree:")) {
			fclose(f);
			return value;
		}
	}
	FAIL("no MemFree");
}

static void count(const struct fg_lease *part, void *arg)
{
	(void)part;
	++*(unsigned int *)arg;
}

/* Gets, dumps and freezes, with the leases that there are; @id is one of them. */
static void look(struct fgnl *nl, int fd, const char *what, const char *id)
{
	unsigned int i;

	for (i = 0; id && i < bench_runs(200, 5); i++) {
		uint64_t begin_ns = kt_now_ns();

		EQUAL(fg_which(nl, FREEZEGUARD_CMD_LEASE_GET, 0, id, 0, NULL), 0);
		bench_sample(bench_name("scale.%s.get", what), (kt_now_ns() - begin_ns) / 1e3);
	}
	for (i = 0; id && i < bench_runs(20, 2); i++) {
		uint64_t begin_ns = kt_now_ns();
		unsigned int parts = 0;

		if (fg_dump(nl, count, &parts) < 0 || !parts)
			FAIL("dump");
		bench_sample(bench_name("scale.%s.dump-each", what),
			     (kt_now_ns() - begin_ns) / 1e3 / parts);
	}
	for (i = 0; i < bench_runs(50, 2); i++) {
		uint64_t wall_ns;
		struct fg_lease *lease = bench_lease(nl, &fd, 1, 60000, &wall_ns);

		bench_sample_ns(bench_name("scale.%s.freeze", what), wall_ns);
		bench_end(nl, lease->number);
	}
}

TEST_WITHIN(with_live_leases, 120)
{
	unsigned int i, n = bench_runs(1000, 20), few = bench_runs(100, 10);
	int *fds = calloc(n, sizeof(*fds)), fd = kt_mount("one", NULL);
	double before;
	struct fgnl nl;
	char id[16];

	CHECK(fds);
	kt_mounts("m", fds, n);
	kt_open(&nl);
	look(&nl, fd, "none", NULL);
	before = free_kib();
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "l%u", i);
		bench_await(&nl, kt_new(&nl, id, 100000, &fds[i], 1),
			    FREEZEGUARD_LEASE_STATE_FROZEN);
		if (i + 1 == few)
			look(&nl, fd, "few", "l1");
	}
	bench_sample("scale.live.memory", (before - free_kib()) / n);
	look(&nl, fd, "live", "l1");
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "l%u", i);
		EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_END, 0, id, 0, NULL), 0);
	}
	/* once more: what comes first is not yet in the processor's caches */
	for (i = 0; kt_live_leases(&nl, 0, NULL); i++) {
		if (i > 500)
			FAIL("leases don't end");
		kt_sleep_ms(20);
	}
	look(&nl, fd, "none", NULL);
}

TEST_WITHIN(with_ended_leases, 200)
{
	unsigned int i, n = bench_runs(10000, 50);
	int fd = kt_mount("one", NULL);
	double before;
	struct fgnl nl;
	char id[16];

	kt_set_parameter("history", n);
	kt_open(&nl);
	before = free_kib();
	for (i = 0; i < n; i++) {
		uint64_t number;

		snprintf(id, sizeof(id), "h%u", i);
		number = kt_new(&nl, id, 100000, &fd, 1);
		bench_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN);
		bench_end(&nl, number);
	}
	bench_sample("scale.ended.memory", (before - free_kib()) / n);
	/* a newer one: those that are made meanwhile push out the oldest */
	snprintf(id, sizeof(id), "h%u", n - 1);
	look(&nl, fd, "ended", id);
}
