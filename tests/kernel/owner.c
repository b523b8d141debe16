// SPDX-License-Identifier: GPL-2.0-only
/* A lease ends with the socket that made it, and with no other. */
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kt.h"

TEST(closed_when_frozen)
{
	int fd = kt_mount("a", NULL);
	struct kt_writer *writer = kt_writer("a");
	struct fgnl nl, other;
	struct fg_lease *lease;
	uint64_t number, closed_ns;

	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	kt_writer_blocked(writer);
	closed_ns = kt_now_ns();
	fgnl_close(&nl);
	kt_writer_goes_on(writer);
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
	CHECK(lease->ended_ns >= closed_ns);
	CHECK(lease->released_ns - closed_ns < 1000 * MS);
}

TEST(closed_while_freezing)
{
	struct fgnl nl, other;
	struct fg_lease *lease;
	uint64_t number;
	int fds[3];

	fds[0] = kt_mount("a", NULL);
	fds[1] = kt_mount("b", "freeze=hang");
	fds[2] = kt_mount("c", NULL);
	kt_open(&nl);
	kt_open(&other);
	number = kt_new(&nl, NULL, 60000, fds, 3);
	kt_await_state("b", "freeze_inside", 1);
	fgnl_close(&nl);
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
	kt_await_fs_state(&other, fds[0], FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_await_fs_state(&other, fds[2], FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_tell("b", "release", "0");
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
	EQUAL(kt_fs_state(&other, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

TEST(closed_while_waiting_for_a_level)
{
	static const uint32_t levels[] = { 0, 1 };
	struct fgnl nl, other;
	struct fg_lease reply;
	int fds[2];

	fds[0] = kt_mount("a", "freeze=hang");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	kt_open(&other);
	EQUAL(fg_new_levels(&nl, NULL, 60000, fds, levels, 2, &reply), 0);
	kt_await_state("a", "freeze_inside", 1);
	fgnl_close(&nl);
	kt_await(&other, reply.number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	kt_tell("a", "release", "0");
	kt_await(&other, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(kt_state("b", "freeze_calls"), 0);
}

TEST(closed_at_once)
{
	int fds[4];
	struct fgnl other;
	unsigned int i;

	kt_mounts("a", fds, 4);
	kt_open(&other);
	for (i = 0; i < 20; i++) {
		struct fgnl nl;
		uint64_t number;
		struct fg_lease lease;
		unsigned int tries = 0;

		kt_open(&nl);
		number = kt_new(&nl, NULL, 60000, fds, 4);
		if (i % 2)
			usleep(i * 200);
		fgnl_close(&nl);
		do {
			EQUAL(fg_get(&other, number, &lease), 0);
			kt_sleep_ms(1);
		} while (lease.state < FREEZEGUARD_LEASE_STATE_THAWED && tries++ < 2000);
		EQUAL(lease.cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
		EQUAL(lease.state, lease.frozen_ns ? FREEZEGUARD_LEASE_STATE_ABORTED :
						     FREEZEGUARD_LEASE_STATE_FAILED);
	}
}

/* A process that makes a lease over @fd, tells its number and sleeps. */
static pid_t owner_process(int fd, int tell)
{
	pid_t pid = kt_fork();

	if (!pid) {
		struct fgnl nl;
		uint64_t number;

		kt_open(&nl);
		number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
		if (write(tell, &number, sizeof(number)) != sizeof(number))
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

TEST(killed)
{
	int fd = kt_mount("a", NULL), pipes[2];
	struct fg_lease *lease;
	struct fgnl other;
	uint64_t number, killed_ns;
	pid_t pid;

	kt_open(&other);
	CHECK(!pipe(pipes));
	pid = owner_process(fd, pipes[1]);
	EQUAL(read(pipes[0], &number, sizeof(number)), sizeof(number));
	EQUAL(kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0)->owner_pid, pid);
	killed_ns = kt_now_ns();
	kill(pid, SIGKILL);
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
	CHECK(lease->released_ns - killed_ns < 1000 * MS);
	EQUAL(kt_wait(pid), 128 + SIGKILL);
}

TEST(inherited_by_a_child)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl, other;
	uint64_t number;
	pid_t pid;

	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	pid = kt_fork();
	if (!pid)
		for (;;)
			pause();
	/* the child has the socket still */
	fgnl_close(&nl);
	kt_sleep_ms(100);
	kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kill(pid, SIGKILL);
	kt_wait(pid);
	kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
}

TEST(made_by_a_child_that_exits)
{
	int fd = kt_mount("a", NULL);
	struct fg_lease lease;
	struct fgnl nl;
	pid_t pid;

	kt_open(&nl);
	pid = kt_fork();
	if (!pid) {
		kt_frozen(&nl, "childs", 60000, &fd, 1);
		_exit(0);
	}
	EQUAL(kt_wait(pid), 0);
	kt_sleep_ms(100);
	EQUAL(fg_which(&nl, FREEZEGUARD_CMD_LEASE_GET, 0, "childs", 0, &lease), 0);
	EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(lease.owner_pid, pid);
	fgnl_close(&nl);
	kt_open(&nl);
	kt_await(&nl, lease.number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
}

/* Like kt_open(), with a port id of choice, as soon as nobody has it. */
static void open_with_port(struct fgnl *nl, uint32_t port)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_pid = port };
	uint64_t until_ns = kt_now_ns() + KT_SOON_MS * MS;
	int fd;

	kt_open(nl);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	CHECK(fd >= 0);
	while (bind(fd, (void *)&self, sizeof(self)))
		if (errno != EADDRINUSE || kt_now_ns() > until_ns)
			FAIL("bind to port %u: %s", port, strerror(errno));
	close(nl->fd);
	nl->fd = fd;
	nl->port = port;
}

/* The port id is free a moment before the world hears of its first user's death. */
TEST(port_id_in_use_again)
{
	enum { PORT = 0x7abcdef };
	struct fgnl first, second, other;
	uint64_t old, new;
	unsigned int i;
	int fds[2];
	pid_t pid;

	kt_mounts("a", fds, 2);
	kt_open(&other);
	for (i = 0; i < 20; i++) {
		open_with_port(&first, PORT);
		old = kt_frozen(&first, NULL, 60000, &fds[0], 1)->number;
		pid = kt_fork();
		if (!pid) {
			fgnl_close(&first);
			_exit(0);
		}
		/* sometimes the child is the last to close it, and ours the next to have it */
		usleep(i % 4 * 300);
		fgnl_close(&first);
		open_with_port(&second, PORT);
		new = kt_new(&second, NULL, 60000, &fds[1], 1);
		kt_wait(pid);
		kt_await(&other, old, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
		kt_await(&other, new, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
		kt_sleep_ms(10);
		kt_await(&other, new, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
		kt_end(&other, new);
		fgnl_close(&second);
	}
}

TEST(other_sockets_of_the_same_port_id)
{
	int fd = kt_mount("a", NULL), route;
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	self.nl_pid = nl.port;
	route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	CHECK(route >= 0 && !bind(route, (void *)&self, sizeof(self)));
	close(route);
	kt_sleep_ms(100);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kt_end(&nl, number);
}

TEST(another_socket_of_the_process_closed)
{
	struct fgnl first, second;
	uint64_t number;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&first);
	kt_open(&second);
	number = kt_frozen(&first, NULL, 60000, &fds[0], 1)->number;
	kt_frozen(&second, NULL, 60000, &fds[1], 1);
	fgnl_close(&second);
	kt_await_fs_state(&first, fds[1], FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_await(&first, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kt_end(&first, number);
}

TEST(all_leases_of_a_socket_end)
{
	struct fgnl nl, other;
	uint64_t numbers[8];
	unsigned int i;
	int fds[8];

	kt_mounts("a", fds, 8);
	kt_open(&nl);
	kt_open(&other);
	for (i = 0; i < 8; i++)
		numbers[i] = kt_frozen(&nl, NULL, 60000, &fds[i], 1)->number;
	EQUAL(fg_detach(&nl, numbers[3], NULL), 0);
	fgnl_close(&nl);
	for (i = 0; i < 8; i++)
		if (i != 3)
			kt_await(&other, numbers[i], FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
	kt_await(&other, numbers[3], FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kt_end(&other, numbers[3]);
}

TEST(detach_then_close)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl, other;
	uint64_t number;

	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, NULL, 1000, &fd, 1)->number;
	/* whoever has the permission may */
	EQUAL(fg_detach(&other, number, NULL), 0);
	fgnl_close(&nl);
	kt_sleep_ms(200);
	kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kt_await(&other, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
}

TEST(detach_races_death)
{
	int fd = kt_mount("a", NULL);
	unsigned int i, won = 0;
	struct fgnl other;

	kt_open(&other);
	for (i = 0; i < 20; i++) {
		int pipes[2], err;
		uint64_t number;
		pid_t pid;

		CHECK(!pipe(pipes));
		pid = owner_process(fd, pipes[1]);
		EQUAL(read(pipes[0], &number, sizeof(number)), sizeof(number));
		kill(pid, SIGKILL);
		usleep(i * 100);
		err = fg_detach(&other, number, NULL);
		kt_wait(pid);
		close(pipes[0]);
		close(pipes[1]);
		if (err) {
			EQUAL(err, -EALREADY);
			kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
			continue;
		}
		won++;
		kt_sleep_ms(10);
		kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
		kt_end(&other, number);
	}
	kt_note("detaching came first in %u of %u races", won, i);
}
