// SPDX-License-Identifier: GPL-2.0-only
/* What is frozen already, by a lease or by others, and one superblock named several times. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kt.h"

TEST(two_fds_are_one_hold)
{
	static const uint32_t levels[] = { 5, 2, 9 };
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[3];

	fds[0] = kt_mount("a", NULL);
	fds[1] = kt_fd(kt_path("a", NULL));
	fds[2] = fds[0];
	kt_open(&nl);
	EQUAL(fg_new_levels(&nl, NULL, 10000, fds, levels, 3, &reply), 0);
	EQUAL(reply.holds, 1);
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	EQUAL(lease->n_hold, 1);
	EQUAL(lease->hold[0].level, 2);
	EQUAL(kt_state("a", "freeze_calls"), 1);
	kt_end(&nl, reply.number);
	EQUAL(kt_state("a", "thaw_calls"), 1);
}

TEST(bind_mounts_are_one_hold)
{
	struct fg_lease *lease;
	struct fg_fs fs;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", NULL);
	mkdir(kt_path("b", NULL), 0755);
	CHECK(!mount(kt_path("a", NULL), kt_path("b", NULL), NULL, MS_BIND, NULL));
	fds[1] = kt_fd(kt_path("b", NULL));
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, fds, 2);
	EQUAL(lease->n_hold, 1);
	EQUAL(fg_fs(&nl, fds[1], &fs), 0);
	EQUAL(fs.lease_number, lease->number);
	/* by the other mount it is the same overlap */
	REFUSED(&nl, fg_new(&nl, NULL, 10000, &fds[1], 1, NULL), EBUSY);
	EQUAL(nl.cookie, lease->number);
	kt_end(&nl, lease->number);
}

/* A process in a mount namespace of its own, with its own mounts of everything, and without @fd. */
static pid_t in_another_mount_namespace(int fd)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(!pipe(ready));
	pid = kt_fork();
	if (!pid) {
		close(fd);
		CHECK(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK(write(ready[1], "", 1) == 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	EQUAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

TEST(a_mount_in_another_namespace_is_the_same_hold)
{
	struct fg_lease *lease;
	struct fgnl nl;
	char path[64];
	int fds[2];
	pid_t pid;

	fds[1] = kt_mount("a", NULL);
	pid = in_another_mount_namespace(fds[1]);
	snprintf(path, sizeof(path), "/proc/%d/root/run/kt/a", pid);
	fds[0] = kt_fd(path);
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, fds, 2);
	EQUAL(lease->n_hold, 1);
	EQUAL(kt_state("a", "freeze_calls"), 1);
	/* the mount that is held is the other namespace's: this one can go, and that one with it */
	close(fds[0]);
	close(fds[1]);
	kt_umount("a");
	kill(pid, SIGKILL);
	kt_wait(pid);
	EQUAL(kt_state("a", "frozen"), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_end(&nl, lease->number);
}

TEST(overlap_with_a_live_lease)
{
	struct fgnl nl, other;
	uint64_t number;
	int fds[3];

	kt_mounts("a", fds, 3);
	kt_open(&nl);
	kt_open(&other);
	number = kt_frozen(&nl, "first", 10000, &fds[1], 1)->number;
	REFUSED(&other, fg_new(&other, "second", 10000, fds, 3, NULL), EBUSY);
	CHECK(other.has_cookie);
	EQUAL(other.cookie, number);
	/* nothing was touched, and nothing is known of it */
	EQUAL(kt_state("a0", "freeze_calls") + kt_state("a2", "freeze_calls"), 0);
	EQUAL(fg_which(&other, FREEZEGUARD_CMD_LEASE_GET, 0, "second", 0, NULL), -ENOENT);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	kt_end(&nl, number);
	kt_end(&other, kt_frozen(&other, "second", 10000, fds, 3)->number);
}

TEST(overlap_while_freezing)
{
	struct fgnl nl;
	uint64_t number;
	int fds[2];

	fds[0] = kt_mount("a", NULL);
	fds[1] = kt_mount("b", "freeze=hang");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 10000, fds, 2);
	REFUSED(&nl, fg_new(&nl, NULL, 10000, &fds[1], 1, NULL), EBUSY);
	EQUAL(nl.cookie, number);
	REFUSED(&nl, fg_new(&nl, NULL, 10000, &fds[0], 1, NULL), EBUSY);
	EQUAL(nl.cookie, number);
	kt_tell("b", "release", "0");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, number);
}

TEST(the_same_id_live)
{
	struct fgnl nl;
	uint64_t number;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&nl);
	number = kt_frozen(&nl, "same", 10000, &fds[0], 1)->number;
	REFUSED(&nl, fg_new(&nl, "same", 10000, &fds[1], 1, NULL), EEXIST);
	EQUAL(kt_state("a1", "freeze_calls"), 0);
	kt_end(&nl, number);
	kt_end(&nl, kt_frozen(&nl, "same", 10000, &fds[1], 1)->number);
}

