// SPDX-License-Identifier: GPL-2.0-only
/*
 * What writes to a filesystem that is not frozen.
 *
 * unblocked count N DIRECTORY	N times each: create, write, write to a mapping, rename, unlink; and now and
 *				then fsync
 * unblocked speed N DIRECTORY	how many nanoseconds 16 writes of 4 KiB take: of N times the tenth part that
 *				is fastest, since the machine may have more to do
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	4096
#define BLOCKS	64
#define WRITES	16

static char block[BLOCK];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void count(int n)
{
	for (int i = 0; i < n; i++) {
		int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);
		char *map;

		if (fd < 0 || write(fd, block, BLOCK) != BLOCK)
			die("new");
		map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			die("mmap");
		*(volatile char *)map = 1;
		munmap(map, BLOCK);
		if (rename("new", "renamed") || (i % 32 == 0 && fsync(fd)) || unlink("renamed"))
			die("renamed");
		close(fd);
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void speed(int n)
{
	uint64_t *took_ns = calloc(n, sizeof(*took_ns));
	int fd = open("speed", O_RDWR | O_CREAT, 0600);

	if (fd < 0 || !took_ns || n < 10)
		die("speed");
	/* At first for the blocks to be there. */
	for (int i = -BLOCKS; i < n; i++) {
		uint64_t began = now_ns();

		for (int j = 0; j < WRITES; j++)
			if (pwrite(fd, block, BLOCK, j * BLOCK) != BLOCK)
				die("speed");
		if (i >= 0)
			took_ns[i] = now_ns() - began;
	}
	qsort(took_ns, n, sizeof(*took_ns), compare);
	printf("%llu\n", (unsigned long long)took_ns[n / 10]);
}

int main(int argc, char **argv)
{
	if (argc != 4 || chdir(argv[3]))
		die("unblocked count|speed N DIRECTORY");
	if (!strcmp(argv[1], "count"))
		count(atoi(argv[2]));
	else
		speed(atoi(argv[2]));
	return 0;
}
