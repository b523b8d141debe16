// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer: messages made from the netlink spec, from root, from an unprivileged user and from the
 * root of a user namespace, while leases live, freezes and thaws hang and others freeze, too.
 *
 * FUZZ_MESSAGES: how many (20000); FUZZ_SEED: repeats a run's messages, though not its timing.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <linux/fs.h>
#include <unistd.h>

#include "answer.h"
#include "kt.h"

enum { NOBODY = 65534, MOUNTS = 8, OWN_MOUNTS = 2, FDS_MAX = 64, SENDERS = 4 };

/* Bounds that messages reach easily; every lease is over soon, whoever made it. Dumps are slow. */
enum { TIMEOUT_MAX_MS = 2000, HOLDS_MAX = 6, LEASES_MAX = 7, HISTORY = 16 };

/* From a lease's deadline to its last release, hangs of up to HANG_MAX_MS included. */
enum { HANG_MAX_MS = 200, RELEASE_MAX_MS = 15000 };

/* For so long more messages are sent, until every command was accepted once. */
enum { ACCEPTED_MAX_MS = 30000 };

/* Shared by all processes. */
static struct {
	volatile bool stop;
	volatile uint64_t recent[FUZZ_RECENT];
	struct fuzz_counts counts[SENDERS];
} *shared;

static int good_fds[FDS_MAX], bad_fds[FDS_MAX];
static unsigned int n_good_fds, n_bad_fds;

/* Who sends, and which part of the messages. */
static const struct sender {
	const char *name;
	unsigned int percent;
} senders[SENDERS] = {
	{ "root", 40 }, { "root, too", 40 }, { "nobody", 10 }, { "root of a user namespace", 10 },
};

/* Open files of all kinds. They have the same numbers in every process. */

static void keep(int *fds, unsigned int *n, int fd)
{
	CHECK(fd >= 0 && *n < FDS_MAX);
	fds[(*n)++] = fd;
}

static void open_on(const char *name)
{
	const char *file = kt_path(name, "file"), *gone = kt_path(name, "gone");

	keep(good_fds, &n_good_fds, kt_fd(kt_path(name, NULL)));
	keep(good_fds, &n_good_fds, open(file, O_RDWR | O_CREAT, 0666));
	keep(good_fds, &n_good_fds, open(gone, O_RDWR | O_CREAT, 0666));
	CHECK(!unlink(gone));
}

