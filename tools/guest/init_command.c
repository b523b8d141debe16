// SPDX-License-Identifier: GPL-2.0-only
/* The guest's command: its start, its streams, its end, and the memory that was lost meanwhile. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* After the command's end, this much of what its children may still be writing is passed on. */
#define DRAIN_BYTES (1024 * 1024)
/* kmemleak reports nothing that is younger than five seconds. */
#define LEAK_AGE_S 6

static void __attribute__((noreturn)) start_command(const int fds[3])
{
	sigset_t none;
	int i;

	setsid();
	for (i = 0; i < 3; i++)
		dup2(fds[i], i);
	if (job.interactive)
		ioctl(0, TIOCSCTTY, 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(job.cwd ? job.cwd : "/")) {
		dprintf(2, "vm-run: %s: %s\n", job.cwd, strerror(errno));
		_exit(125);
	}
	clearenv();
	for (i = 0; i < job.num_env; i++)
		putenv(job.env[i]);
	execvp(job.args[0], job.args);
	dprintf(2, "vm-run: %s: %s\n", job.args[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* One direction of one stream. The target is the port for output, the command's pipe for input. */
struct stream {
	int from, to;
	size_t start, end;
	char buffer[65536];
};

static struct stream streams[3];

static void close_stream(struct stream *stream)
{
	if (stream->to >= 0)
		close(stream->to);
	if (stream->from >= 0)
		close(stream->from);
	stream->from = -1;
	stream->to = -1;
}

/* Returns how much was read; 0 when there is nothing more for now. */
static ssize_t pump(struct stream *stream)
{
	ssize_t size = 0;

	if (stream->start == stream->end) {
		size = read(stream->from, stream->buffer, sizeof(stream->buffer));
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (size <= 0) {
			close_stream(stream);
			return 0;
		}
		stream->start = 0;
		stream->end = size;
	}
	while (stream->start < stream->end) {
		ssize_t done = write(stream->to, stream->buffer + stream->start,
				     stream->end - stream->start);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN)
			break;
		if (done <= 0) {
			close_stream(stream);
			break;
		}
		stream->start += done;
	}
	return size;
}

static int make_pipe(struct stream *stream, int port)
{
	int ends[2], mine;

	if (pipe2(ends, O_CLOEXEC))
		fail("making", "a pipe");
	mine = port == PORT_STDIN ? ends[1] : ends[0];
	fcntl(mine, F_SETFL, O_NONBLOCK);
	if (port == PORT_STDIN) {
		stream->from = open_port(port, O_RDONLY | O_NONBLOCK);
		stream->to = mine;
		return ends[0];
	}
	stream->from = mine;
	stream->to = open_port(port, O_WRONLY);
	return ends[1];
}

/* A guest may hibernate, and wait for its turn to resume: that time does not count. */
static long long left_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return job.timeout_s * 1000LL - now.tv_sec * 1000LL - now.tv_nsec / 1000000;
}

/* Returns the command's wait status, or -1 after the timeout. */
static int wait_for(pid_t command, int signals)
{
	for (;;) {
		struct pollfd polled[5] = {
			{ .fd = kmsg_fd, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
		};
		struct signalfd_siginfo info;
		long long left = left_ms();
		int i, status;
		pid_t pid;

		if (left <= 0)
			return -1;
		for (i = 0; i < 3; i++) {
			bool full = streams[i].start < streams[i].end;

			polled[2 + i].fd = full ? streams[i].to : streams[i].from;
			polled[2 + i].events = full ? POLLOUT : POLLIN;
		}
		if (poll(polled, 5, left > 60000 ? 60000 : left) < 0 && errno != EINTR)
			fail("waiting for", "the command");
		if (polled[0].revents)
			pass_log();
		for (i = 0; i < 3; i++) {
			if (polled[2 + i].revents)
				pump(&streams[i]);
		}
		if (polled[1].revents) {
			if (read(signals, &info, sizeof(info)) < 0)
				continue;
			while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
				if (pid == command)
					return status;
			}
		}
	}
}

static void drain_output(void)
{
	int i;

	for (i = 1; i < 3; i++) {
		ssize_t total = 0, size;

		while (streams[i].from >= 0 && total < DRAIN_BYTES &&
		       (size = pump(&streams[i])) > 0)
			total += size;
	}
}

static bool scan_for_leaks(int fd)
{
	return write(fd, "scan", 4) == 4;
}

static bool on_command_line(const char *argument)
{
	char line[4096];
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	if (fd >= 0)
		close(fd);
	if (size < 0)
		return false;
	line[size] = '\0';
	return strstr(line, argument);
}

/*
 * A kernel with kmemleak, unless it was told to leave that (kmemleak=off), tells what memory was lost:
 * into the log, where the host finds it. An object is reported by its second scan, and once it is some seconds old. Modules are unloaded in between,
 * if they can be: what only they know of, and don't free, is lost too.
 */
static void report_leaks(void)
{
	static const char *const modules[] = { "freezeguard", "freezeguard_kunit", "fgtestfs" };
	int fd = open("/sys/kernel/debug/kmemleak", O_RDWR | O_CLOEXEC);
	char buffer[4096];
	ssize_t size;
	size_t i;

	if (fd < 0)
		return;
	pass_log();
	if (on_command_line("kmemleak=off")) {
		close(fd);
		return;
	}
	if (!scan_for_leaks(fd))
		goto disabled;
	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		syscall(SYS_delete_module, modules[i], O_NONBLOCK);
	sleep(LEAK_AGE_S);
	if (!scan_for_leaks(fd))
		goto disabled;
	pass_log();
	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		write_all(log_fd, buffer, size);
	close(fd);
	return;

disabled:
	dprintf(log_fd, "kmemleak: disabled, or out of memory: BUG: lost memory would not be found\n");
	close(fd);
}

/* Runs the job's command, and reports how it ended. */
void run_command(void)
{
	int fds[3], signals, status, i;
	struct winsize size = { 0 };
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		fail("making", "a signal descriptor");
	for (i = 0; i < 3; i++) {
		streams[i].from = -1;
		streams[i].to = -1;
	}
	if (job.interactive) {
		fds[0] = open("/dev/hvc0", O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (fds[0] < 0)
			fail("opening", "/dev/hvc0");
		fds[1] = fds[0];
		fds[2] = fds[0];
		size.ws_row = job.rows ? atoi(job.rows) : 24;
		size.ws_col = job.columns ? atoi(job.columns) : 80;
		ioctl(fds[0], TIOCSWINSZ, &size);
	} else {
		for (i = 0; i < 3; i++)
			fds[i] = make_pipe(&streams[i], PORT_STDIN + i);
	}
	pid = fork();
	if (!pid)
		start_command(fds);
	if (pid < 0)
		fail("starting", "the command");
	if (!job.interactive) {
		for (i = 0; i < 3; i++)
			close(fds[i]);
	}
	status = wait_for(pid, signals);
	drain_output();
	if (job.interactive)
		tcdrain(fds[0]);
	if (status < 0) {
		/* Show who hangs where; the host sees it in the log. */
		write_file("/proc/sysrq-trigger", "w");
		usleep(200000);
		report("timeout\n");
	} else {
		report_leaks();
		report("exit %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
							  WEXITSTATUS(status));
	}
}
