// SPDX-License-Identifier: GPL-2.0-only
/*
 * The soak: clients, foreign freezes, mounts that come and go, and attempts to unload, all at once
 * on filesystems that are written to. One lease holds through all of it.
 *
 * SOAK_SECONDS: how long (20); SOAK_SEED: repeats a run's decisions, though not its timing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/fs.h>
#include <time.h>
#include <unistd.h>

#include "kt.h"

enum { CLIENTS = 16, FREEZERS = 2, RECENT = 64 };

/* A lease's deadline is at most so far away. */
enum { TIMEOUT_MAX_MS = 3000 };

/* Beyond the deadline nothing may wait for longer: neither a task nor a live lease. */
enum { STUCK_MS = 20000 };

/* So much longer than asked for it may last, until everything has happened once. */
enum { LONGER_MS = 100000 };

/* Ended leases that are dumped, which takes time; more than end between two looks at them. */
enum { HISTORY = 100 };

/* Numbers of leases that are accounted for. */
#define NUMBERS_MAX	(8U << 20)

static struct filesystem {
	const char *name, *type, *options, *size;	/* a size: of an image, on a loop device */
	char source[32];
} filesystems[] = {
	{ .name = "soak-plain", .type = "fgtestfs" },
	{ .name = "soak-slow", .type = "fgtestfs", .options = "freeze=sleep:5,thaw=sleep:5" },
	{ .name = "soak-super", .type = "fgtestfs", .options = "super" },
	{ .name = "soak-bad", .type = "fgtestfs" },
	{ .name = "soak-ext4", .type = "ext4", .size = "64M" },
	{ .name = "soak-ext4-too", .type = "ext4", .size = "64M" },
	{ .name = "soak-xfs", .type = "xfs", .size = "300M" },
	{ .name = "soak-btrfs", .type = "btrfs", .size = "128M" },
};

enum { FILESYSTEMS = sizeof(filesystems) / sizeof(filesystems[0]) };

/* What goes on beside the clients and writers. */
enum { FREEZER, MOUNTER = FREEZER + FREEZERS, UNLOADER, MISBEHAVER, OTHERS };

/* What is counted; every process adds to it. */
enum count {
	NEW, NEW_REFUSED, END, EXTEND, DETACH, WHICH_REFUSED, GET, DUMP, FS_GET, CLOSED, KILLED,
	FOREIGN_FREEZE, FOREIGN_FREEZE_REFUSED, FOREIGN_THAW, UMOUNT, UMOUNT_BUSY, UMOUNT_LAZY,
	REMOUNT, REMOUNT_BUSY, UNLOAD_REFUSED, COUNTS
};

static const char *const count_names[COUNTS] = {
	"new", "new refused", "end", "extend", "detach", "end, extend, detach refused", "get", "dump",
	"fs-get", "sockets closed", "clients killed", "foreign freezes", "foreign freezes refused",
	"foreign thaws", "umounts", "umounts refused", "lazy umounts", "remounts", "remounts refused",
	"rmmods refused",
};

/* Shared by all processes. */
static struct {
	volatile bool stop, stop_listening;
	volatile uint64_t counts[COUNTS];
	volatile uint64_t recent[RECENT];
	volatile uint64_t writes[FILESYSTEMS];
	/* what the listener has seen */
	volatile uint64_t events, overruns, gaps, lost, begun, repeated;
	volatile uint64_t final[16];
	/* of each number: was a client told that it is made; was it seen to have ended; the last state announced */
	volatile uint8_t leases[NUMBERS_MAX];
} *shared;

enum { MADE = 0x80, ENDED = 0x40, STATE = 0x0f };

static void count(enum count what)
{
	__atomic_add_fetch(&shared->counts[what], 1, __ATOMIC_RELAXED);
}

static uint32_t below(uint32_t n)
{
	return random() % n;
}

/* Filesystems */

static void run(const char *format, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof(command), format, a, b, a);
	if (system(command))
		FAIL("%s", command);
}