static void open_all(void)
{
	int pair[2], closed, tree;
	char name[16];
	unsigned int i;

	for (i = 0; i < MOUNTS; i++) {
		snprintf(name, sizeof(name), "fz%u", i);
		/* the second half hangs, fails and is frozen by others */
		close(kt_mount(name, i % 4 == 3 ? "super" : NULL));
		open_on(name);
	}
	/* a mount that is nowhere */
	tree = syscall(SYS_open_tree, AT_FDCWD, kt_path("fz0", NULL), 1 /* OPEN_TREE_CLONE */);
	CHECK(tree >= 0);
	keep(good_fds, &n_good_fds, openat(tree, ".", O_RDONLY));
	keep(bad_fds, &n_bad_fds, tree);

	keep(bad_fds, &n_bad_fds, open(kt_path("fz0", NULL), O_PATH));
	keep(bad_fds, &n_bad_fds, open(kt_path("fz0", "file"), O_PATH));
	CHECK(!pipe(pair));
	keep(bad_fds, &n_bad_fds, pair[0]);
	keep(bad_fds, &n_bad_fds, pair[1]);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	keep(bad_fds, &n_bad_fds, pair[0]);
	keep(bad_fds, &n_bad_fds, socket(AF_INET, SOCK_DGRAM, 0));
	keep(bad_fds, &n_bad_fds, socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
	keep(bad_fds, &n_bad_fds, epoll_create1(0));
	keep(bad_fds, &n_bad_fds, eventfd(0, 0));
	keep(bad_fds, &n_bad_fds, timerfd_create(CLOCK_MONOTONIC, 0));
	keep(bad_fds, &n_bad_fds, inotify_init1(0));
	keep(bad_fds, &n_bad_fds, memfd_create("fuzz", 0));
	keep(bad_fds, &n_bad_fds, syscall(SYS_pidfd_open, getpid(), 0));
	keep(bad_fds, &n_bad_fds, kt_fd("/proc/self/status"));
	keep(bad_fds, &n_bad_fds, kt_fd("/proc"));
	keep(bad_fds, &n_bad_fds, kt_fd("/sys"));
	keep(bad_fds, &n_bad_fds, kt_fd("/sys/kernel/debug"));
	keep(bad_fds, &n_bad_fds, kt_fd("/run"));
	keep(bad_fds, &n_bad_fds, kt_fd("/"));
	keep(bad_fds, &n_bad_fds, open("/dev/null", O_RDWR));
	keep(bad_fds, &n_bad_fds, open("/run", O_TMPFILE | O_RDWR, 0600));
	closed = dup(bad_fds[0]);
	keep(bad_fds, &n_bad_fds, closed);
	close(closed);
	keep(bad_fds, &n_bad_fds, 1000000);
}

/* Senders */

static int open_socket(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int size = 4 << 20;

	if (fd < 0 || bind(fd, (void *)&self, sizeof(self)))
		FAIL("netlink socket: %s", strerror(errno));
	/* best effort: needs CAP_NET_ADMIN */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* For root: now and then one that nobody has opened. */
static void change_root_socket(struct fuzz_talker *t)
{
	bool weak = fuzz_one_in(&t->maker, 10);
	int fd;

	CHECK(!weak || !setresuid(-1, NOBODY, -1));
	fd = open_socket();
	CHECK(!weak || !setresuid(-1, 0, -1));
	fuzz_socket(t, fd, weak ? FUZZ_NOTHING : FUZZ_ALL, fuzz_one_in(&t->maker, 2));
}

/* For nobody: its own, or one that root has opened. */
static void change_nobodys_socket(struct fuzz_talker *t, int inherited)
{
	bool own = fuzz_one_in(&t->maker, 2);

	fuzz_socket(t, own ? open_socket() : dup(inherited), FUZZ_NOTHING,
		    own && fuzz_one_in(&t->maker, 2));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		FAIL("write %s: %s", path, strerror(errno));
	close(fd);
}

/* Become root of a user namespace that owns two filesystems. */
static void enter_user_namespace(void)
{
	unsigned int i;
	char name[16];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		FAIL("unshare: %s", strerror(errno));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 0 1");
	write_file("/proc/self/gid_map", "0 0 1");
	for (i = 0; i < OWN_MOUNTS; i++) {
		snprintf(name, sizeof(name), FUZZ_OWN_PREFIX "%u", i);
		if (mount(name, kt_path(name, NULL), "fgtestfs", 0, NULL))
			FAIL("mount %s: %s", name, strerror(errno));
		/* as often as the others */
		keep(good_fds, &n_good_fds, kt_fd(kt_path(name, NULL)));
		open_on(name);
		open_on(name);
		open_on(name);
	}
}

static void become_nobody(void)
{
	CHECK(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) &&
	      !setresuid(NOBODY, NOBODY, NOBODY));
}

/*
 * Has every command been accepted? What that takes is time rather than messages: a lease that is
 * frozen, or live at least. A fast machine sends more, but not for ever.
 */
static bool all_accepted(uint64_t until)
{
	unsigned int i, j;

	for (i = 0; i < fuzz_n_ops && kt_now_ns() < until; i++) {
		for (j = 0; j < SENDERS; j++)
			if (shared->counts[j].accepted[fuzz_ops[i].cmd])
				break;
		if (j == SENDERS)
			return false;
	}
	return true;
}

static void send_messages(unsigned int who, uint16_t family, uint64_t seed, uint64_t messages)
{
	static struct fuzz_talker t;
	int inherited = who == 2 ? open_socket() : -1;
	uint64_t until = kt_now_ns() + ACCEPTED_MAX_MS * MS;

	if (who == 2)
		become_nobody();
	else if (who == 3)
		enter_user_namespace();
	t = (struct fuzz_talker) {
		.name = senders[who].name, .counts = &shared->counts[who],
		.recent = shared->recent, .fd = -1,
		.maker = {
			.random = seed * SENDERS + who, .family = family,
			.good_fds = good_fds, .n_good_fds = n_good_fds,
			.bad_fds = bad_fds, .n_bad_fds = n_bad_fds, .recent = shared->recent,
		},
	};
	while (t.counts->sent < messages || (who == 0 && !all_accepted(until))) {
		if (t.fd < 0 || fuzz_one_in(&t.maker, 50)) {
			if (who < 2)
				change_root_socket(&t);
			else if (who == 2)
				change_nobodys_socket(&t, inherited);
			else
				fuzz_socket(&t, open_socket(), FUZZ_OWN, fuzz_one_in(&t.maker, 2));
		}
		fuzz_talk(&t, fuzz_one_in(&t.maker, 4) ? 1 : 1 + fuzz_random(&t.maker, FUZZ_BATCH_MAX));
	}
}

/* What else goes on. None of it counts as a message. */

static uint32_t below(uint32_t n)
{
	return random() % n;
}

/* Freezes and thaws that fail, sleep and hang. Touches no filesystem, so that nothing stops it. */
static void misbehave(void)
{
	static const char *const what[] = { "hang", "hang", "sleep:30", "fail:5:2", "fail:22:1", "ok" };
	static const char *const of[] = { "freeze", "thaw", "sync_fs" };
	char name[16];

	while (!shared->stop) {
		snprintf(name, sizeof(name), "fz%u", MOUNTS / 2 + below(MOUNTS / 2));
		kt_tell(name, of[below(3)], what[below(6)]);
		kt_sleep_ms(10 + below(HANG_MAX_MS - 10));
		kt_tell(name, "release", below(4) ? "0" : "5");
		kt_sleep_ms(below(50));
	}
}

/* Freezes and thaws as fsfreeze does. */
static void freeze_others(void)
{
	char name[16];
	int fd;

	while (!shared->stop) {
		snprintf(name, sizeof(name), "fz%u", MOUNTS / 2 + below(MOUNTS / 2));
		fd = kt_fd(kt_path(name, NULL));
		if (ioctl(fd, FIFREEZE, 0) == 0) {
			kt_sleep_ms(below(30));
			/*
			 * Until nobody's freeze is left: a failing thaw is no reason to leave it. EINVAL
			 * once is what misbehave() may have made of it.
			 */
			for (unsigned int unfrozen = 0; unfrozen < 5 && ioctl(fd, FITHAW, 0);) {
				unfrozen += errno == EINVAL;
				kt_sleep_ms(1);
			}
		} else if (below(4) == 0) {
			ioctl(fd, FITHAW, 0);
		}
		close(fd);
		kt_sleep_ms(below(40));
	}
}

/* Leases that live for a while, bound and detached. */
static void make_leases(void)
{
	static struct fg_lease lease;
	struct fgnl nl;
	char id[2] = "a";
	int fd;

	kt_open(&nl);
	while (!shared->stop) {
		fd = good_fds[below(n_good_fds)];
		id[0] = 'a' + below(12);
		if (!fg_new(&nl, below(2) ? id : NULL, 20 + below(300), &fd, 1, &lease)) {
			shared->recent[lease.number % FUZZ_RECENT] = lease.number;
			kt_sleep_ms(below(20));
			if (below(2))
				fg_detach(&nl, lease.number, NULL);
			kt_sleep_ms(below(100));
			if (below(2))
				fg_end(&nl, lease.number, NULL);
		}
		if (below(20) == 0) {
			fgnl_close(&nl);
			kt_open(&nl);
		}
		kt_sleep_ms(below(20));
	}
}

/* Watching */

static struct {
	pid_t senders[SENDERS], others[3];	/* negative when they have ended */
	uint64_t events, drops;
	uint64_t late_ns;		/* the latest end of a lease, from its deadline */
} seen;

static bool is_of(pid_t pid, unsigned int who)
{
	return pid && pid == abs(seen.senders[who]);
}

/* Who made and who ended a lease is told by the kernel. */
static void check_people(uint64_t number, pid_t owner, pid_t ender)
{
	if (is_of(owner, 2) || is_of(ender, 2))
		FAIL("lease %llu: an unprivileged user made or ended it",
		     (unsigned long long)number);
	if (is_of(ender, 3) && !is_of(owner, 3))
		FAIL("lease %llu: root of a user namespace ended what it doesn't own",
		     (unsigned long long)number);
}

static void check_lease(const struct fg_lease *lease)
{
	check_people(lease->number, lease->owner_pid, lease->ender_pid);
	if (lease->released_ns > lease->deadline_ns &&
	    lease->released_ns - lease->deadline_ns > seen.late_ns)
		seen.late_ns = lease->released_ns - lease->deadline_ns;
}

static uint64_t sent(void)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < SENDERS; i++)
		sum += shared->counts[i].sent;
	return sum;
}

