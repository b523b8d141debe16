// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may: CAP_SYS_ADMIN in the user namespace that owns the superblock, of both the sender and the
 * opener of the socket. Each case runs in a process that can't come back from what it gave up.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kt.h"

enum { NOBODY = 65534 };

/* A lease of root's on one filesystem, another filesystem, and what a stranger may do to them. */
static struct {
	struct fgnl root;
	uint64_t number;
	int held, free;
} world;

static void begin_world(void)
{
	kt_open(&world.root);
	world.held = kt_mount("held", NULL);
	world.free = kt_mount("free", NULL);
	world.number = kt_frozen(&world.root, "roots", 60000, &world.held, 1)->number;
}

static void end_world(void)
{
	struct fg_lease *lease = kt_await(&world.root, world.number,
					  FREEZEGUARD_LEASE_STATE_FROZEN, 0);

	CHECK(lease->bound);
	EQUAL(lease->deadline_ns, lease->begin_ns + 60000 * MS);
	EQUAL(kt_state("free", "freeze_calls"), 0);
	kt_end(&world.root, world.number);
}

static void all_refused(struct fgnl *nl)
{
	struct fg_fs fs;

	REFUSED(nl, fg_new(nl, "mine", 1000, &world.free, 1, NULL), EPERM);
	/* not even that it is held is told */
	REFUSED(nl, fg_new(nl, "mine", 1000, &world.held, 1, NULL), EPERM);
	REFUSED(nl, fg_end(nl, world.number, NULL), EPERM);
	REFUSED(nl, fg_extend(nl, world.number, 1000, NULL), EPERM);
	REFUSED(nl, fg_detach(nl, world.number, NULL), EPERM);
	REFUSED(nl, fg_get(nl, world.number, NULL), EPERM);
	REFUSED(nl, fg_which(nl, FREEZEGUARD_CMD_LEASE_GET, 0, "roots", 0, NULL), EPERM);
	REFUSED(nl, fg_fs(nl, world.free, &fs), EPERM);
	REFUSED(nl, fg_fs(nl, world.held, &fs), EPERM);
	EQUAL(fg_dump(nl, NULL, NULL), 0);
}

/* Notifications tell of every lease. The kernel asks for the subscriber's capability alone. */
static void events_refused(struct fgnl *nl)
{
	EQUAL(fgnl_subscribe(nl), -EPERM);
}

static void become_nobody(void)
{
	CHECK(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) &&
	      !setresuid(NOBODY, NOBODY, NOBODY));
}

static void drop_capability(unsigned int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	CHECK(!syscall(SYS_capget, &header, data));
	data[cap / 32].effective &= ~(1u << cap % 32);
	data[cap / 32].permitted &= ~(1u << cap % 32);
	CHECK(!syscall(SYS_capset, &header, data));
}

/* Runs the block in a child, whose checks count. */
#define IN_CHILD(...) \
	do { \
		pid_t kt_pid = kt_fork(); \
		if (!kt_pid) { \
			__VA_ARGS__; \
			_exit(0); \
		} \
		EQUAL(kt_wait(kt_pid), 0); \
	} while (0)

TEST(unprivileged)
{
	begin_world();
	IN_CHILD({
		struct fgnl nl;

		become_nobody();
		kt_open(&nl);
		all_refused(&nl);
		events_refused(&nl);
	});
	end_world();
}

TEST(root_without_the_capability)
{
	begin_world();
	IN_CHILD({
		struct fgnl nl;

		drop_capability(CAP_SYS_ADMIN);
		kt_open(&nl);
		all_refused(&nl);
		events_refused(&nl);
	});
	end_world();
}

TEST(only_the_capability)
{
	int fd = kt_mount("a", NULL);

	IN_CHILD({
		struct fgnl nl;
		unsigned int cap;

		for (cap = 0; cap <= CAP_LAST_CAP; cap++)
			if (cap != CAP_SYS_ADMIN)
				drop_capability(cap);
		kt_open(&nl);
		kt_end(&nl, kt_frozen(&nl, NULL, 10000, &fd, 1)->number);
	});
}

TEST(capability_dropped_after_the_socket_was_opened)
{
	begin_world();
	IN_CHILD({
		struct fgnl nl;

		kt_open(&nl);
		drop_capability(CAP_SYS_ADMIN);
		all_refused(&nl);
		events_refused(&nl);
	});
	IN_CHILD({
		struct fgnl nl;

		kt_open(&nl);
		become_nobody();
		all_refused(&nl);
		events_refused(&nl);
	});
	end_world();
}