static int mount_filesystem(const struct filesystem *fs)
{
	return mount(fs->source, kt_path(fs->name, NULL), fs->type, 0, fs->options);
}

static void make_filesystem(struct filesystem *fs)
{
	FILE *pipe;
	char command[512];

	snprintf(fs->source, sizeof(fs->source), "%s", fs->name);
	if (fs->size) {
		run("truncate -s %2$s /run/%1$s.img", fs->name, fs->size);
		run("mkfs.%2$s -q /run/%1$s.img >/run/mkfs.log 2>&1", fs->name, fs->type);
		run("modprobe -q loop; modprobe -q %2$s; true", fs->name, fs->type);
		snprintf(command, sizeof(command), "losetup --find --show /run/%s.img", fs->name);
		pipe = popen(command, "r");
		CHECK(pipe && fscanf(pipe, "%31s", fs->source) == 1 && !pclose(pipe));
	}
	mkdir("/run/kt", 0755);
	mkdir(kt_path(fs->name, NULL), 0755);
	if (mount_filesystem(fs))
		FAIL("mount %s: %s", fs->name, strerror(errno));
}

/* A directory on it, or -1 if it isn't mounted at the moment. */
static int open_filesystem(const struct filesystem *fs)
{
	int fd = open(kt_path(fs->name, NULL), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat above, here;

	if (fd < 0 || fstat(fd, &here) || stat("/run/kt", &above))
		FAIL("open %s: %s", fs->name, strerror(errno));
	if (here.st_dev != above.st_dev)
		return fd;
	close(fd);
	return -1;
}

static void write_to(unsigned int i)
{
	for (;; kt_sleep_ms(1 + below(10))) {
		int dir = open_filesystem(&filesystems[i]), fd;
		char page[4096];

		if (dir < 0)
			continue;
		fd = openat(dir, "written", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		memset(page, below(256), sizeof(page));
		if (fd >= 0 && pwrite(fd, page, sizeof(page), 4096 * below(64)) == sizeof(page))
			shared->writes[i]++;
		else if (errno != EROFS)
			FAIL("write to %s: %s", filesystems[i].name, strerror(errno));
		close(fd);
		close(dir);
	}
}

/* Clients */

static void refused(const struct fgnl *nl, const char *what, int err, const int *allowed)
{
	while (*allowed && *allowed != -err)
		allowed++;
	if (!*allowed)
		FAIL("%s: %s (%s)", what, strerror(-err), nl->extack);
	if (!nl->extack[0])
		FAIL("%s: %s without a message", what, strerror(-err));
}

/* A lease that somebody has made not long ago. */
static uint64_t any_lease(void)
{
	return shared->recent[below(RECENT)] ?: NUMBERS_MAX;
}

static void new_lease(struct fgnl *nl)
{
	static const int allowed[] = { EBUSY, EEXIST, 0 };
	unsigned int n = 0, want = 1 + below(3), ms = 20 + below(below(2) ? 400 : TIMEOUT_MAX_MS - 20);
	static struct fg_lease lease;
	uint32_t levels[3];
	char id[16];
	int fds[3], err;

	while (want--) {
		levels[n] = below(3);
		fds[n] = open_filesystem(&filesystems[below(FILESYSTEMS)]);
		n += fds[n] >= 0;
	}
	if (!n)
		return;
	snprintf(id, sizeof(id), "soak-%u", below(20));
	err = fg_new_levels(nl, below(2) ? id : NULL, ms, fds, levels, n, &lease);
	while (n)
		close(fds[--n]);
	if (err) {
		count(NEW_REFUSED);
		return refused(nl, "new", err, allowed);
	}
	count(NEW);
	CHECK(lease.number < NUMBERS_MAX);
	__atomic_or_fetch(&shared->leases[lease.number], MADE, __ATOMIC_RELAXED);
	shared->recent[lease.number % RECENT] = lease.number;
	/* a moment, or until it is over in one way or another */
	kt_sleep_ms(below(2) ? below(30) : below(ms));
}

static void change_lease(struct fgnl *nl, uint8_t cmd, enum count what)
{
	static const int allowed[] = { ENOENT, EALREADY, EAGAIN, 0 };
	int err = fg_which(nl, cmd, any_lease(), NULL, 1 + below(TIMEOUT_MAX_MS), NULL);

	count(err ? WHICH_REFUSED : what);
	if (err)
		refused(nl, count_names[what], err, allowed);
}

static void look(struct fgnl *nl)
{
	static const int allowed[] = { ENOENT, 0 };
	struct fg_fs fs;
	int fd, err;

	switch (below(4)) {
	case 0:
		count(DUMP);
		err = fg_dump(nl, NULL, NULL);
		if (err < 0)
			FAIL("dump: %s", strerror(-err));
		break;
	case 1:
		fd = open_filesystem(&filesystems[below(FILESYSTEMS)]);
		if (fd < 0)
			break;
		count(FS_GET);
		EQUAL(fg_fs(nl, fd, &fs), 0);
		close(fd);
		break;
	default:
		count(GET);
		err = fg_get(nl, any_lease(), NULL);
		if (err)
			refused(nl, "get", err, allowed);
	}
}

static void be_client(void)
{
	struct fg_event event;
	struct fgnl nl;

	kt_open(&nl);
	while (!shared->stop) {
		switch (below(16)) {
		case 0 ... 5: new_lease(&nl); break;
		case 6 ... 7: change_lease(&nl, FREEZEGUARD_CMD_LEASE_END, END); break;
		case 8 ... 9: change_lease(&nl, FREEZEGUARD_CMD_LEASE_EXTEND, EXTEND); break;
		case 10 ... 11: change_lease(&nl, FREEZEGUARD_CMD_LEASE_DETACH, DETACH); break;
		case 12:
			count(CLOSED);
			fgnl_close(&nl);
			kt_open(&nl);
			break;
		default: look(&nl); break;
		}
		while (!fg_event(&nl, &event, 0))
			;
		kt_sleep_ms(below(40));
	}
}

/* Others */

/* What it froze is thawed, whoever froze and thawed it meanwhile: EINVAL means that nothing is left. */
static void freeze_and_thaw(void)
{
	while (!shared->stop) {
		int fd = open_filesystem(&filesystems[below(FILESYSTEMS)]);

		if (fd >= 0 && below(4) == 0) {
			if (!ioctl(fd, FITHAW, 0))
				count(FOREIGN_THAW);
		} else if (fd >= 0 && !ioctl(fd, FIFREEZE, 0)) {
			count(FOREIGN_FREEZE);
			kt_sleep_ms(below(50));
			while (ioctl(fd, FITHAW, 0) && errno != EINVAL)
				kt_sleep_ms(1);
		} else if (fd >= 0) {
			count(FOREIGN_FREEZE_REFUSED);
		}
		close(fd);
		kt_sleep_ms(below(150));
	}
}

/* Repeated until it succeeds, which it does once nothing is frozen or in the way. */
static void insist(const char *what, const struct filesystem *fs, int (*call)(const struct filesystem *))
{
	uint64_t until = kt_now_ns() + (TIMEOUT_MAX_MS + STUCK_MS) * MS;

	while (call(fs)) {
		if (kt_now_ns() > until)
			FAIL("%s %s: %s", what, fs->name, strerror(errno));
		kt_sleep_ms(2);
	}
}

static int remount_writable(const struct filesystem *fs)
{
	return mount(NULL, kt_path(fs->name, NULL), NULL, MS_REMOUNT, NULL);
}

/* Writers have it open for most of the time. */
static int try_umount(const char *path)
{
	unsigned int tries;

	for (tries = 0; tries < 30; tries++) {
		if (!umount(path)) {
			count(UMOUNT);
			return 0;
		}
		CHECK(errno == EBUSY);
		count(UMOUNT_BUSY);
		kt_sleep_ms(1);
	}
	return -1;
}

static void mount_and_unmount(void)
{
	for (; !shared->stop; kt_sleep_ms(below(100))) {
		const struct filesystem *fs = &filesystems[below(FILESYSTEMS)];
		const char *path = kt_path(fs->name, NULL);

		switch (below(3)) {
		case 0:
			if (try_umount(path))
				continue;
			break;
		case 1:
			CHECK(!umount2(path, MNT_DETACH));
			count(UMOUNT_LAZY);
			break;
		case 2:
			if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL)) {
				count(REMOUNT_BUSY);
				CHECK(errno == EBUSY);
				continue;
			}
			count(REMOUNT);
			kt_sleep_ms(below(50));
			insist("remount", fs, remount_writable);
			continue;
		}
		kt_sleep_ms(below(50));
		insist("mount", fs, mount_filesystem);
	}
}