/* Returns false once all senders have ended. */
static bool check_senders(void)
{
	unsigned int i, left = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (status)
			FAIL("process %d ended with %#x", pid, status);
		for (i = 0; i < SENDERS; i++)
			if (seen.senders[i] == pid)
				seen.senders[i] = -pid;
		for (i = 0; i < 3; i++)
			if (seen.others[i] == pid)
				seen.others[i] = -pid;
	}
	for (i = 0; i < SENDERS; i++)
		left += seen.senders[i] > 0;
	return left;
}

static void watch(struct fgnl *nl, uint64_t messages)
{
	uint64_t started = kt_now_ns(), next = started, said = 0;
	struct fg_event event;
	struct fgnl dumps;

	kt_open(&dumps);
	do {
		int err = fg_event(nl, &event, 200);

		if (err == -ENOBUFS)
			seen.drops++;
		else if (!err)
			seen.events++;
		if (kt_now_ns() < next)
			continue;
		next = kt_now_ns() + 500 * MS;
		kt_live_leases(&dumps, RELEASE_MAX_MS, check_lease);
		if (isatty(1) && (said = sent()))
			fprintf(stderr, "\rfuzz: %llu of %llu messages, %llu/s ",
				(unsigned long long)said, (unsigned long long)messages,
				(unsigned long long)(said * 1000 /
						     ((kt_now_ns() - started) / MS + 1)));
	} while (check_senders());
	if (said)
		fprintf(stderr, "\n");
	fgnl_close(&dumps);
	kt_note("fuzz: %llu messages in %.1f s, %.0f/s", (unsigned long long)sent(),
		(kt_now_ns() - started) / 1e9, sent() / ((kt_now_ns() - started) / 1e9));
}

