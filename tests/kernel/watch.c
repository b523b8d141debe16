// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thaws by others. The filesystems freeze as the user, so that there are such thaws on every kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kt.h"

/* A process of that name thaws; returns its id. */
static pid_t thaw_as(const char *comm, int fd)
{
	pid_t pid = kt_fork();

	if (!pid) {
		prctl(PR_SET_NAME, comm);
		_exit(kt_thaw(fd) ? 1 : 0);
	}
	EQUAL(kt_wait(pid), 0);
	return pid;
}

static void write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* With PREEMPT_RT the handler of a probe could not take the module's locks, so that there is no watch. */
static void needs_watch(void)
{
	char realtime = '0';
	int fd = open("/sys/kernel/realtime", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		EQUAL(read(fd, &realtime, 1), 1);
	if (realtime == '1')
		kt_skip("thaws are not watched with PREEMPT_RT");
}

TEST(a_foreign_thaw_ends_the_lease_at_once)
{
	struct kt_writer *writers[3];
	struct fg_event event;
	struct fg_lease *lease;
	uint64_t number, asked_ns;
	struct fgnl nl;
	int fds[3];
	pid_t pid;

	needs_watch();
	kt_mounts_with("a", "user", fds, 3);
	for (unsigned int i = 0; i < 3; i++)
		writers[i] = kt_writer((const char *[]){ "a0", "a1", "a2" }[i]);
	kt_open(&nl);
	CHECK(!fgnl_subscribe(&nl));
	number = kt_frozen(&nl, NULL, 60000, fds, 3)->number;
	asked_ns = kt_now_ns();
	pid = thaw_as("culprit name", fds[1]);

	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(lease->ender_pid, pid);
	CHECK(!strcmp(lease->ender_comm, "culprit name"));
	CHECK(lease->ended_ns >= asked_ns && lease->ended_ns < asked_ns + KT_SOON_MS * MS);
	EQUAL(kt_hold(lease, "a1")->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_hold(lease, "a0")->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	EQUAL(kt_hold(lease, "a2")->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	/* the last event says the same */
	do
		EQUAL(fg_event(&nl, &event, KT_SOON_MS), 0);
	while (event.state != FREEZEGUARD_LEASE_STATE_BROKEN);
	EQUAL(event.cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	EQUAL(event.ender_pid, pid);
	CHECK(!strcmp(event.ender_comm, "culprit name"));
	for (unsigned int i = 0; i < 3; i++)
		kt_writer_goes_on(writers[i]);
	/* the lease left alone what was thawed for it */
	EQUAL(kt_state("a1", "thaw_calls"), 1);
}

/* gfs2's like: whoever asks, it is frozen as the user. */
TEST(of_a_filesystem_that_freezes_by_itself)
{
	int fd = kt_mount("a", "super");
	struct fg_lease *lease;
	struct fgnl nl;

	needs_watch();
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	lease = kt_frozen(&nl, NULL, 60000, &fd, 1);
	EQUAL(kt_thaw(fd), 0);
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
}

TEST(continuity_of_a_watched_lease_is_observed)
{
	struct fg_lease *lease;
	struct fgnl nl;
	int fds[3];

	needs_watch();
	kt_mounts_with("a", "user", fds, 3);
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, fds, 3);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);	/* it isn't over */
	lease = kt_end(&nl, lease->number);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	for (unsigned int i = 0; i < 3; i++)
		EQUAL(lease->hold[i].continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
}

TEST(a_foreign_thaw_that_fails_ends_nothing)
{
	int fd = kt_mount("a", "user,thaw=fail:5:1");
	struct fg_lease *lease;
	struct fgnl nl;

	needs_watch();
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 60000, &fd, 1);
	EQUAL(kt_thaw(fd), -EIO);
	EQUAL(kt_state("a", "thaw_calls"), 1);
	EQUAL(fg_get(&nl, lease->number, lease), 0);
	EQUAL(lease->state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
}

/* What others froze after they had thawed is theirs. */
TEST(frozen_again_by_others)
{
	int fds[2];
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

	needs_watch();
	kt_mounts_with("a", "user", fds, 2);
	kt_open(&nl);
	/* the other one's thaw hangs, so that the lease isn't over before it is frozen again */
	number = kt_frozen(&nl, NULL, 60000, fds, 2)->number;
	kt_tell("a1", "thaw", "hang");
	EQUAL(kt_thaw(fds[0]), 0);
	kt_await_state("a1", "thaw_inside", 1);
	kt_freeze(fds[0]);
	kt_tell("a1", "release", "1");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
	EQUAL(kt_hold(lease, "a0")->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_thaw(fds[0]), 0);
}

/* The same, while the lease's own thaw fails and is tried again. */
TEST(frozen_again_by_others_between_thaws_that_fail)
{
	int fd = kt_mount("a", "user");
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

	needs_watch();
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	kt_tell("a", "thaw", "fail:5");
	EQUAL(fg_end(&nl, number, NULL), 0);
	do {	/* the pauses are more than 600 ms by then */
		kt_sleep_ms(5);
		lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWING, KT_SOON_MS);
	} while (lease->hold[0].thaw_failures < 7);
	kt_tell("a", "thaw", "ok");
	EQUAL(kt_thaw(fd), 0);
	kt_freeze(fd);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, 5000);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_thaw(fd), 0);
}