static void unload(void)
{
	for (; !shared->stop; kt_sleep_ms(50)) {
		const char *module = below(2) ? "freezeguard" : "fgtestfs";

		if (!syscall(SYS_delete_module, module, O_NONBLOCK))
			FAIL("%s was unloaded in the middle of it", module);
		CHECK(errno == EWOULDBLOCK);
		count(UNLOAD_REFUSED);
	}
}

/* A filesystem that fails now and then. It may be gone at the moment, and its controls with it. */
static void misbehave(void)
{
	static const char *const what[] = { "fail:5:1", "fail:28:2", "sleep:100", "ok" };
	static const char *const of[] = { "freeze", "thaw", "sync_fs" };
	char path[128];

	for (; !shared->stop; kt_sleep_ms(below(100))) {
		const char *text = what[below(4)];
		int fd;

		snprintf(path, sizeof(path), "/sys/kernel/debug/fgtestfs/soak-bad/%s", of[below(3)]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, text, strlen(text)) < 0 && errno != EIO)
			FAIL("write %s: %s", path, strerror(errno));
		close(fd);
	}
}

/* The listener: every event, in order, and one last state for every lease. */

static void account(const struct fg_event *event)
{
	volatile uint8_t *lease;
	unsigned int before;

	CHECK(event->number < NUMBERS_MAX && event->state < 16);
	lease = &shared->leases[event->number];
	before = *lease & STATE;
	if (before >= FREEZEGUARD_LEASE_STATE_THAWED && before != event->state)
		FAIL("lease %llu went from its last state %u to %u",
		     (unsigned long long)event->number, before, event->state);
	if (!before)
		shared->begun++;
	if (before >= FREEZEGUARD_LEASE_STATE_THAWED)
		shared->repeated++;	/* an extension or a detaching that was told of late */
	else if (event->state >= FREEZEGUARD_LEASE_STATE_THAWED)
		shared->final[event->state]++;
	__atomic_and_fetch(lease, (uint8_t)~STATE, __ATOMIC_RELAXED);
	__atomic_or_fetch(lease, event->state, __ATOMIC_RELAXED);
}

