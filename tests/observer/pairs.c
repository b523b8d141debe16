// SPDX-License-Identifier: GPL-2.0-only
/*
 * pairs own|race ROUNDS DIRECTORY...
 *
 * Freezes and thaws filesystems by their ioctls, ROUNDS times in each of as many processes as there are
 * directories: each its own, or all of them in turn, in the way of each other. Prints what came of it as
 * JSON, in lists with a number for each directory, or for each process (pids, freezes_by, thaws_by):
 *
 *	freezes, thaws		that succeeded
 *	busy			freezes refused because it was frozen
 *	not_frozen		thaws refused because it wasn't
 *	other			anything else, which there should not be
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 16

/* Shared by all processes. */
static struct counts {
	unsigned int freezes[MAX], thaws[MAX], busy[MAX], not_frozen[MAX], other[MAX];
	unsigned int freezes_by[MAX], thaws_by[MAX], pids[MAX];
} *counts;

static void count(unsigned int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void pair(int fd, int at, int process)
{
	if (!ioctl(fd, FIFREEZE, 0)) {
		count(&counts->freezes[at]);
		count(&counts->freezes_by[process]);
	} else {
		count(errno == EBUSY ? &counts->busy[at] : &counts->other[at]);
	}
	if (!ioctl(fd, FITHAW, 0)) {
		count(&counts->thaws[at]);
		count(&counts->thaws_by[process]);
	} else {
		count(errno == EINVAL ? &counts->not_frozen[at] : &counts->other[at]);
	}
}

static void process(int me, bool race, int rounds, const int *fds, int n, int go)
{
	char name[16], byte;

	snprintf(name, sizeof(name), "pairs-%d", me);
	prctl(PR_SET_NAME, name);
	if (read(go, &byte, 1) < 0)
		exit(2);
	for (int i = 0; i < rounds; i++) {
		int at = race ? (me + i) % n : me;

		pair(fds[at], at, me);
	}
	exit(0);
}

static void print(const char *name, const unsigned int *numbers, int n)
{
	printf("%s\"%s\": [", numbers == counts->freezes ? "" : ", ", name);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? ", " : "", numbers[i]);
	printf("]");
}

int main(int argc, char **argv)
{
	int fds[MAX], go[2], n = argc - 3, failed = 0, status;
	bool race;

	if (n < 1 || n > MAX)
		return 2;
	race = !strcmp(argv[1], "race");
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED || pipe(go))
		return 2;
	for (int i = 0; i < n; i++) {
		fds[i] = open(argv[3 + i], O_RDONLY | O_DIRECTORY);
		if (fds[i] < 0) {
			perror(argv[3 + i]);
			return 2;
		}
	}
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			close(go[1]);
			process(i, race, atoi(argv[2]), fds, n, go[0]);
		}
		counts->pids[i] = pid;
	}
	close(go[1]);
	while (wait(&status) > 0)
		failed |= status;

	printf("{");
	print("freezes", counts->freezes, n);
	print("thaws", counts->thaws, n);
	print("busy", counts->busy, n);
	print("not_frozen", counts->not_frozen, n);
	print("other", counts->other, n);
	print("freezes_by", counts->freezes_by, n);
	print("thaws_by", counts->thaws_by, n);
	print("pids", counts->pids, n);
	printf("}\n");
	return failed ? 2 : 0;
}