/* The end */

static void sum_up(struct fuzz_counts *sum)
{
	const uint64_t *from;
	unsigned int i, j;

	for (i = 0; i < SENDERS; i++) {
		from = (void *)&shared->counts[i];
		for (j = 0; j < sizeof(*sum) / sizeof(*from); j++)
			((uint64_t *)sum)[j] += from[j];
	}
}

static void print_counts(const struct fuzz_counts *sum)
{
	unsigned int i, error;

	kt_note("%-14s %9s %9s  %s", "command", "accepted", "malformed", "refused with a message");
	for (i = 0; i <= fuzz_n_ops; i++) {
		uint8_t cmd = i < fuzz_n_ops ? fuzz_ops[i].cmd : 0;
		char text[512] = "";
		size_t len = 0;

		for (error = 1; error < FUZZ_ERRNOS; error++)
			if (sum->refused[cmd][error])
				len += snprintf(text + len, sizeof(text) - len, " %s %llu",
						strerrorname_np(error),
						(unsigned long long)sum->refused[cmd][error]);
		kt_note("%-14s %9llu %9llu %s", cmd ? fuzz_ops[i].name : "(unknown)",
			(unsigned long long)sum->accepted[cmd],
			(unsigned long long)sum->malformed[cmd], text);
	}
	kt_note("%llu dumps of %llu leases; %llu malformed had a message; %llu no requests, %llu no messages",
		(unsigned long long)sum->dumps, (unsigned long long)sum->dump_parts,
		(unsigned long long)sum->malformed_explained, (unsigned long long)sum->not_requests,
		(unsigned long long)sum->not_messages);
	kt_note("%llu messages a buffer; %llu events and %llu drops seen; latest release %.1f ms after a deadline",
		(unsigned long long)(sum->sent / (sum->batches ?: 1)),
		(unsigned long long)seen.events, (unsigned long long)seen.drops,
		seen.late_ns / 1e6);
}

