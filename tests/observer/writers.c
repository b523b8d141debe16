// SPDX-License-Identifier: GPL-2.0-only
/*
 * writers KIND N DIRECTORY: N processes that write to a filesystem, each in its own way or all in one, and
 * measure how long it took.
 *
 * They open and make what they need, and the first line on standard output is {"pids": [...], "kinds": [...]}.
 * At the end of standard input they go. When all are through, a second line has what each measured, CLOCK_BOOTTIME:
 * {"writers": [{"pid", "kind", "begin_ns", "end_ns", "error"}, ...]}.
 *
 * KIND is one of the table below, or "each": N is how many rounds of the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define MAX	256
#define BLOCK	4096

/* What a writer has ready when it goes. */
struct ready {
	char file[64], other[64], dir[64];
	char *data, *map;
	int fd, direct, removed;
	int ring;
	struct io_uring_params ring_params;
	void *ring_sq, *ring_cq;
	struct io_uring_sqe *ring_sqes;
};

static struct slot {
	uint64_t begin_ns, end_ns;
	int error;
} *slots;

static int do_write(struct ready *r)	{ return pwrite(r->fd, r->data, 1, 0); }
static int do_direct(struct ready *r)	{ return pwrite(r->direct, r->data, BLOCK, 0); }
static int do_mmap(struct ready *r)	{ return *(volatile char *)r->map = 1; }
static int do_truncate(struct ready *r)	{ return ftruncate(r->fd, 2 * BLOCK); }
static int do_fallocate(struct ready *r) { return fallocate(r->fd, 0, 0, 4 * BLOCK); }
static int do_chmod(struct ready *r)	{ return fchmod(r->fd, 0640); }
static int do_setxattr(struct ready *r)	{ return fsetxattr(r->fd, "trusted.writers", "1", 1, 0); }
static int do_mkdir(struct ready *r)	{ return mkdir(r->dir, 0700); }
static int do_create(struct ready *r)	{ return open(r->other, O_WRONLY | O_CREAT, 0600); }
static int do_unlink(struct ready *r)	{ return unlink(r->file); }
static int do_rename(struct ready *r)	{ return rename(r->file, r->other); }
static int do_close(struct ready *r)	{ return close(r->removed); }
static int do_read(struct ready *r)	{ return pread(r->direct, r->data, BLOCK, 0); }
static int do_open(struct ready *r)	{ return open(r->file, O_RDWR); }
static int do_fsync(struct ready *r)	{ return fsync(r->fd); }
static int do_syncfs(struct ready *r)	{ return syncfs(r->fd); }

/* One write, submitted and waited for: without liburing, which not every machine has. */
static int do_uring(struct ready *r)
{
	struct io_uring_params *p = &r->ring_params;
	unsigned int *array = r->ring_sq + p->sq_off.array, *tail = r->ring_sq + p->sq_off.tail;
	struct io_uring_cqe *cqes = r->ring_cq + p->cq_off.cqes;

	if (r->ring < 0) {
		errno = -r->ring;
		return -1;
	}
	r->ring_sqes[0] = (struct io_uring_sqe) {
		.opcode = IORING_OP_WRITE, .fd = r->fd, .addr = (uintptr_t)r->data, .len = 1 };
	array[0] = 0;
	__atomic_store_n(tail, 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, r->ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	errno = -cqes[0].res;
	return cqes[0].res < 0 ? -1 : 0;
}

static const struct kind {
	const char *name;
	int (*act)(struct ready *r);
} kinds[] = {
	{ "write", do_write }, { "direct", do_direct }, { "mmap", do_mmap },
	{ "truncate", do_truncate }, { "fallocate", do_fallocate }, { "chmod", do_chmod },
	{ "setxattr", do_setxattr }, { "mkdir", do_mkdir }, { "create", do_create },
	{ "unlink", do_unlink }, { "rename", do_rename }, { "close", do_close },
	{ "uring", do_uring },
	{ "read", do_read }, { "open", do_open }, { "fsync", do_fsync }, { "syncfs", do_syncfs },
};
#define KINDS	((int)(sizeof(kinds) / sizeof(kinds[0])))

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int new_file(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CREAT | flags, 0600);
	static char block[BLOCK] __attribute__((aligned(BLOCK)));

	if (fd < 0 || pwrite(fd, block, BLOCK, 0) != BLOCK)
		die(path);
	return fd;
}

