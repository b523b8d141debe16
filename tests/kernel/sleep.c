// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before the machine sleeps, every lease ends, and no new one begins until it is awake.
 *
 * A program that hibernates the machine from userspace opens /dev/snapshot: for reading before it
 * makes the image, for writing before it resumes from one. Closing the file gives up. Tasks run
 * meanwhile, so a test can look. A suspend with pm_test returns after the tasks have been frozen
 * for 5 s.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kt.h"

/* How long the module waits for thaws before a sleep, and before a resume replaces this system. */
#define SLEEP_WAIT_MS	20000
#define RESTORE_WAIT_MS	3000

/* An open file, or -errno. */
static int open_snapshot(int flags)
{
	int fd = open("/dev/snapshot", flags | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == EPERM))
		kt_skip("this kernel cannot hibernate from userspace");
	return fd < 0 ? -errno : fd;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Suspend up to the point where all tasks are frozen. */
static int suspend_tasks(void)
{
	int err = write_file("/sys/power/pm_test", "freezer");

	if (err == -ENOENT)
		kt_skip("this kernel has no pm_test");
	EQUAL(err, 0);
	err = write_file("/sys/power/state", "freeze");
	EQUAL(write_file("/sys/power/pm_test", "none"), 0);
	return err;
}

static void refused(struct fgnl *nl, int fd)
{
	REFUSED(nl, fg_new(nl, NULL, 10000, &fd, 1, NULL), EAGAIN);
	CHECK(strstr(nl->extack, "sleep"));
}

static void taken(struct fgnl *nl, int fd)
{
	kt_end(nl, kt_frozen(nl, NULL, 10000, &fd, 1)->number);
}

/* It has ended for the sleep, and nothing of it is frozen any more: at once. */
static void ended(struct fgnl *nl, uint64_t number, uint32_t state)
{
	struct fg_lease *lease = kt_await(nl, number, state, 0);

	EQUAL(lease->cause, FREEZEGUARD_CAUSE_SLEEP);
	EQUAL(lease->holds_live, 0);
	EQUAL(lease->ender_pid, 0);
}

static void a_lease_ends_and_none_begins(int flags)
{
	struct kt_writer *writers[2];
	uint64_t bound, detached;
	int fds[2], sleep;
	struct fgnl nl;

	kt_mounts("m", fds, 2);
	writers[0] = kt_writer("m0");
	writers[1] = kt_writer("m1");
	kt_open(&nl);
	bound = kt_frozen(&nl, NULL, 20000, &fds[0], 1)->number;
	detached = kt_frozen(&nl, NULL, 20000, &fds[1], 1)->number;
	EQUAL(fg_detach(&nl, detached, NULL), 0);
	kt_writer_blocked(writers[0]);

	sleep = open_snapshot(flags);
	CHECK(sleep >= 0);
	ended(&nl, bound, FREEZEGUARD_LEASE_STATE_ABORTED);
	ended(&nl, detached, FREEZEGUARD_LEASE_STATE_ABORTED);
	kt_writer_goes_on(writers[0]);
	kt_writer_goes_on(writers[1]);
	refused(&nl, fds[0]);
	close(sleep);
	taken(&nl, fds[0]);
}

TEST(hibernation_ends_leases)
{
	a_lease_ends_and_none_begins(O_RDONLY);
}

TEST(resume_from_hibernation_ends_leases)
{
	a_lease_ends_and_none_begins(O_WRONLY);
}

/* What is being frozen cannot be interrupted, and is waited for. */
TEST(a_freeze_under_way_is_waited_for)
{
	int fd = kt_mount("slow", "freeze=sleep:1500"), sleep;
	struct fgnl nl;
	uint64_t number;

	kt_open(&nl);
	number = kt_new(&nl, NULL, 20000, &fd, 1);
	kt_await_fs_state(&nl, fd, FREEZEGUARD_FS_STATE_FS);
	sleep = open_snapshot(O_RDONLY);
	CHECK(sleep >= 0);
	ended(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
	close(sleep);
}

/* A machine whose filesystem does not thaw does not sleep; a resume cannot be refused. */
TEST_WITHIN(a_thaw_hangs, 60)
{
	int fd, other, sleep;
	uint64_t number, began;
	struct fgnl nl;

	fd = kt_mount("hangs", "thaw=hang");
	other = kt_mount("other", NULL);
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	began = kt_now_ns();
	EQUAL(open_snapshot(O_RDONLY), -EBUSY);
	CHECK(kt_now_ns() - began >= SLEEP_WAIT_MS * MS);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWING, 0);
	taken(&nl, other);	/* the sleep was given up */

	began = kt_now_ns();
	sleep = open_snapshot(O_WRONLY);
	CHECK(sleep >= 0);
	CHECK(kt_now_ns() - began >= RESTORE_WAIT_MS * MS);
	refused(&nl, other);
	close(sleep);

	kt_tell("hangs", "thaw", "ok");
	kt_tell("hangs", "release", "1");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_ABORTED, KT_SOON_MS);
	sleep = open_snapshot(O_RDONLY);
	CHECK(sleep >= 0);
	close(sleep);
}

/* Real filesystems with waiting writers, which many kernels could not freeze for the sleep. */
TEST_WITHIN(suspend_ends_leases, 90)
{
	static const char *const types[] = { "ext4", "xfs", "btrfs" };
	struct kt_writer *writers[3];
	unsigned int i;
	struct fgnl nl;
	uint64_t number;
	int fds[3];

	for (i = 0; i < 3; i++) {
		fds[i] = kt_mount_image(types[i], types[i]);
		writers[i] = kt_writer(types[i]);
	}
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, fds, 3)->number;
	for (i = 0; i < 3; i++)
		kt_writer_blocked(writers[i]);
	EQUAL(suspend_tasks(), 0);
	ended(&nl, number, FREEZEGUARD_LEASE_STATE_ABORTED);
	for (i = 0; i < 3; i++)
		kt_writer_goes_on(writers[i]);
	taken(&nl, fds[0]);
}

/* The end of one sleep is not the end of another one. */
TEST_WITHIN(suspend_during_a_hibernation, 60)
{
	int fd = kt_mount("m", NULL), sleep;
	struct fgnl nl;

	kt_open(&nl);
	sleep = open_snapshot(O_RDONLY);
	CHECK(sleep >= 0);
	EQUAL(suspend_tasks(), 0);
	refused(&nl, fd);
	close(sleep);
	taken(&nl, fd);
}
