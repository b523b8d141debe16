/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the guest's first process, init*.c. */
#ifndef GUEST_INIT_H
#define GUEST_INIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>

/* The numbers of the ports that tools/vm-run gives QEMU. */
enum { PORT_STDIN = 1, PORT_STDOUT, PORT_STDERR, PORT_LOG, PORT_STATUS };

#define MAX_ITEMS 1024

/* What tools/vm-run wants, as read from /job. */
struct job {
	const char *cwd, *output, *module_root, *rows, *columns;
	char *args[MAX_ITEMS], *env[MAX_ITEMS];
	const char *keep[MAX_ITEMS];
	int num_args, num_env, num_keep;
	long timeout_s;
	bool interactive, disks;
};

extern struct job job;
extern int log_fd, kmsg_fd;

/* init.c */
void write_all(int fd, const char *data, size_t size);
void write_file(const char *path, const char *text);
void pass_log(void);
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *what, const char *name) __attribute__((noreturn));
int open_port(int number, int flags);

/* init_root.c */
void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags,
		   const char *options);
void set_up_root(void);

/* init_command.c */
void run_command(void);

#endif