/* A fuzzer that sends garbage alone, or nothing but what is welcome, shows nothing. */
static void check_counts(const struct fuzz_counts *sum)
{
	unsigned int i, error;

	for (i = 0; i < fuzz_n_ops; i++) {
		uint64_t refused = 0;
		uint8_t cmd = fuzz_ops[i].cmd;

		for (error = 1; error < FUZZ_ERRNOS; error++)
			refused += sum->refused[cmd][error];
		if (!sum->accepted[cmd] || !refused || !sum->malformed[cmd])
			FAIL("%s was never accepted, or never refused", fuzz_ops[i].name);
		for (error = 0; error < FUZZ_ERRORS_MAX && fuzz_ops[i].errors[error]; error++)
			if (!sum->refused[cmd][fuzz_ops[i].errors[error]])
				kt_note("%s was never refused with %s", fuzz_ops[i].name,
					strerrorname_np(fuzz_ops[i].errors[error]));
	}
	CHECK(sum->dumps && sum->dump_parts && sum->malformed_explained && seen.events);
	if (sum->overruns)
		FAIL("%llu times answers were lost: ENOBUFS", (unsigned long long)sum->overruns);
}

static void check_nothing_is_left(struct fgnl *nl)
{
	uint64_t until = kt_now_ns() + (TIMEOUT_MAX_MS + RELEASE_MAX_MS) * MS;
	unsigned int i, live;
	char name[16];
	int fd;

	while ((live = kt_live_leases(nl, RELEASE_MAX_MS, check_lease)) && kt_now_ns() < until)
		kt_sleep_ms(10);
	if (live)
		FAIL("%u leases are still live", live);
	for (i = 0; i < MOUNTS; i++) {
		snprintf(name, sizeof(name), "fz%u", i);
		fd = kt_fd(kt_path(name, NULL));
		EQUAL(kt_fs_state(nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
		kt_writer_goes_on(kt_writer(name));
		close(fd);
	}
}

static void stop_others(void)
{
	uint64_t until = kt_now_ns() + RELEASE_MAX_MS * MS;
	unsigned int i, left;
	char name[16];

	shared->stop = true;
	do {
		check_senders();
		for (i = left = 0; i < 3; i++)
			left += seen.others[i] > 0;
		/* what hangs at the end hangs no more */
		for (i = MOUNTS / 2; i < MOUNTS; i++) {
			snprintf(name, sizeof(name), "fz%u", i);
			kt_tell(name, "freeze", "ok");
			kt_tell(name, "thaw", "ok");
			kt_tell(name, "sync_fs", "ok");
			kt_tell(name, "release", "0");
		}
		kt_sleep_ms(5);
	} while (left && kt_now_ns() < until);
	if (left)
		FAIL("%u processes that freeze don't end", left);
}

TEST(fuzz)
{
	void (*const others[])(void) = { misbehave, freeze_others, make_leases };
	uint64_t messages = kt_setting("FUZZ_MESSAGES", 20000);
	uint64_t seed = kt_setting("FUZZ_SEED", kt_now_ns());
	static struct fuzz_counts sum;
	struct fgnl nl;
	unsigned int i;

	kt_note("fuzz: seed %llu, %llu messages", (unsigned long long)seed,
		(unsigned long long)messages);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(shared != MAP_FAILED);
	kt_set_parameter("max_timeout_ms", TIMEOUT_MAX_MS);
	kt_set_parameter("max_holds", HOLDS_MAX);
	kt_set_parameter("max_leases", LEASES_MAX);
	kt_set_parameter("history", HISTORY);
	open_all();
	for (i = 0; i < OWN_MOUNTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), FUZZ_OWN_PREFIX "%u", i);
		if (mkdir(kt_path(name, NULL), 0755) && errno != EEXIST)
			FAIL("mkdir %s: %s", kt_path(name, NULL), strerror(errno));
	}
	kt_open(&nl);
	EQUAL(fgnl_subscribe(&nl), 0);

	for (i = 0; i < 3; i++) {
		seen.others[i] = kt_fork();
		if (!seen.others[i]) {
			srandom(seed + i);
			others[i]();
			_exit(0);
		}
	}
	for (i = 0; i < SENDERS; i++) {
		seen.senders[i] = kt_fork();
		if (!seen.senders[i]) {
			send_messages(i, nl.family, seed, messages * senders[i].percent / 100);
			_exit(0);
		}
	}
	watch(&nl, messages);
	stop_others();
	sum_up(&sum);
	print_counts(&sum);
	check_nothing_is_left(&nl);
	check_counts(&sum);
}

/* Even a debugging kernel under emulation answers faster. */
__attribute__((constructor)) static void set_time_limit(void)
{
	const char *messages = getenv("FUZZ_MESSAGES");

	kt_fuzz.seconds = 120 + (messages ? strtoul(messages, NULL, 0) : 0) / 100;
}