static void listen_to_events(struct fgnl *nl)
{
	struct fg_event event;
	uint32_t last = 0;
	int err;

	for (;;) {
		err = fg_event(nl, &event, 500);
		if (err == -ENOBUFS) {
			shared->overruns++;
			continue;
		}
		if (err == -ETIMEDOUT && shared->stop_listening)
			return;
		if (err)
			continue;
		if (shared->events++ && event.seq != last + 1) {
			shared->gaps++;
			shared->lost += event.seq - last - 1;
			if (shared->gaps > shared->overruns)
				FAIL("event %u came after %u, and nothing was dropped", event.seq, last);
		}
		last = event.seq;
		account(&event);
	}
}

/* Watching */

static struct {
	pid_t clients[CLIENTS], writers[FILESYSTEMS], others[OTHERS], listener;
	unsigned int generation;
} processes;

static pid_t start(void (*what)(void), unsigned int seed)
{
	pid_t pid = kt_fork();

	if (!pid) {
		srandom(seed);
		what();
		_exit(0);
	}
	return pid;
}

static bool forget(pid_t *pids, unsigned int n, pid_t pid)
{
	while (n--)
		if (pids[n] == pid) {
			pids[n] = 0;
			return true;
		}
	return false;
}

/* Whoever ended did so because it was killed, or was told to stop. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			FAIL("process %d ended with %#x", pid, status);
		if (!forget(processes.clients, CLIENTS, pid) &&
		    !forget(processes.others, OTHERS, pid) && !forget(&processes.listener, 1, pid))
			forget(processes.writers, FILESYSTEMS, pid);
	}
}

static unsigned int left(const pid_t *pids, unsigned int n)
{
	unsigned int sum = 0;

	while (n--)
		sum += pids[n] != 0;
	return sum;
}

/* A task that sleeps uninterruptibly, and has not run since it was first seen to. */
static struct sleeper {
	pid_t pid;
	unsigned long switches;
	uint64_t since, seen;
	char name[32];
} sleepers[1024];

