// SPDX-License-Identifier: GPL-2.0-only
/* A harness for tests that freeze filesystems. */
#include "kt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <mntent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT		"/run/kt"
#define CONTROL		"/sys/kernel/debug/fgtestfs"
#define PARAMETERS	"/sys/module/freezeguard/parameters"

enum { EXIT_FAILED = 1, EXIT_SKIPPED = 4 };

static struct kt_test *tests, **tests_end = &tests;
static char *skip_reason;	/* in memory shared with the test's process */
#define SKIP_REASON_SIZE	256

void kt_register(struct kt_test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

static void print_note(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	printf("# %s\n", text);
	fflush(stdout);
}

/** kt_note() - say something beside the results, such as a measurement */
void kt_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_note(format, args);
	va_end(args);
}

/** kt_fail() - end the test as failed; see FAIL(), CHECK(), EQUAL(), REFUSED() */
void kt_fail(const char *file, int line, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	kt_note("%s:%d: %s", file, line, text);
	_exit(EXIT_FAILED);
}

/** kt_skip() - end the test as skipped: this kernel or machine can't run it */
void kt_skip(const char *why)
{
	snprintf(skip_reason, SKIP_REASON_SIZE, "%s", why);
	_exit(EXIT_SKIPPED);
}

/** kt_setting() - a number from the environment; @otherwise if there is none */
uint64_t kt_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value;
	char *end;

	if (!text || !*text)
		return otherwise;
	value = strtoull(text, &end, 0);
	if (*end)
		FAIL("%s=%s is no number", name, text);
	return value;
}

/* Time */

/** kt_now_ns() - CLOCK_BOOTTIME, the clock of the protocol */
uint64_t kt_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/** kt_sleep_ms() - wait */
void kt_sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* Mounts */

/** kt_path() - the path of a mount, or of a file on it; one of a few static buffers */
const char *kt_path(const char *name, const char *file)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, ROOT "/%s%s%s", name, file ? "/" : "", file ?: "");
	return path;
}

/** kt_fd() - open a file or directory for reading; closed when the test ends */
int kt_fd(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		FAIL("open %s: %s", path, strerror(errno));
	return fd;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

static bool parameter_is(const char *name, const char *value)
{
	char path[PATH_MAX], text[16];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		FAIL("%s can't be read", path);
	fclose(f);
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, value);
}

/** kt_directory() - make the directory of that name, where it is to be mounted, if it is not there */
void kt_directory(const char *name)
{
	mkdir(ROOT, 0755);
	if (mkdir(kt_path(name, NULL), 0755) && errno != EEXIST)
		FAIL("mkdir %s: %s", kt_path(name, NULL), strerror(errno));
}

/**
 * kt_mount() - mount an fgtestfs
 * @name: of the mount and of its controls
 * @options: as the filesystem's own, or NULL
 *
 * Return: an open fd on it.
 */
int kt_mount(const char *name, const char *options)
{
	kt_directory(name);
	if (mount(name, kt_path(name, NULL), "fgtestfs", 0, options))
		FAIL("mount fgtestfs %s (%s): %s", name, options ?: "", strerror(errno));
	return kt_fd(kt_path(name, NULL));
}

/**
 * kt_mounts() - mount several: PREFIX0, PREFIX1, ...
 * @prefix: of their names
 * @fds: are set to an open fd on each
 * @n: how many
 *
 * Return: @n.
 */
int kt_mounts(const char *prefix, int *fds, unsigned int n)
{
	return kt_mounts_with(prefix, NULL, fds, n);
}

/** kt_mounts_with() - the same, each with these options */
int kt_mounts_with(const char *prefix, const char *options, int *fds, unsigned int n)
{
	char name[32];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		fds[i] = kt_mount(name, options);
	}
	return n;
}

/** kt_umount() - unmount, or fail the test */
void kt_umount(const char *name)
{
	if (umount(kt_path(name, NULL)))
		FAIL("umount %s: %s", name, strerror(errno));
}

/**
 * kt_mount_image() - a fresh real filesystem in a file, on a loop device, with a tmpfs below
 * @name: of the mount
 * @type: ext4, xfs or btrfs
 *
 * One of a type at a time: all are copies of one, for the time that making it takes.
 *
 * Return: an open fd on it.
 */
int kt_mount_image(const char *name, const char *type)
{
	char command[1024];

	kt_directory(name);
	snprintf(command, sizeof(command),
		 "exec >/run/kt-mkfs.log 2>&1; set -e; cd /run; if [ ! -e kt-%s.img ]; then "
		 "truncate -s %s kt-new.img; mkfs.%s -q %s kt-new.img; mv kt-new.img kt-%s.img; "
		 "modprobe -q loop || :; modprobe -q %s || :; fi; "
		 "cp --sparse=always kt-%s.img kt-copy-%s.img; "
		 "mount -o loop -t %s kt-copy-%s.img " ROOT "/%s; rm kt-copy-%s.img",
		 type, strcmp(type, "xfs") ? "128M" : "300M", type,
		 strcmp(type, "ext4") ? "-f" : "-F", type, type, type, name, type, name, name,
		 name);
	if (system(command))
		FAIL("can't make a %s: see /run/kt-mkfs.log", type);
	return kt_fd(kt_path(name, NULL));
}

