// SPDX-License-Identifier: GPL-2.0-only
/*
 * dead_fuse DIRECTORY [FILE]: mounts a FUSE filesystem there, answers the kernel's first request, which
 * only makes the connection, prints "mounted", and never reads another one. With FILE it has one file
 * of that name, full of zeros, and answers until SIGUSR1. Whoever waits for it can be killed, and gets
 * an error when this program is.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/fuse.h>

#define FILE_NODE	2
#define FILE_SIZE	(1 << 20)

static int fd;
static char zeros[128 * 1024];

static void die(int number)
{
	(void)number;
	for (;;)
		pause();
}

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size), .error = error, .unique = in->unique,
	};
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)data, size } };

	if (writev(fd, parts, 2) != (ssize_t)header.len)
		err(1, "answering request %u", in->opcode);
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node, .mode = node == FILE_NODE ? S_IFREG | 0600 : S_IFDIR | 0700, .nlink = 1,
		.size = node == FILE_NODE ? FILE_SIZE : 0, .blksize = 4096,
	};
}

/* Nothing may be kept: what the file is like is asked for again each time. */
static void serve(const char *name, const struct fuse_in_header *in)
{
	const struct fuse_read_in *read_in = (const struct fuse_read_in *)(in + 1);
	const struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attr_of(FILE_NODE) };
	const struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	const struct fuse_open_out open = { 0 };

	switch (in->opcode) {
	case FUSE_LOOKUP:
		if (strcmp((const char *)(in + 1), name))
			answer(in, -ENOENT, NULL, 0);
		else
			answer(in, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(in, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		answer(in, 0, zeros, read_in->size < sizeof(zeros) ? read_in->size : sizeof(zeros));
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(in, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char request[256 * 1024];
	const struct fuse_in_header *in = (const struct fuse_in_header *)request;
	/* Requests of one page of data fit the smallest buffer that is allowed. */
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096,
	};
	char options[128];

	if (argc < 2 || argc > 3)
		errx(2, "usage: dead_fuse DIRECTORY [FILE]");
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "/dev/fuse");
	signal(SIGUSR1, die);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("dead", argv[1], "fuse.dead", 0, options))
		err(1, "mounting on %s", argv[1]);
	if (read(fd, request, sizeof(request)) < (ssize_t)sizeof(*in))
		err(1, "reading the first request");
	answer(in, 0, &init, sizeof(init));
	puts("mounted");
	fflush(stdout);
	while (argc == 3 && read(fd, request, sizeof(request)) >= (ssize_t)sizeof(*in))
		serve(argv[2], in);
	die(0);
}
