// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers stopped under dirty data: a filesystem on a device of 50 MB/s, with 400 MB in memory that
 * are still to be written, and two buffered writers. The longest that one of them was stopped, from
 * the start of the command that freezes, with whatever it writes back before, to the thaw, which
 * follows at once.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "slow.h"

#define MBPS	50
enum { WRITERS = 2, SPREAD = 8 << 20, BLOCK = 4096, ROUNDS = 3 };

/* In shared memory: a writer's longest write since it was reset, and how many returned. */
struct dirtier {
	volatile uint64_t longest_ns, writes;
};

/* The first overwrites at random, the second appends, and begins anew when it has written as much. */
static struct dirtier *start_writer(unsigned int number)
{
	struct dirtier *dirtier = mmap(NULL, sizeof(*dirtier), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char block[BLOCK];
	uint64_t begin_ns, took_ns;
	char file[16];
	off_t at = 0;
	int fd;

	if (dirtier == MAP_FAILED)
		FAIL("mmap failed");
	if (kt_fork())
		return dirtier;
	snprintf(file, sizeof(file), "writer%u", number);
	srandom(number + 1);
	fd = open(kt_path("slow", file), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	for (;;) {
		at = number ? at + BLOCK : random() % (SPREAD / BLOCK) * BLOCK;
		begin_ns = kt_now_ns();
		if (at >= SPREAD) {
			at = 0;
			if (ftruncate(fd, 0))
				_exit(1);
		}
		if (pwrite(fd, block, BLOCK, at) != BLOCK)
			_exit(1);
		took_ns = kt_now_ns() - begin_ns;
		if (took_ns > dirtier->longest_ns)
			dirtier->longest_ns = took_ns;
		dirtier->writes++;
		kt_sleep_ms(2);
	}
}

/* The longest stall of all since the reset; each of them must write again. */
static uint64_t longest_stall(struct dirtier *const *writers)
{
	uint64_t longest_ns = 0;
	unsigned int w, waited;

	for (w = 0; w < WRITERS; w++) {
		uint64_t writes = writers[w]->writes;

		/* the one that may be under way, and another one */
		for (waited = 0; writers[w]->writes < writes + 2; waited += 5) {
			if (waited > 20000)
				FAIL("writer %u doesn't write", w);
			kt_sleep_ms(5);
		}
		if (writers[w]->longest_ns > longest_ns)
			longest_ns = writers[w]->longest_ns;
	}
	return longest_ns;
}

static void dirty(unsigned int mb)
{
	const char *path = kt_path("slow", "data");

	unlink(path);
	bench_program((const char *const[]) { "sync", "-f", kt_path("slow", NULL), NULL });
	slow_dirty(path, mb);
	if (slow_dirty_kib() < mb * 1024UL * 3 / 4)
		FAIL("of %u MB %lu KiB are dirty", mb, slow_dirty_kib());
}

static void set_dirty_limits(const char *bytes, const char *background_bytes)
{
	static const char *const names[] = { "dirty_bytes", "dirty_background_bytes" };
	const char *const values[] = { bytes, background_bytes };
	char path[64];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/sys/vm/%s", names[i]);
		f = fopen(path, "we");
		if (!f || fputs(values[i], f) < 0 || fclose(f))
			FAIL("%s", path);
	}
}

static void measure(const char *type)
{
	const char *path = strdup(kt_path("slow", NULL));	/* whose buffers are few */
	const char *const freezectl[] = { FREEZECTL, "freeze", "--id", "dirty", "--sync-budget",
					  "60s", "--timeout", "120s", path, NULL };
	const char *const thaw[] = { FREEZECTL, "thaw", "--id", "dirty", NULL };
	const char *const sync_f[] = { "sync", "-f", path, NULL };
	const char *const fsfreeze[] = { FSFREEZE, "-f", path, NULL };
	const char *const unfreeze[] = { FSFREEZE, "-u", path, NULL };
	static const char *const who[] = { "freezectl", "fsfreeze", "sync" };
	struct dirtier *writers[WRITERS];
	unsigned int i, k, w;

	/* for the rest of this program: the kernel is not to begin by itself */
	set_dirty_limits("1500000000", "1400000000");
	slow_keep_dirty();
	slow_mount("slow", type, MBPS);
	for (w = 0; w < WRITERS; w++)
		writers[w] = start_writer(w);

	for (i = 0; i < bench_runs(ROUNDS, 1); i++) {
		for (k = 0; k < 3; k++) {
			uint64_t begin_ns;

			dirty(bench_runs(400, 8));
			for (w = 0; w < WRITERS; w++)
				writers[w]->longest_ns = 0;
			begin_ns = kt_now_ns();
			if (k == 2)
				bench_program(sync_f);
			bench_program(k ? fsfreeze : freezectl);
			bench_program(k ? unfreeze : thaw);
			bench_sample_ns(bench_name("dirty.%s.%s.whole", type, who[k]),
					kt_now_ns() - begin_ns);
			bench_sample_ns(bench_name("dirty.%s.%s.stall", type, who[k]),
					longest_stall(writers));
		}
	}
}

TEST_WITHIN(dirty_ext4, 400)
{
	measure("ext4");
}

TEST_WITHIN(dirty_xfs, 400)
{
	measure("xfs");
}