static const char *control(const char *name, const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), CONTROL "/%s/%s", name, file);
	return path;
}

/** kt_tell() - write to a control of an fgtestfs */
void kt_tell(const char *name, const char *file, const char *text)
{
	write_text(control(name, file), text);
}

/** kt_state() - read a number from the state of an fgtestfs */
unsigned int kt_state(const char *name, const char *key)
{
	FILE *f = fopen(control(name, "state"), "re");
	char this_key[64];
	unsigned int value;

	if (!f)
		FAIL("open the state of %s: %s", name, strerror(errno));
	while (fscanf(f, "%63s %u", this_key, &value) == 2) {
		if (!strcmp(key, this_key)) {
			fclose(f);
			return value;
		}
	}
	FAIL("the state of %s has no %s", name, key);
}

/** kt_await_state() - wait until a number in the state of an fgtestfs has a value */
void kt_await_state(const char *name, const char *key, unsigned int value)
{
	if (!AWAIT(kt_state(name, key) == value, KT_SOON_MS))
		FAIL("%s: %s is %u, not %u", name, key, kt_state(name, key), value);
}

/** kt_freeze() - freeze as fsfreeze does, not by a lease */
void kt_freeze(int fd)
{
	if (ioctl(fd, FIFREEZE, 0))
		FAIL("FIFREEZE: %s", strerror(errno));
}

/** kt_thaw() - thaw as fsfreeze does; returns 0 or -errno */
int kt_thaw(int fd)
{
	return ioctl(fd, FITHAW, 0) ? -errno : 0;
}

/** kt_parameter() - the value of a parameter of the module */
unsigned int kt_parameter(const char *name)
{
	char path[PATH_MAX];
	unsigned int value;
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%u", &value) != 1)
		FAIL("%s has no number", path);
	fclose(f);
	return value;
}

/** kt_set_parameter() - set a parameter of the module; the harness sets it back */
void kt_set_parameter(const char *name, unsigned int value)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	snprintf(text, sizeof(text), "%u", value);
	write_text(path, text);
}

/**
 * kt_reload() - unload the module and load it again; the harness undoes that
 * @parameters: other than the defaults
 *
 * No lease may be live. Sockets have to be opened afterwards: the family gets another number.
 */
void kt_reload(const char *parameters)
{
	char command[128];

	snprintf(command, sizeof(command), "rmmod freezeguard && modprobe freezeguard %s",
		 parameters);
	if (system(command))
		FAIL("%s", command);
}

/* Processes */

/** kt_fork() - fork; the child ends with the test */
pid_t kt_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		FAIL("fork: %s", strerror(errno));
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/** kt_wait() - wait for a child; returns its exit status, 128 and more for signals */
int kt_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Cleaning up after a test, in its parent */

static bool release_hangs(void)
{
	static const char *const files[][2] = {
		{ "freeze", "ok" }, { "thaw", "ok" }, { "sync_fs", "ok" }, { "release", "0" },
	};
	DIR *dir = opendir(CONTROL);
	struct dirent *entry;
	unsigned int i;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		for (i = 0; entry->d_name[0] != '.' && i < 4; i++) {
			int fd = open(control(entry->d_name, files[i][0]), O_WRONLY | O_CLOEXEC);

			if (fd >= 0 && write(fd, files[i][1], strlen(files[i][1])) < 0)
				kt_note("%s: %s", entry->d_name, strerror(errno));
			close(fd);
		}
	}
	closedir(dir);
	return true;
}

struct live {
	struct fgnl *nl;
	unsigned int n;
	uint64_t numbers[8192];
};

static void each_live(const struct fg_lease *lease, void *arg)
{
	struct live *live = arg;

	if (lease->state < FREEZEGUARD_LEASE_STATE_THAWED && live->n < 8192 &&
	    (!live->n || live->numbers[live->n - 1] != lease->number))
		live->numbers[live->n++] = lease->number;
}

/* Ends all leases; false if one lives on. */
static bool end_leases(void)
{
	static struct live live;
	struct fgnl nl;
	unsigned int i;
	bool none;

	if (fgnl_open(&nl))
		return true;	/* no module, no lease */
	live.n = 0;
	if (fg_dump(&nl, each_live, &live) < 0)
		kt_note("clean up: dump failed: %s", strerror(nl.error));
	for (i = 0; i < live.n; i++)
		fg_end(&nl, live.numbers[i], NULL);
	none = AWAIT((live.n = 0, fg_dump(&nl, each_live, &live) >= 0 && !live.n), KT_SOON_MS);
	if (!none)
		kt_note("clean up: lease %llu doesn't end", (unsigned long long)live.numbers[0]);
	fgnl_close(&nl);
	return none;
}