static bool read_task(int pid, struct sleeper *s)
{
	char path[64], line[256], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	*s = (struct sleeper) { .pid = pid };
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Name: %31[^\n]", s->name);
		sscanf(line, "State: %c", &state);
		sscanf(line, "voluntary_ctxt_switches: %lu", &s->switches);
	}
	fclose(f);
	return state == 'D';
}

/* How long the one has slept that has slept longest. */
static uint64_t longest_sleep(const struct sleeper **who)
{
	uint64_t now = kt_now_ns(), longest = 0;
	struct dirent *entry;
	struct sleeper s;
	DIR *proc = opendir("/proc");
	unsigned int i;

	CHECK(proc);
	while ((entry = readdir(proc))) {
		struct sleeper *old = NULL;

		if (atoi(entry->d_name) <= 0 || !read_task(atoi(entry->d_name), &s))
			continue;
		s.since = s.seen = now;
		for (i = 0; i < 1024 && !(old && old->pid == s.pid); i++)
			if (sleepers[i].pid == s.pid || !sleepers[i].seen)
				old = &sleepers[i];
		CHECK(old);
		if (old->pid == s.pid && old->switches == s.switches && old->seen)
			s.since = old->since;
		*old = s;
		if (now - s.since > longest) {
			longest = now - s.since;
			*who = old;
		}
	}
	closedir(proc);
	for (i = 0; i < 1024; i++)
		if (sleepers[i].seen != now)
			sleepers[i].seen = 0;
	return longest;
}

static void check_sleepers(void)
{
	const struct sleeper *who = NULL;
	uint64_t ns = longest_sleep(&who);
	char command[64];

	if (ns <= (TIMEOUT_MAX_MS + STUCK_MS) * MS)
		return;
	snprintf(command, sizeof(command), "cat /proc/%d/stack | sed 's/^/# /'", who->pid);
	if (system(command))
		kt_note("no stack");
	FAIL("%s (%d) has slept for %llu ms", who->name, who->pid, (unsigned long long)(ns / MS));
}

static const char *not_happened(void)
{
	static char text[32];
	unsigned int i;

	for (i = 0; i < COUNTS; i++)
		if (!shared->counts[i])
			return count_names[i];
	for (i = FREEZEGUARD_LEASE_STATE_THAWED; i <= FREEZEGUARD_LEASE_STATE_FAILED; i++) {
		snprintf(text, sizeof(text), "a lease with last state %u", i);
		/* only before 6.6 can others break one */
		if (i != FREEZEGUARD_LEASE_STATE_BROKEN && !shared->final[i])
			return text;
	}
	return NULL;
}

static void note_end(const struct fg_lease *lease)
{
	if (lease->state >= FREEZEGUARD_LEASE_STATE_THAWED && lease->number < NUMBERS_MAX)
		__atomic_or_fetch(&shared->leases[lease->number], ENDED, __ATOMIC_RELAXED);
}

