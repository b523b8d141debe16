// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's first process: builds a throw-away root over the host's, runs one command there,
 * passes its streams, its status and the kernel's log to the host, and ends the guest.
 *
 * Everything it needs comes in the initramfs: /modules/list and the files it names, and /job,
 * records of KEY=VALUE that end in a NUL byte, written by tools/vm-run. Streams go through ports
 * of one virtio-serial device, opened here and by nobody else: the command can't fake its status.
 * Nothing is synced and nothing unmounted at the end: a filesystem may have been left frozen.
 *
 * init_root.c makes the root, init_command.c runs the command.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What tools/vm-run gives QEMU: the exit device. */
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_VALUE 16

struct job job;

int log_fd = -1, kmsg_fd = -1;
static int status_fd = -1;

void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		data += done;
		size -= done;
	}
}

/* Passes the kernel's new messages on, as dmesg(1) shows them. */
void pass_log(void)
{
	char record[8192 + 1], line[8192 + 64];

	for (;;) {
		ssize_t size = read(kmsg_fd, record, sizeof(record) - 1);
		unsigned long long usec;
		char *text, *end, *next;
		int length;

		if (size < 0 && errno == EPIPE) {
			write_all(log_fd, "<messages lost>\n", 16);
			continue;
		}
		if (size <= 0)
			return;
		record[size] = 0;
		text = strchr(record, ';');
		if (!text || sscanf(record, "%*u,%*u,%llu", &usec) != 1)
			continue;
		end = strchr(++text, '\n');
		if (end)
			*end = 0;
		for (; text; text = next) {
			next = strstr(text, "\\x0a");
			if (next) {
				*next = 0;
				next += 4;
			}
			length = snprintf(line, sizeof(line), "[%5llu.%06llu] %s\n", usec / 1000000,
					  usec % 1000000, text);
			write_all(log_fd, line, length);
		}
	}
}

static void __attribute__((noreturn)) end_guest(void)
{
	if (log_fd >= 0 && kmsg_fd >= 0)
		pass_log();
	if (!ioperm(DEBUG_EXIT_PORT, 1, 1))
		outb(DEBUG_EXIT_VALUE, DEBUG_EXIT_PORT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void report(const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length >= (int)sizeof(text))
		length = sizeof(text) - 1;
	write_all(status_fd >= 0 ? status_fd : STDERR_FILENO, text, length);
}

void fail(const char *what, const char *name)
{
	report("fail %s %s: %s\n", what, name, strerror(errno));
	end_guest();
}

static char *read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t done, at = 0;
	char *data;

	if (fd < 0 || fstat(fd, &st))
		fail("reading", path);
	data = malloc(st.st_size + 1);
	if (!data)
		fail("reading", path);
	while ((done = read(fd, data + at, st.st_size - at)) > 0)
		at += done;
	close(fd);
	data[at] = 0;
	if (size)
		*size = at;
	return data;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	write_all(fd, text, strlen(text));
	close(fd);
}

static void load_modules(void)
{
	char *name, *save = NULL, *list = read_file("/modules/list", NULL), path[256];

	for (name = strtok_r(list, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			fail("loading", name);
		close(fd);
	}
}

static void add(char **list, int *count, char *value)
{
	if (*count >= MAX_ITEMS - 1) {
		errno = E2BIG;
		fail("reading", "/job");
	}
	list[(*count)++] = value;
}

static void read_job(void)
{
	size_t size;
	char *data = read_file("/job", &size), *key;

	for (key = data; key < data + size; key += strlen(key) + 1) {
		char *value = strchr(key, '=');

		if (!value)
			continue;
		*value++ = 0;
		if (!strcmp(key, "cwd"))
			job.cwd = value;
		else if (!strcmp(key, "output"))
			job.output = value;
		else if (!strcmp(key, "modules"))
			job.module_root = value;
		else if (!strcmp(key, "rows"))
			job.rows = value;
		else if (!strcmp(key, "columns"))
			job.columns = value;
		else if (!strcmp(key, "timeout"))
			job.timeout_s = strtol(value, NULL, 10);
		else if (!strcmp(key, "interactive"))
			job.interactive = true;
		else if (!strcmp(key, "disks"))
			job.disks = true;
		else if (!strcmp(key, "keep"))
			add((char **)job.keep, &job.num_keep, value);
		else if (!strcmp(key, "env"))
			add(job.env, &job.num_env, value);
		else if (!strcmp(key, "arg"))
			add(job.args, &job.num_args, value);
		key = value;
	}
}

int open_port(int number, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vport0p%d", number);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail("opening", path);
	return fd;
}

/*
 * A port's node appears a little before the host is known to be connected to it, and reading it
 * then looks like an end of file. The messages come in order: once the last port has its name,
 * all earlier ports are connected.
 */
static void wait_for_ports(void)
{
	char path[64];
	int tries;

	snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport0p%d/name", PORT_STATUS);
	for (tries = 0; access(path, R_OK); tries++) {
		if (tries > 20000)
			fail("waiting for", path);
		usleep(1000);
	}
	status_fd = open_port(PORT_STATUS, O_WRONLY);
	log_fd = open_port(PORT_LOG, O_WRONLY);
	kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg_fd < 0)
		fail("opening", "/dev/kmsg");
}

int main(void)
{
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount_or_fail("proc", "/proc", "proc", 0, NULL);
	mount_or_fail("sysfs", "/sys", "sysfs", 0, NULL);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755") && errno != EBUSY)
		fail("mounting", "/dev");
	load_modules();
	wait_for_ports();
	read_job();
	if (!job.num_args) {
		errno = EINVAL;
		fail("reading", "/job");
	}
	set_up_root();
	report("ready\n");
	run_command();
	end_guest();
}