TEST(a_foreign_freeze_is_left_alone)
{
	struct fg_fs fs;
	struct fgnl nl;
	int fds[3];

	kt_mounts("a", fds, 3);
	kt_freeze(fds[1]);
	kt_open(&nl);
	REFUSED(&nl, fg_new(&nl, NULL, 10000, fds, 3, NULL), EBUSY);
	CHECK(!nl.has_cookie);
	EQUAL(fg_fs(&nl, fds[1], &fs), 0);
	EQUAL(fs.state, FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(fs.lease_number, 0);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_state("a0", "freeze_calls") + kt_state("a2", "freeze_calls"), 0);
	EQUAL(kt_state("a1", "thaw_calls"), 0);
	EQUAL(kt_thaw(fds[1]), 0);
	kt_end(&nl, kt_frozen(&nl, NULL, 10000, fds, 3)->number);
}

/* It was not frozen when the lease began, but is when its turn comes. */
TEST(a_foreign_freeze_comes_first)
{
	static const uint32_t levels[] = { 0, 1, 0 };
	struct fg_lease *lease, reply;
	struct fgnl nl;
	int fds[3];

	kt_mounts("a", fds, 3);
	kt_tell("a0", "freeze", "hang");
	kt_open(&nl);
	EQUAL(fg_new_levels(&nl, NULL, 10000, fds, levels, 3, &reply), 0);
	kt_await_state("a0", "freeze_inside", 1);
	kt_freeze(fds[1]);
	kt_tell("a0", "release", "0");
	lease = kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
	EQUAL(lease->error, EBUSY);
	EQUAL(kt_hold(lease, "a1")->error, EBUSY);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_fs_state(&nl, fds[2]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_thaw(fds[1]), 0);
}

/* Holders: nobody else can thaw what the kernel froze, whatever FITHAW returns. */
TEST(a_foreign_thaw_does_nothing)
{
	struct kt_writer *writer;
	struct fg_lease *lease;
	struct fgnl nl;
	int fd;

	fd = kt_mount("a", NULL);
	writer = kt_writer("a");
	kt_open(&nl);
	if (!kt_has_holders(&nl, fd))
		kt_skip("freezes have no holders on this kernel: anybody can thaw");
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	kt_thaw(fd);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_writer_blocked(writer);
	lease = kt_end(&nl, lease->number);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_GUARANTEED);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
}

/* Holders: a foreign freeze on top of ours stays when ours goes. */
TEST(a_foreign_freeze_on_top_stays)
{
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	if (!kt_has_holders(&nl, fd))
		kt_skip("freezes have no holders on this kernel: a second one is refused");
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	kt_freeze(fd);
	EQUAL(fg_end(&nl, number, NULL), 0);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	CHECK(lease->hold[0].still_frozen);
	/* which is no failure, whatever thaw_super() returned */
	EQUAL(lease->hold[0].thaw_failures, 0);
	EQUAL(lease->hold[0].error, 0);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_thaw(fd), 0);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
}

TEST(fs_get_of_what_cannot_freeze)
{
	struct fg_fs fs;
	struct fgnl nl;

	kt_open(&nl);
	EQUAL(fg_fs(&nl, kt_fd("/run"), &fs), 0);
	CHECK(!strcmp(fs.type, "tmpfs") && !fs.freezable);
	EQUAL(fs.state, FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(fg_fs(&nl, kt_fd("/proc"), &fs), 0);
	CHECK(!strcmp(fs.type, "proc") && !fs.freezable);
}

TEST(umount_of_a_held_one)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
	close(fd);
	EQUAL(umount(kt_path("a", NULL)) ? errno : 0, EBUSY);
	kt_end(&nl, number);
	kt_umount("a");
}

TEST(lazy_umount_then_the_deadline)
{
	int fd = kt_mount("a", NULL);
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 300, &fd, 1)->number;
	close(fd);
	CHECK(!umount2(kt_path("a", NULL), MNT_DETACH));
	EQUAL(kt_state("a", "frozen"), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	/* the superblock goes with its last reference, a moment later */
	for (unsigned int i = 0; i < 200 && !access("/sys/kernel/debug/fgtestfs/a", F_OK); i++)
		kt_sleep_ms(10);
	CHECK(access("/sys/kernel/debug/fgtestfs/a", F_OK));
}
