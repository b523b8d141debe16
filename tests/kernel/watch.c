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
#include <sys/mount.h>
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

/* Returns 0 or -errno. */
static int write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	CHECK(fd >= 0);
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Whether the module says that it watches. */
static bool watches(void)
{
	int fd = open("/sys/module/freezeguard/parameters/watch", O_RDONLY | O_CLOEXEC);
	char value = 0;

	CHECK(fd >= 0 && read(fd, &value, 1) == 1);
	close(fd);
	return value == 'Y';
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

	kt_mounts_with("a", "anyone", fds, 3);
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

	kt_mounts_with("a", "anyone", fds, 3);
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
	int fd = kt_mount("a", "anyone,thaw=fail:5:1");
	struct fg_lease *lease;
	struct fgnl nl;

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

	kt_mounts_with("a", "anyone", fds, 2);
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
	int fd = kt_mount("a", "anyone");
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

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
	int fd = kt_mount("a", "anyone");
	struct fg_lease *lease;
	struct kt_thread threads[16];
	pid_t thread, spinner;
	cpu_set_t cpus;
	struct fgnl nl;
	uint64_t number;

	if (!access("/sys/kernel/realtime", F_OK))
		kt_skip("on PREEMPT_RT the hog keeps RCU's threads from running, and so every freeze");
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

	kt_mounts_with("a", "anyone", fds, 2);
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
	int fd = kt_mount("a", "anyone,freeze=sleep:10");
	const uint64_t until_ns = kt_now_ns() + 10000 * MS;	/* a slow machine makes fewer of them */
	unsigned int noted = 0, failed = 0;
	struct fg_lease lease;
	struct fgnl nl;

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

	kt_mounts_with("a", "anyone", fds, 2);
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

/* Nobody switches ftrace or probes off under a watch, and without ftrace there is none. */
TEST(ftrace_switched_off)
{
	static const char ftrace[] = "/proc/sys/kernel/ftrace_enabled";
	static const char probes[] = "/sys/kernel/debug/kprobes/enabled";
	int fd = kt_mount("a", "anyone");
	struct fg_lease *lease;
	struct fgnl nl;
	int err;

	CHECK(watches());
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	err = write_proc(ftrace, "0");
	EQUAL(write_proc(probes, "0"), 0);
	lease = kt_end(&nl, lease->number);
	EQUAL(write_proc(probes, "1"), 0);
	EQUAL(lease->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	fgnl_close(&nl);

	kt_reload("watch=0");
	CHECK(!watches());
	if (err == -EOPNOTSUPP) {	/* newer kernels: with or without a watch */
		EQUAL(write_proc(ftrace, "0"), err);
		return;
	}
	EQUAL(err, -EBUSY);
	EQUAL(write_proc(ftrace, "0"), 0);
	kt_reload("");
	EQUAL(write_proc(ftrace, "1"), 0);
	CHECK(!watches());
	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 10000, &fd, 1);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_UNKNOWN);
}

/* A freeze that fails ends as a thaw does, in deactivate_locked_super(). */
TEST(a_foreign_freeze_that_fails_is_no_thaw)
{
	int fd = kt_mount("a", "super,freeze=hang");
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_new(&nl, NULL, 10000, &fd, 1);
	kt_await_state("a", "freeze_inside", 1);
	kt_tell("a", "freeze", "ok");
	kt_tell("a", "sync_fs", "fail:5:1");
	EQUAL(ioctl(fd, FIFREEZE, 0), -1);
	EQUAL(errno, EIO);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	kt_tell("a", "release", "0");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	EQUAL(kt_end(&nl, lease->number)->continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
}

/* A process that waits in the kernel, for a lock or a device. */
static void await_blocked(pid_t pid)
{
	char path[32], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (unsigned int i = 0; i < KT_SOON_MS / 10 && state != 'D'; i++, kt_sleep_ms(10)) {
		FILE *f = fopen(path, "re");

		CHECK(f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
		fclose(f);
	}
	EQUAL(state, 'D');
}

/* The image is on an fgtestfs, which a freeze makes a device that does not answer. */
static int mount_on_image(int below, char *device, size_t size)
{
	const pid_t test = getpid();
	FILE *f;

	EQUAL(system("exec >/run/kt-mkfs.log 2>&1; set -e; modprobe -q loop || :; "
		     "modprobe -q ext4 || :; mkdir -p /run/kt/a; "
		     "truncate -s 16M /run/kt/below/image; mkfs.ext4 -q -F /run/kt/below/image; "
		     "mount -o loop /run/kt/below/image /run/kt/a; "
		     "findmnt -no SOURCE /run/kt/a >/run/kt-device"), 0);
	f = fopen("/run/kt-device", "re");
	CHECK(f && fgets(device, size, f));
	fclose(f);
	device[strcspn(device, "\n")] = '\0';
	if (!fork()) {	/* whatever becomes of the test, the device answers again */
		setsid();
		while (getppid() == test)
			kt_sleep_ms(10);
		ioctl(below, FITHAW, 0);
		_exit(0);
	}
	return kt_fd("/run/kt/a");
}

/*
 * The same function ends a mount that the kernel refuses because the filesystem is mounted already,
 * and writable. Such a mount waits for s_umount; so does the freeze of the lease, behind it.
 */
TEST_WITHIN(a_mount_that_is_refused_is_no_thaw, 60)
{
	int below = kt_mount("below", NULL), fd, data;
	struct fg_lease *lease;
	char device[64];
	pid_t sync, mounter;
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	kt_directory("b");
	fd = mount_on_image(below, device, sizeof(device));
	data = open("/run/kt/a/data", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	EQUAL(write(data, "data", 4), 4);
	kt_freeze(below);
	sync = kt_fork();	/* has s_umount until its device answers */
	if (!sync)
		_exit(syncfs(data) ? errno : 0);
	await_blocked(sync);
	mounter = kt_fork();
	if (!mounter)
		_exit(mount(device, kt_path("b", NULL), "ext4", MS_RDONLY, NULL) ? errno : 0);
	await_blocked(mounter);
	number = kt_new(&nl, NULL, 30000, &fd, 1);
	do {
		kt_sleep_ms(50);
		lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FREEZING, KT_SOON_MS);
	} while (lease->hold[0].state != FREEZEGUARD_HOLD_STATE_FREEZING);
	kt_sleep_ms(100);
	EQUAL(kt_thaw(below), 0);
	EQUAL(kt_wait(sync), 0);
	EQUAL(kt_wait(mounter), EBUSY);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, lease->number);
	close(data);
}

/*
 * Two processes thaw and freeze all the time what leases hold for a moment. Whoever wins, every lease
 * comes to an end, what it says fits together, and nothing stays frozen.
 */
TEST_WITHIN(a_race_of_thaws, 60)
{
	enum { LEASES = 100 };
	unsigned int broken = 0, expired = 0, refused = 0;
	int fd = kt_mount("a", "anyone");
	struct fg_lease lease;
	struct fgnl nl;
	pid_t pids[2];
	int err;

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
