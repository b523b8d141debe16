// SPDX-License-Identifier: GPL-2.0-only
/* The ways out that don't go through the protocol: SysRq-j, and an owner's death in every phase. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "kt.h"

static void sysrq_j(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, "j", 1) == 1);
	close(fd);
}

/* What freezes as the user is thawed by SysRq-j on every kernel, and the lease reports it. */
TEST(sysrq_j_ends_a_users_freeze)
{
	struct kt_writer *writers[2];
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[2];

	kt_mounts_with("a", "anyone", fds, 2);
	writers[0] = kt_writer("a0");
	writers[1] = kt_writer("a1");
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, fds, 2)->number;
	kt_writer_blocked(writers[0]);
	kt_writer_blocked(writers[1]);
	sysrq_j();
	kt_writer_goes_on(writers[0]);
	kt_writer_goes_on(writers[1]);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);	/* the watch sees this way, too */
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
	/* and it can be frozen again */
	kt_end(&nl, kt_frozen(&nl, NULL, 60000, fds, 2)->number);
}

TEST(sysrq_j_does_not_end_the_kernels_freeze)
{
	int fd = kt_mount("a", NULL);
	struct kt_writer *writer = kt_writer("a");
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	if (!kt_has_holders(&nl, fd))
		kt_skip("freezes have no holders on this kernel: SysRq-j thaws everything");
	sysrq_j();
	kt_sleep_ms(300);
	kt_writer_blocked(writer);
	EQUAL(kt_end(&nl, number)->continuity, FREEZEGUARD_CONTINUITY_GUARANTEED);
	kt_writer_goes_on(writer);
}

/* Deaths that owner.c does not have: the thaw is under way already. */
TEST(owner_dies_while_thawing)
{
	struct fg_lease *lease;
	struct fgnl nl, other;
	uint64_t number;
	int fds[2];

	fds[0] = kt_mount("a", "thaw=hang");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, NULL, 60000, fds, 2)->number;
	EQUAL(fg_end(&nl, number, NULL), 0);
	kt_await_state("a", "thaw_inside", 1);
	fgnl_close(&nl);
	kt_sleep_ms(50);
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_THAWING, 0);
	/* what ended it stays, and so does what it still has to do */
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_REQUEST);
	EQUAL(lease->holds_live, 1);
	kt_tell("a", "release", "0");
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_REQUEST);
	EQUAL(kt_fs_state(&other, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

TEST(owner_dies_while_rolling_back)
{
	struct fg_lease *lease;
	struct fgnl nl, other;
	uint64_t number;
	int fds[2];

	fds[0] = kt_mount("a", "freeze=hang");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	kt_open(&other);
	number = kt_new(&nl, NULL, 200, fds, 2);
	kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	fgnl_close(&nl);
	kt_sleep_ms(50);
	EQUAL(kt_await(&other, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, 0)->cause,
	      FREEZEGUARD_CAUSE_DEADLINE);
	kt_tell("a", "release", "0");
	lease = kt_await(&other, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_DEADLINE);
	EQUAL(kt_fs_state(&other, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

/* The process that made the lease dies; its child, which has the socket, lives on. */
TEST(owner_dies_and_its_child_has_the_socket)
{
	struct tell { uint64_t number; pid_t child; } tell;
	int fd = kt_mount("a", NULL), pipes[2];
	struct fgnl other;
	pid_t pid;

	kt_open(&other);
	CHECK(!pipe(pipes));
	pid = kt_fork();
	if (!pid) {
		struct fgnl nl;

		kt_open(&nl);
		tell.number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
		tell.child = fork();
		if (!tell.child)
			for (;;)
				pause();
		if (write(pipes[1], &tell, sizeof(tell)) != sizeof(tell))
			_exit(1);
		for (;;)
			pause();
	}
	EQUAL(read(pipes[0], &tell, sizeof(tell)), sizeof(tell));
	kill(pid, SIGKILL);
	EQUAL(kt_wait(pid), 128 + SIGKILL);
	kt_sleep_ms(100);
	kt_await(&other, tell.number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kill(tell.child, SIGKILL);
	EQUAL(kt_await(&other, tell.number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS)->cause,
	      FREEZEGUARD_CAUSE_OWNER_DEATH);
}