static void stir(struct fgnl *nl, uint64_t seconds, unsigned int seed)
{
	uint64_t begun = kt_now_ns(), next = begun, now, until = begun + seconds * 1000 * MS;
	unsigned int i;

	/* on a machine that is too slow for everything to happen in time, for longer */
	while ((now = kt_now_ns()) < until || (not_happened() && now < until + LONGER_MS * MS)) {
		reap();
		for (i = 0; i < CLIENTS; i++)
			if (!processes.clients[i])
				processes.clients[i] = start(be_client, seed + ++processes.generation);
		if (!left(&processes.listener, 1) || left(processes.writers, FILESYSTEMS) != FILESYSTEMS ||
		    left(processes.others, OTHERS) != OTHERS)
			FAIL("a process ended before its time");
		kt_sleep_ms(50 + below(150));
		i = below(CLIENTS);
		if (processes.clients[i] && !kill(processes.clients[i], SIGKILL))
			count(KILLED);
		if (now < next)
			continue;
		next = now + 1000 * MS;
		kt_live_leases(nl, STUCK_MS, note_end);
		check_sleepers();
		if (isatty(1))
			fprintf(stderr, "\rsoak: %llu of %llu s, %llu leases, %llu events ",
				(unsigned long long)((now - begun) / (1000 * MS)),
				(unsigned long long)seconds,
				(unsigned long long)shared->counts[NEW],
				(unsigned long long)shared->events);
	}
	if (isatty(1))
		fprintf(stderr, "\n");
}

