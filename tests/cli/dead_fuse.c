// SPDX-License-Identifier: GPL-2.0-only
/*
 * dead_fuse DIRECTORY: mounts a FUSE filesystem there, answers the kernel's first request, which only
 * makes the connection, prints "mounted", and never reads another one. Whoever waits for it can be
 * killed, and gets an error when this program is.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include <linux/fuse.h>

int main(int argc, char **argv)
{
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} reply = {
		.header = { .len = sizeof(reply) },
		.init = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION },
	};
	char request[FUSE_MIN_READ_BUFFER], options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (argc != 2)
		errx(2, "usage: dead_fuse DIRECTORY");
	if (fd < 0)
		err(1, "/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("dead", argv[1], "fuse.dead", 0, options))
		err(1, "mounting on %s", argv[1]);
	if (read(fd, request, sizeof(request)) < (ssize_t)sizeof(struct fuse_in_header))
		err(1, "reading the first request");
	reply.header.unique = ((struct fuse_in_header *)request)->unique;
	if (write(fd, &reply, sizeof(reply)) != sizeof(reply))
		err(1, "answering the first request");
	puts("mounted");
	fflush(stdout);
	for (;;)
		pause();
}
