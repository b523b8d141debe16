// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's first process: builds a throw-away root over the host's, runs one command there,
 * passes its streams, its status and the kernel's log to the host, and ends the guest.
 *
 * Everything it needs comes in the initramfs: /modules/list and the files it names, and /job,
 * records of KEY=VALUE that end in a NUL byte, written by tools/vm-run. Streams go through ports
 * of one virtio-serial device, opened here and by nobody else: the command can't fake its status.
 * Nothing is synced and nothing unmounted at the end: a filesystem may have been left frozen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What tools/vm-run gives QEMU: the exit device, and the numbers of the ports. */
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_VALUE 16
enum { PORT_STDIN = 1, PORT_STDOUT, PORT_STDERR, PORT_LOG, PORT_STATUS };

#define MAX_ITEMS 1024
/* After the command's end, this much of what its children may still be writing is passed on. */
#define DRAIN_BYTES (1024 * 1024)
/* kmemleak reports nothing that is younger than five seconds. */
#define LEAK_AGE_S 6

static struct {
	const char *cwd, *output, *module_root, *rows, *columns;
	char *args[MAX_ITEMS], *env[MAX_ITEMS];
	const char *keep[MAX_ITEMS];
	int num_args, num_env, num_keep;
	long timeout_s;
	bool interactive, disks;
} job;

static int status_fd = -1, log_fd = -1, kmsg_fd = -1;

static void write_all(int fd, const char *data, size_t size)
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
static void pass_log(void)
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

static void report(const char *format, ...)
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

static void __attribute__((noreturn)) fail(const char *what, const char *name)
{
	report("fail %s %s: %s\n", what, name, strerror(errno));
	end_guest();
}

static void mount_or_fail(const char *source, const char *target, const char *type,
			  unsigned long flags, const char *options)
{
	if (mount(source, target, type, flags, options))
		fail("mounting", target);
}

static void make_dirs(const char *path)
{
	char copy[4096], *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	for (slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(copy, 0755);
		*slash = '/';
	}
	mkdir(copy, 0755);
}

/* Mounts where a directory is or can be made, and where the kernel has such a thing. */
static void mount_if_possible(const char *source, const char *target, const char *type,
			      const char *options)
{
	make_dirs(target);
	if (mount(source, target, type, 0, options) && errno != ENODEV && errno != ENOENT &&
	    errno != EBUSY)
		fail("mounting", target);
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

static void write_file(const char *path, const char *text)
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

static int open_port(int number, int flags)
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

/* The device nodes on whose opening the kernel loads a module, as systemd would make them. */
static void make_static_nodes(const char *directory)
{
	char path[512], name[256], node[512], type;
	unsigned int major_number, minor_number;
	FILE *list;

	snprintf(path, sizeof(path), "%s/modules.devname", directory);
	list = fopen(path, "re");
	if (!list)
		return;
	while (fgets(path, sizeof(path), list)) {
		if (sscanf(path, "%*s %255s %c%u:%u", name, &type, &major_number,
			   &minor_number) != 4)
			continue;
		snprintf(node, sizeof(node), "/dev/%s", name);
		*strrchr(node, '/') = 0;
		make_dirs(node);
		snprintf(node, sizeof(node), "/dev/%s", name);
		mknod(node, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600,
		      makedev(major_number, minor_number));
	}
	fclose(list);
}

/* /tmp and /run are the guest's own, but for what it needs of the host's below them. */
static void mount_private_dirs(void)
{
	static const char *const dirs[] = { "/tmp", "/run" };
	int fds[MAX_ITEMS];
	char path[64];
	int i, k;

	for (i = 0; i < 2; i++) {
		size_t length = strlen(dirs[i]);

		for (k = 0; k < job.num_keep; k++) {
			fds[k] = -1;
			if (!strncmp(job.keep[k], dirs[i], length) &&
			    (!job.keep[k][length] || job.keep[k][length] == '/'))
				fds[k] = open(job.keep[k], O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		make_dirs(dirs[i]);
		mount_or_fail("tmpfs", dirs[i], "tmpfs", MS_NOSUID | MS_NODEV,
			      i ? "mode=0755" : "mode=1777");
		for (k = 0; k < job.num_keep; k++) {
			if (fds[k] < 0)
				continue;
			make_dirs(job.keep[k]);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[k]);
			mount_or_fail(path, job.keep[k], NULL, MS_BIND, NULL);
			close(fds[k]);
		}
	}
}

static void bring_up_loopback(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail("bringing up", "lo");
	close(fd);
}

static void run_modprobe(const char *name)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/sbin/modprobe", "modprobe", name, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void set_up_root(void)
{
	struct utsname names;
	char path[256];

	mkdir("/host", 0755);
	mkdir("/new", 0755);
	mkdir("/rw", 0755);
	mount_or_fail("root", "/host", "9p", MS_RDONLY | MS_NOATIME,
		      "trans=virtio,version=9p2000.L,cache=loose,access=any,msize=262144");
	mount_or_fail("tmpfs", "/rw", "tmpfs", 0, "mode=0755");
	mkdir("/rw/upper", 0755);
	mkdir("/rw/work", 0755);
	mount_or_fail("overlay", "/new", "overlay", MS_NOATIME,
		      "lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work");
	make_dirs("/new/proc");
	make_dirs("/new/sys");
	make_dirs("/new/dev");
	mount_or_fail("/proc", "/new/proc", NULL, MS_MOVE, NULL);
	mount_or_fail("/sys", "/new/sys", NULL, MS_MOVE, NULL);
	mount_or_fail("/dev", "/new/dev", NULL, MS_MOVE, NULL);
	if (chdir("/new"))
		fail("entering", "/new");
	mount_or_fail(".", "/", NULL, MS_MOVE, NULL);
	if (chroot(".") || chdir("/"))
		fail("entering", "the new root");

	mount_private_dirs();
	mount_if_possible("devpts", "/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666");
	mount_if_possible("tmpfs", "/dev/shm", "tmpfs", "mode=1777");
	mount_if_possible("cgroup2", "/sys/fs/cgroup", "cgroup2", NULL);
	mount_if_possible("bpf", "/sys/fs/bpf", "bpf", NULL);
	mount_if_possible("debugfs", "/sys/kernel/debug", "debugfs", NULL);
	mount_if_possible("tracefs", "/sys/kernel/tracing", "tracefs", NULL);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	mkdir("/run/lock", 01777);

	if (job.output) {
		make_dirs(job.output);
		mount_or_fail("output", job.output, "9p", 0,
			      "trans=virtio,version=9p2000.L,cache=none,access=any,msize=262144");
	}
	if (job.module_root) {
		uname(&names);
		snprintf(path, sizeof(path), "/lib/modules/%s", names.release);
		make_dirs("/lib/modules");
		make_dirs(path);
		mount_or_fail(job.module_root, path, NULL, MS_BIND, NULL);
		make_static_nodes(path);
	}
	bring_up_loopback();
	sethostname("guest", 5);
	write_file("/proc/sys/kernel/sysrq", "1\n");
	/* An emulator translates a program anew at every new address. */
	write_file("/proc/sys/kernel/randomize_va_space", "0\n");
	if (job.disks)
		run_modprobe("virtio_blk");
}

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

static void run(void)
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
	run();
	end_guest();
}