/* Repeat for as long as it is false, but not for ever, and fail then. */
#define WAIT_UNTIL(condition) \
	do { \
		uint64_t kt_until = kt_now_ns() + (TIMEOUT_MAX_MS + STUCK_MS) * MS; \
		while (!(condition)) { \
			if (kt_now_ns() > kt_until) \
				FAIL("not in time: %s", #condition); \
			kt_sleep_ms(5); \
		} \
	} while (0)

static unsigned int left_after_reaping(const pid_t *pids, unsigned int n)
{
	reap();
	return left(pids, n);
}

static void stop(struct fgnl *nl)
{
	unsigned int i;

	shared->stop = true;
	WAIT_UNTIL(!left_after_reaping(processes.clients, CLIENTS));
	WAIT_UNTIL(!left_after_reaping(processes.others, OTHERS));
	WAIT_UNTIL(kt_live_leases(nl, STUCK_MS, note_end) == 1);	/* the anchor */
	for (i = 0; i < FILESYSTEMS; i++) {
		uint64_t before = shared->writes[i];
		int fd = open_filesystem(&filesystems[i]);

		CHECK(fd >= 0);
		EQUAL(kt_fs_state(nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
		close(fd);
		WAIT_UNTIL(shared->writes[i] > before);
	}
}

static void print_counts(void)
{
	unsigned int i;

	for (i = 0; i < COUNTS; i++)
		kt_note("%-28s %8llu", count_names[i], (unsigned long long)shared->counts[i]);
	for (i = 0; i < FILESYSTEMS; i++)
		kt_note("writes to %-18s %8llu", filesystems[i].name,
			(unsigned long long)shared->writes[i]);
	kt_note("events %llu, overruns %llu, lost %llu; leases begun %llu: thawed %llu, expired %llu, broken %llu, aborted %llu, failed %llu; last states told again %llu",
		(unsigned long long)shared->events, (unsigned long long)shared->overruns,
		(unsigned long long)shared->lost, (unsigned long long)shared->begun,
		(unsigned long long)shared->final[FREEZEGUARD_LEASE_STATE_THAWED],
		(unsigned long long)shared->final[FREEZEGUARD_LEASE_STATE_EXPIRED],
		(unsigned long long)shared->final[FREEZEGUARD_LEASE_STATE_BROKEN],
		(unsigned long long)shared->final[FREEZEGUARD_LEASE_STATE_ABORTED],
		(unsigned long long)shared->final[FREEZEGUARD_LEASE_STATE_FAILED],
		(unsigned long long)shared->repeated);
}

/* Every lease has come to an end that was told. What an overrun has cost, a dump tells. */
static void check_accounts(struct fgnl *nl)
{
	unsigned int number, state;

	CHECK(shared->events && shared->begun);
	EQUAL(kt_live_leases(nl, STUCK_MS, note_end), 0);
	for (number = 1; number < NUMBERS_MAX; number++) {
		if (!shared->leases[number])
			continue;
		state = shared->leases[number] & STATE;
		if (state < FREEZEGUARD_LEASE_STATE_THAWED &&
		    !(shared->lost && shared->leases[number] & ENDED))
			FAIL("of lease %u nothing was told after state %u", number, state);
	}
	if (not_happened())
		FAIL("never happened: %s", not_happened());
}

/* Also those that were unmounted while they were frozen are gone. */
static void take_down(void)
{
	unsigned int i;

	for (i = 0; i < FILESYSTEMS; i++)
		kill(processes.writers[i], SIGKILL);
	WAIT_UNTIL(!left_after_reaping(processes.writers, FILESYSTEMS));
	for (i = 0; i < FILESYSTEMS; i++) {
		kt_umount(filesystems[i].name);
		if (filesystems[i].size)
			run("losetup -d %2$s; rm /run/%1$s.img", filesystems[i].name,
			    filesystems[i].source);
	}
	WAIT_UNTIL(system("losetup -l | grep -q /run/soak-"));
	WAIT_UNTIL(!system("! ls /sys/kernel/debug/fgtestfs | grep soak-"));
}

TEST(soak)
{
	static void (*const others[OTHERS])(void) = {
		[FREEZER] = freeze_and_thaw, [FREEZER + 1] = freeze_and_thaw,
		[MOUNTER] = mount_and_unmount, [UNLOADER] = unload, [MISBEHAVER] = misbehave,
	};
	uint64_t seconds = kt_setting("SOAK_SECONDS", 20);
	unsigned int seed = kt_setting("SOAK_SEED", time(NULL)), i;
	struct fgnl nl, listener;
	struct fg_lease *lease;
	uint64_t started, made, stirred, anchor;
	int fd;

	kt_note("soak: seed %u, %llu s", seed, (unsigned long long)seconds);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(shared != MAP_FAILED);
	srandom(seed);
	started = kt_now_ns();
	kt_set_parameter("max_timeout_ms", 24 * 3600 * 1000);
	kt_set_parameter("history", HISTORY);
	for (i = 0; i < FILESYSTEMS; i++)
		make_filesystem(&filesystems[i]);

	kt_open(&listener);
	EQUAL(fgnl_subscribe(&listener), 0);
	processes.listener = kt_fork();
	if (!processes.listener) {
		listen_to_events(&listener);
		_exit(0);
	}
	fgnl_close(&listener);
	for (i = 0; i < FILESYSTEMS; i++) {
		processes.writers[i] = kt_fork();
		if (!processes.writers[i])
			write_to(i);
	}
	/* holds the module, and through all that happens to others */
	fd = kt_mount("anchor", NULL);
	kt_open(&nl);
	anchor = kt_frozen(&nl, "anchor", 12 * 3600 * 1000, &fd, 1)->number;
	for (i = 0; i < OTHERS; i++)
		processes.others[i] = start(others[i], seed + 1000000 * (i + 1));

	made = kt_now_ns();
	stir(&nl, seconds, seed);
	stirred = kt_now_ns();
	stop(&nl);
	kt_note("soak: %.1f s to make, %.1f s to stop", (made - started) / 1e9,
		(kt_now_ns() - stirred) / 1e9);
	lease = kt_end(&nl, anchor);
	CHECK(lease->continuity != FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	shared->stop_listening = true;
	WAIT_UNTIL(!left_after_reaping(&processes.listener, 1));
	print_counts();
	check_accounts(&nl);
	take_down();
}

/* Besides what was asked for: making, stopping, taking down. */
__attribute__((constructor)) static void set_time_limit(void)
{
	const char *seconds = getenv("SOAK_SECONDS");

	kt_soak.seconds = 240 + (seconds ? strtoul(seconds, NULL, 0) : 20);
}