static void make_ring(struct ready *r)
{
	struct io_uring_params *p = &r->ring_params;

	r->ring = syscall(__NR_io_uring_setup, 1, p);
	if (r->ring < 0) {
		r->ring = -errno;
		return;
	}
	r->ring_sq = mmap(NULL, p->sq_off.array + p->sq_entries * sizeof(unsigned int),
			  PROT_READ | PROT_WRITE, MAP_SHARED, r->ring, IORING_OFF_SQ_RING);
	r->ring_cq = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED, r->ring, IORING_OFF_CQ_RING);
	r->ring_sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe),
			    PROT_READ | PROT_WRITE, MAP_SHARED, r->ring, IORING_OFF_SQES);
	if (r->ring_sq == MAP_FAILED || r->ring_cq == MAP_FAILED || r->ring_sqes == MAP_FAILED)
		die("io_uring");
}

static void make_ready(struct ready *r, int i, const struct kind *kind)
{
	snprintf(r->file, sizeof(r->file), "file.%d", i);
	snprintf(r->other, sizeof(r->other), "other.%d", i);
	snprintf(r->dir, sizeof(r->dir), "dir.%d", i);
	unlink(r->other);
	rmdir(r->dir);
	if (posix_memalign((void **)&r->data, BLOCK, BLOCK))
		die("memory");
	r->fd = new_file(r->file, 0);
	if (kind->act == do_direct || kind->act == do_read)
		r->direct = new_file(r->file, O_DIRECT);
	if (kind->act == do_close) {
		r->removed = new_file("removed", 0);
		unlink("removed");
	}
	if (kind->act == do_mmap) {
		/* What is clean faults when it is written to. */
		fsync(r->fd);
		r->map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
		if (r->map == MAP_FAILED)
			die("mmap");
	}
	if (kind->act == do_uring)
		make_ring(r);
}

static void writer(int i, const struct kind *kind, int ready_fd, int go_fd)
{
	struct ready r = {};
	char byte = 0;

	/* So that the others don't run between the end of the wait and the look at the clock. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { .sched_priority = 1 });
	make_ready(&r, i, kind);
	if (write(ready_fd, &byte, 1) != 1 || read(go_fd, &byte, 1) < 0)
		exit(2);
	slots[i].begin_ns = now_ns();
	slots[i].error = kind->act(&r) < 0 ? errno : 0;
	slots[i].end_ns = now_ns();
	exit(0);
}

int main(int argc, char **argv)
{
	const struct kind *of[MAX];
	int n, ready[2], go[2], failed = 0, status;
	pid_t pids[MAX];
	char byte;

	if (argc != 4 || chdir(argv[3]) || pipe(ready) || pipe(go))
		die("writers KIND N DIRECTORY");
	n = atoi(argv[2]);
	if (!strcmp(argv[1], "each"))
		n *= KINDS;
	if (n < 1 || n > MAX)
		return 2;
	for (int i = 0; i < n; i++) {
		of[i] = NULL;
		for (int k = 0; k < KINDS; k++)
			if (strcmp(argv[1], "each") ? !strcmp(argv[1], kinds[k].name) : k == i % KINDS)
				of[i] = &kinds[k];
		if (!of[i])
			return 2;
	}
	slots = mmap(NULL, sizeof(*slots) * n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		die("memory");
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			close(go[1]);
			close(ready[0]);
			writer(i, of[i], ready[1], go[0]);
		}
	}
	close(go[0]);
	close(ready[1]);
	for (int i = 0; i < n; i++)
		if (read(ready[0], &byte, 1) != 1)
			return 2;

	printf("{\"pids\": [");
	for (int i = 0; i < n; i++)
		printf("%s%d", i ? ", " : "", pids[i]);
	printf("], \"kinds\": [");
	for (int i = 0; i < n; i++)
		printf("%s\"%s\"", i ? ", " : "", of[i]->name);
	printf("]}\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	close(go[1]);
	while (wait(&status) > 0)
		failed |= status;

	printf("{\"writers\": [");
	for (int i = 0; i < n; i++)
		printf("%s{\"pid\": %d, \"kind\": \"%s\", \"begin_ns\": %llu, \"end_ns\": %llu, \"error\": %d}",
		       i ? ", " : "", pids[i], of[i]->name, (unsigned long long)slots[i].begin_ns,
		       (unsigned long long)slots[i].end_ns, slots[i].error);
	printf("]}\n");
	return failed ? 2 : 0;
}