/* Unmounts one; false if it was frozen or stays. */
static bool unmount_one(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool clean = true;

	if (fd >= 0 && kt_thaw(fd) == 0) {
		kt_note("clean up: %s was left frozen", path);
		clean = false;
	}
	close(fd);
	if (!AWAIT(umount(path) == 0, KT_SOON_MS)) {
		kt_note("clean up: umount %s: %s", path, strerror(errno));
		umount2(path, MNT_DETACH);
		clean = false;
	}
	return clean;
}

/* Unmounts everything below ROOT, the newest first; false if something was frozen or stays. */
static bool unmount_all(void)
{
	char **paths = NULL, **bigger;
	struct mntent *mount;
	bool clean = true;
	size_t n = 0;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	while (f && (mount = getmntent(f))) {
		if (strncmp(mount->mnt_dir, ROOT "/", strlen(ROOT "/")))
			continue;
		bigger = realloc(paths, (n + 1) * sizeof(*paths));
		if (bigger)
			paths = bigger;
		if (!bigger || !(paths[n] = strdup(mount->mnt_dir))) {
			clean = false;
			break;
		}
		n++;
	}
	if (f)
		endmntent(f);
	while (n) {
		clean &= unmount_one(paths[--n]);
		free(paths[n]);
	}
	free(paths);
	return clean;
}

/* Whatever the test set. */
static void reset_parameters(void)
{
	static const char *const names[] = { "history", "max_holds", "max_leases",
					     "max_timeout_ms" };
	static unsigned int values[4];
	static bool known, watch;
	unsigned int i;

	if (access(PARAMETERS, F_OK))
		return;
	if (!known)
		watch = parameter_is("watch", "Y");
	else if (watch != parameter_is("watch", "Y"))
		kt_reload("");
	for (i = 0; i < 4; i++) {
		if (!known)
			values[i] = kt_parameter(names[i]);
		else if (kt_parameter(names[i]) != values[i])
			kt_set_parameter(names[i], values[i]);
	}
	known = true;
}

static bool clean_up(pid_t group)
{
	bool clean;

	kill(-group, SIGKILL);
	release_hangs();
	clean = end_leases();
	/* now that writers can go, the killed ones do */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	clean &= unmount_all();
	reset_parameters();
	return clean;
}

/* Running */

static int run_test(const struct kt_test *test, unsigned int number)
{
	int status, result;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		alarm(test->seconds);
		test->run();
		_exit(0);
	}
	setpgid(pid, pid);
	/* an uninterruptible hang doesn't end with the alarm: end what it hangs on, then wait */
	if (!AWAIT(waitpid(pid, &status, WNOHANG) == pid, (test->seconds + 2) * 1000)) {
		kt_note("%s hangs", test->name);
		release_hangs();
		end_leases();
		status = 0x100;
	}
	if (WIFSIGNALED(status))
		kt_note("%s: %s", test->name, WTERMSIG(status) == SIGALRM ? "took too long" :
			strsignal(WTERMSIG(status)));
	result = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
	if (!clean_up(pid) && result != EXIT_FAILED)
		result = EXIT_FAILED;
	if (result == EXIT_SKIPPED) {
		printf("ok %u - %s # SKIP %s\n", number, test->name, skip_reason);
		return 0;
	}
	printf("%s %u - %s\n", result ? "not ok" : "ok", number, test->name);
	return result != 0;
}

/* Nothing here may ever run outside a guest: it freezes filesystems and hangs on purpose. */
static bool in_guest(void)
{
	struct statfs root;

	return getenv("FREEZEGUARD_GUEST") && !statfs("/", &root) &&
	       root.f_type == OVERLAYFS_SUPER_MAGIC;
}

int main(int argc, char **argv)
{
	unsigned int n = 0, failed = 0;
	struct kt_test *test;

	if (!in_guest()) {
		fprintf(stderr, "%s freezes filesystems: run it with tools/vm-run\n", argv[0]);
		return 2;
	}
	/* the processes of a test that was killed are waited for, too */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	skip_reason = mmap(NULL, SKIP_REASON_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED)
		return 2;
	reset_parameters();
	for (test = tests; test; test = test->next)
		n += argc < 2 || !strcmp(test->name, argv[1]);
	printf("KTAP version 1\n1..%u\n", n);
	n = 0;
	for (test = tests; test; test = test->next)
		if (argc < 2 || !strcmp(test->name, argv[1]))
			failed += run_test(test, ++n);
	return failed != 0;
}