TEST(socket_inherited_from_a_more_privileged_process)
{
	struct fgnl nl;

	begin_world();
	kt_open(&nl);
	IN_CHILD({
		become_nobody();
		all_refused(&nl);
		events_refused(&nl);
	});
	/* even the one that owns the lease */
	IN_CHILD({
		become_nobody();
		all_refused(&world.root);
	});
	end_world();
}

/* As a setuid program's standard output would be: whoever writes to it means something else. */
TEST(connected_socket_opened_by_a_less_privileged_process)
{
	begin_world();
	IN_CHILD({
		struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
		struct fgnl nl;

		CHECK(!seteuid(NOBODY));
		kt_open(&nl);
		CHECK(!connect(nl.fd, (void *)&kernel, sizeof(kernel)));
		nl.connected = true;
		CHECK(!seteuid(0));
		all_refused(&nl);
	});
	end_world();
}

TEST(socket_opened_by_a_less_privileged_process)
{
	begin_world();
	IN_CHILD({
		struct fgnl nl;

		CHECK(!seteuid(NOBODY));
		kt_open(&nl);
		CHECK(!seteuid(0));
		all_refused(&nl);
	});
	end_world();
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		FAIL("write %s: %s", path, strerror(errno));
	close(fd);
}

/* Become root of a new user namespace, coming from @uid. */
static void new_user_namespace(unsigned int uid)
{
	char map[64];

	if (uid)
		become_nobody();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		if (errno == ENOSYS || errno == EPERM || errno == ENOSPC)
			kt_skip("no user namespaces here");
		FAIL("unshare: %s", strerror(errno));
	}
	/* becoming another user made our /proc/self root's */
	if (!uid) {
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
		write_file("/proc/self/gid_map", map);
	}
}

TEST(root_of_a_user_namespace)
{
	begin_world();
	IN_CHILD({
		struct fgnl nl;

		new_user_namespace(0);
		kt_open(&nl);
		all_refused(&nl);
		events_refused(&nl);
	});
	IN_CHILD({
		struct fgnl nl;

		new_user_namespace(NOBODY);
		kt_open(&nl);
		all_refused(&nl);
		events_refused(&nl);
	});
	end_world();
}

static unsigned int dumped;

static void each_dumped(const struct fg_lease *lease, void *arg)
{
	CHECK(!strcmp(lease->id, arg));
	dumped++;
}

TEST(root_of_a_user_namespace_on_its_own_filesystem)
{
	struct fg_lease lease;
	pid_t pid;

	begin_world();
	pid = kt_fork();
	if (!pid) {
		struct fg_fs fs;
		struct fgnl nl;
		uint64_t number;
		int fds[2];

		new_user_namespace(0);
		fds[0] = kt_mount("own", NULL);
		fds[1] = world.free;
		kt_open(&nl);
		EQUAL(fg_fs(&nl, fds[0], &fs), 0);
		number = kt_frozen(&nl, "own", 10000, fds, 1)->number;
		EQUAL(fg_dump(&nl, each_dumped, "own"), 1);
		EQUAL(dumped, 1);
		kt_end(&nl, number);
		REFUSED(&nl, fg_new(&nl, NULL, 1000, &world.free, 1, NULL), EPERM);
		REFUSED(&nl, fg_new(&nl, NULL, 1000, fds, 2, NULL), EPERM);
		REFUSED(&nl, fg_end(&nl, world.number, NULL), EPERM);
		REFUSED(&nl, fg_get(&nl, world.number, NULL), EPERM);
		/* the host's root, which is over the namespace, ends this one */
		number = kt_new(&nl, "for-root", 10000, fds, 1);
		kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
		_exit(0);
	}
	while (fg_which(&world.root, FREEZEGUARD_CMD_LEASE_GET, 0, "for-root", 0, &lease) ||
	       lease.state < FREEZEGUARD_LEASE_STATE_FROZEN)
		kt_sleep_ms(5);
	EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(fg_end(&world.root, lease.number, NULL), 0);
	EQUAL(kt_wait(pid), 0);
	end_world();
}

TEST(another_network_namespace)
{
	int fd = kt_mount("a", NULL);

	IN_CHILD({
		struct fg_lease *lease;
		struct fg_event event;
		struct fgnl nl;

		CHECK(!unshare(CLONE_NEWNET));
		kt_open(&nl);
		lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
		/* the owner is told wherever it lives */
		EQUAL(fg_event(&nl, &event, KT_SOON_MS), 0);
		EQUAL(event.number, lease->number);
		EQUAL(event.state, FREEZEGUARD_LEASE_STATE_FROZEN);
		fgnl_close(&nl);
		kt_await_state("a", "frozen", 0);
	});
	EQUAL(kt_state("a", "thaw_calls"), 1);
}
