// SPDX-License-Identifier: GPL-2.0-only
/*
 * What writes to a filesystem that is not frozen.
 *
 * unblocked count N DIRECTORY	N times each: create, write, write behind a mapping, rename, fsync, unlink
 * unblocked speed N DIRECTORY	N times over 20 ms: how many writes of 4 KiB there were, a line for each
 */
#define _GNU_SOURCE
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
#define SPAN_NS	20000000

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
		if (rename("new", "renamed") || fsync(fd) || unlink("renamed"))
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

static void speed(int n)
{
	int fd = open("speed", O_RDWR | O_CREAT, 0600);

	if (fd < 0)
		die("speed");
	/* The first round is for the blocks to be there. */
	for (int i = 0; i <= n; i++) {
		uint64_t end = now_ns() + SPAN_NS;
		unsigned int writes = 0;

		while (now_ns() < end)
			if (pwrite(fd, block, BLOCK, writes++ % BLOCKS * BLOCK) != BLOCK)
				die("speed");
		if (i)
			printf("%u\n", writes);
	}
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
