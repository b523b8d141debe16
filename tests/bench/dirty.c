// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers stopped under dirty data: a filesystem on a device of 50 MB/s, with 400 MB in memory that
 * are still to be written, and two buffered writers. The longest that one of them was stopped, from
 * the start of the command that freezes, with whatever it writes back before, to the thaw, which
 * follows at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench.h"

#define DEVICE		"/dev/bench-slow"
#define CONFIG		"/sys/kernel/config/nullb/bench"
enum { WRITERS = 2, SPREAD = 8 << 20, BLOCK = 4096 };

static void shell(const char *command)
{
	if (system(command))
		FAIL("%s", command);
}

/* A device in memory that takes so much a second and not more. */
static void make_device(void)
{
	unsigned int major, minor, index;
	char path[64];
	FILE *f;

	shell("exec >/run/bench-device.log 2>&1; set -e; modprobe -q configfs || :; "
	      "modprobe null_blk nr_devices=0; "
	      "mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config; "
	      "[ -e " CONFIG " ] && exit; mkdir " CONFIG "; cd " CONFIG "; "
	      "echo 1 >memory_backed; echo 50 >mbps; echo 1024 >size; echo 1 >power");
	f = fopen(CONFIG "/index", "re");
	if (!f || fscanf(f, "%u", &index) != 1)
		FAIL("%s: no index", CONFIG);
	fclose(f);
	/* By number until 6.x, by its configfs name later. */
	snprintf(path, sizeof(path), "/sys/block/nullb%u/dev", index);
	f = fopen(path, "re") ?: fopen("/sys/block/bench/dev", "re");
	if (!f || fscanf(f, "%u:%u", &major, &minor) != 2)
		FAIL("the device isn't there");
	fclose(f);
	unlink(DEVICE);
	if (mknod(DEVICE, S_IFBLK | 0600, makedev(major, minor)))
		FAIL("mknod: %s", strerror(errno));
}

/* In shared memory: a writer's longest write since it was reset. */
struct dirtier {
	volatile uint64_t longest_ns, writes;
};

static struct dirtier *start_writer(unsigned int number)
{
	struct dirtier *dirtier = mmap(NULL, sizeof(*dirtier), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char block[BLOCK];
	char file[16];

	if (dirtier == MAP_FAILED)
		FAIL("mmap failed");
	if (kt_fork())
		return dirtier;
	snprintf(file, sizeof(file), "writer%u", number);
	srandom(number + 1);
	for (int fd = open(kt_path("slow", file), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);;) {
		uint64_t begin_ns = kt_now_ns(), took_ns;

		if (pwrite(fd, block, BLOCK, random() % (SPREAD / BLOCK) * BLOCK) != BLOCK)
			_exit(1);
		took_ns = kt_now_ns() - begin_ns;
		if (took_ns > dirtier->longest_ns)
			dirtier->longest_ns = took_ns;
		dirtier->writes++;
		kt_sleep_ms(2);
	}
}

/* In a new file: one that was truncated is written back when it is closed, by ext4 and XFS. */
static void dirty(unsigned int mb)
{
	const char *path = kt_path("slow", "data");
	static char block[1 << 20];
	unsigned int i;
	int fd;

	unlink(path);
	bench_program((const char *const[]) { "sync", "-f", kt_path("slow", NULL), NULL });
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	memset(block, 'd', sizeof(block));
	for (i = 0; i < mb; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			FAIL("write: %s", strerror(errno));
	close(fd);
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
	char command[256];

	make_device();
	shell("echo 1500000000 >/proc/sys/vm/dirty_bytes; "
	      "echo 1400000000 >/proc/sys/vm/dirty_background_bytes");
	snprintf(command, sizeof(command), "mkfs.%s -q %s " DEVICE " >/dev/null 2>&1", type,
		 strcmp(type, "ext4") ? "-f" : "-F");
	shell(command);
	mkdir("/run/kt", 0755);
	mkdir(path, 0755);
	if (mount(DEVICE, path, type, 0, NULL))
		FAIL("mount %s: %s", type, strerror(errno));
	for (w = 0; w < WRITERS; w++)
		writers[w] = start_writer(w);

	for (i = 0; i < bench_runs(2, 1); i++) {
		for (k = 0; k < 3; k++) {
			uint64_t longest_ns = 0, begin_ns;

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
			kt_sleep_ms(50);
			for (w = 0; w < WRITERS; w++)
				if (writers[w]->longest_ns > longest_ns)
					longest_ns = writers[w]->longest_ns;
			bench_sample_ns(bench_name("dirty.%s.%s.stall", type, who[k]),
					longest_ns);
		}
	}
}

TEST_WITHIN(dirty_ext4, 250)
{
	measure("ext4");
}

TEST_WITHIN(dirty_xfs, 250)
{
	measure("xfs");
}