/* The hold's thread has no CPU until others have thawed and frozen again: it leaves theirs alone. */
TEST(frozen_again_before_its_thread_runs)
{
	const struct sched_param none = { }, hog = { .sched_priority = 50 };
	int fd = kt_mount("a", "user");
	struct fg_lease *lease;
	struct kt_thread threads[16];
	pid_t thread, spinner;
	cpu_set_t cpus;
	struct fgnl nl;
	uint64_t number;

	needs_watch();
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	kt_thawers(threads, 16, 1);
	thread = threads[0].pid;
	EQUAL(sched_setscheduler(thread, SCHED_IDLE, &none), 0);
	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	EQUAL(sched_setaffinity(thread, sizeof(cpus), &cpus), 0);
	spinner = kt_fork();
	if (!spinner) {
		sched_setaffinity(0, sizeof(cpus), &cpus);
		sched_setscheduler(0, SCHED_FIFO, &hog);
		for (;;)
			;
	}
	kt_sleep_ms(100);
	EQUAL(kt_thaw(fd), 0);
	kt_freeze(fd);
	kill(spinner, SIGKILL);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(lease->hold[0].continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_thaw(fd), 0);
}

TEST(while_others_are_still_freezing)
{
	int fds[2];
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

	needs_watch();
	kt_mounts_with("a", "user", fds, 2);
	kt_tell("a1", "freeze", "hang");
	kt_open(&nl);
	number = kt_new(&nl, NULL, 60000, fds, 2);
	kt_await_state("a1", "freeze_inside", 1);
	do {	/* the lease has noted that the first one is frozen */
		kt_sleep_ms(5);
		lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FREEZING, KT_SOON_MS);
	} while (kt_hold(lease, "a0")->state != FREEZEGUARD_HOLD_STATE_FROZEN);
	EQUAL(kt_thaw(fds[0]), 0);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ROLLING_BACK, KT_SOON_MS);
	EQUAL(lease->cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
	kt_tell("a1", "release", "1");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);
	EQUAL(kt_fs_state(&nl, fds[1]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

/*
 * A thaw that waits until the freeze lets go of s_umount, and often is over before the lease has noted
 * that it froze; and others freeze again at once. Whatever comes first, the lease doesn't last.
 */
TEST_WITHIN(before_the_freeze_is_noted, 60)
{
	enum { LEASES = 80 };
	struct shared { volatile bool go; volatile int thaw; } *shared;
	int fd = kt_mount("a", "user,freeze=sleep:10");
	const uint64_t until_ns = kt_now_ns() + 10000 * MS;	/* a slow machine makes fewer of them */
	unsigned int noted = 0, failed = 0;
	struct fg_lease lease;
	struct fgnl nl;

	needs_watch();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(shared != MAP_FAILED);
	kt_open(&nl);
	if (!kt_fork()) {
		for (;;) {
			while (!shared->go)
				usleep(100);
			for (unsigned int i = 0; i < 100 && !kt_state("a", "freeze_inside"); i++)
				usleep(200);
			shared->thaw = kt_thaw(fd);
			if (!shared->thaw)
				ioctl(fd, FIFREEZE, 0);
			shared->go = false;
		}
	}
	for (unsigned int n = 0; n < LEASES && kt_now_ns() < until_ns; n++) {
		shared->go = true;
		EQUAL(fg_new(&nl, NULL, 10000, &fd, 1, &lease), 0);
		while (shared->go)
			usleep(500);
		if (shared->thaw)	/* it came too early */
			EQUAL(fg_end(&nl, lease.number, NULL), 0);
		for (unsigned int i = 0; i < KT_SOON_MS; i++) {
			EQUAL(fg_get(&nl, lease.number, &lease), 0);
			if (lease.state >= FREEZEGUARD_LEASE_STATE_THAWED)
				break;
			kt_sleep_ms(1);
		}
		CHECK(lease.state >= FREEZEGUARD_LEASE_STATE_THAWED);
		if (shared->thaw)
			continue;
		EQUAL(lease.cause, FREEZEGUARD_CAUSE_FOREIGN_THAW);
		CHECK(lease.hold[0].continuity != FREEZEGUARD_CONTINUITY_OBSERVED);
		if (lease.state == FREEZEGUARD_LEASE_STATE_BROKEN)
			noted++;
		else
			failed++;
		while (kt_fs_state(&nl, fd) != FREEZEGUARD_FS_STATE_UNFROZEN && !kt_thaw(fd))
			;
	}
	kt_note("thawed after the freeze was noted: %u, before: %u", noted, failed);
	CHECK(noted + failed);
}

TEST(without_the_watch)
{
	struct fg_lease *lease;
	struct fgnl nl;
	int fds[2];

	kt_mounts_with("a", "user", fds, 2);
	kt_reload("watch=0");
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, fds, 2);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
	/* a thaw is found when the lease ends, by a request */
	lease = kt_frozen(&nl, NULL, 10000, fds, 2);
	EQUAL(kt_thaw(fds[0]), 0);
	kt_sleep_ms(50);
	EQUAL(fg_get(&nl, lease->number, lease), 0);
	EQUAL(lease->state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(fg_end(&nl, lease->number, NULL), 0);
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_BROKEN, KT_SOON_MS);
	EQUAL(kt_hold(lease, "a0")->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
	EQUAL(kt_hold(lease, "a1")->continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
	/* or by the deadline */
	lease = kt_frozen(&nl, NULL, 300, fds, 2);
	EQUAL(kt_thaw(fds[1]), 0);
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_BROKEN);
}

/* A probe that was switched off has seen nothing, and is not taken for one that has. */
TEST(probes_switched_off)
{
	static const char enabled[] = "/sys/kernel/debug/kprobes/enabled";
	int fd = kt_mount("a", "user");
	struct fg_lease *lease;
	struct fgnl nl;

	needs_watch();
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	write_proc(enabled, "0");
	lease = kt_end(&nl, lease->number);
	write_proc(enabled, "1");
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
}

/*
 * Two processes thaw and freeze all the time what leases hold for a moment. Whoever wins, every lease
 * comes to an end, what it says fits together, and nothing stays frozen.
 */
TEST_WITHIN(a_race_of_thaws, 60)
{
	enum { LEASES = 100 };
	unsigned int broken = 0, expired = 0, refused = 0;
	int fd = kt_mount("a", "user");
	struct fg_lease lease;
	struct fgnl nl;
	pid_t pids[2];
	int err;

	needs_watch();
	kt_open(&nl);
	for (unsigned int i = 0; i < 2; i++) {
		pids[i] = kt_fork();
		for (unsigned int n = 0; !pids[i]; n++) {
			kt_thaw(fd);
			if (n % 8 == 7 && i)
				usleep(300);
		}
	}
	for (unsigned int n = 0; n < LEASES; n++) {
		err = fg_new(&nl, NULL, 1 + n % 10 * 20, &fd, 1, &lease);
		if (err) {	/* as long as the last one isn't released */
			EQUAL(err, -EBUSY);
			refused++;
			continue;
		}
		for (unsigned int i = 0; i < 4000; i++) {
			EQUAL(fg_get(&nl, lease.number, &lease), 0);
			if (lease.state >= FREEZEGUARD_LEASE_STATE_THAWED)
				break;
			usleep(1000);
		}
		CHECK(lease.state >= FREEZEGUARD_LEASE_STATE_THAWED);
		if (lease.cause == FREEZEGUARD_CAUSE_FOREIGN_THAW) {
			broken++;
			if (lease.state == FREEZEGUARD_LEASE_STATE_BROKEN) {
				CHECK(lease.ender_pid == (uint32_t)pids[0] ||
				      lease.ender_pid == (uint32_t)pids[1]);
				EQUAL(lease.hold[0].continuity, FREEZEGUARD_CONTINUITY_BROKEN);
			} else {	/* before the freeze could be noted */
				EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_FAILED);
			}
		} else {
			EQUAL(lease.cause, FREEZEGUARD_CAUSE_DEADLINE);
			expired++;
		}
		EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	}
	kt_note("%u broken, %u expired, %u refused", broken, expired, refused);
	CHECK(broken && expired + broken + refused == LEASES);
}
