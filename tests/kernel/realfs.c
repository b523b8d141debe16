// SPDX-License-Identifier: GPL-2.0-only
/* Real filesystems: ext4, XFS, btrfs on loop devices. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kt.h"

/* Freeze, a writer blocks, status says so, thaw, the writer goes on; then by the deadline. */
static void freeze_and_thaw(const char *type)
{
	int fd = kt_mount_image(type, type);
	struct kt_writer *writer = kt_writer(type);
	struct fg_lease *lease;
	struct fg_fs fs;
	uint64_t writes;
	struct fgnl nl;

	kt_open(&nl);
	lease = kt_frozen(&nl, NULL, 20000, &fd, 1);
	kt_writer_blocked(writer);
	EQUAL(fg_fs(&nl, fd, &fs), 0);
	EQUAL(fs.state, FREEZEGUARD_FS_STATE_COMPLETE);
	CHECK(fs.freezable && !strcmp(fs.type, type));
	CHECK(!strcmp(lease->hold[0].fs_type, type));
	EQUAL(umount(kt_path(type, NULL)) ? errno : 0, EBUSY);
	kt_end(&nl, lease->number);
	kt_writer_goes_on(writer);

	lease = kt_frozen(&nl, NULL, 1000, &fd, 1);
	kt_sleep_ms(30);
	writes = writer->writes;
	kt_note("%s: writer released %.1f ms after the deadline", type,
		(int64_t)(kt_writer_released_ns(writer, writes) - lease->deadline_ns) / 1e6);
	lease = kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	CHECK(lease->released_ns - lease->deadline_ns < 1000 * MS);
	EQUAL(kt_fs_state(&nl, fd), FREEZEGUARD_FS_STATE_UNFROZEN);
}

TEST(ext4)
{
	freeze_and_thaw("ext4");
}

TEST(xfs)
{
	freeze_and_thaw("xfs");
}

TEST(btrfs)
{
	freeze_and_thaw("btrfs");
}

TEST_WITHIN(one_lease_over_all_three, 40)
{
	static const char *const types[] = { "ext4", "xfs", "btrfs" };
	struct kt_writer *writers[3];
	struct fg_lease *lease;
	unsigned int i;
	char name[16];
	struct fgnl nl;
	int fds[4];

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "all-%s", types[i]);
		fds[i] = kt_mount_image(name, types[i]);
		writers[i] = kt_writer(name);
	}
	/* a subvolume, mounted by itself, is the same superblock */
	CHECK(!system("btrfs -q subvolume create /run/kt/all-btrfs/sub && mkdir /run/kt/sub && "
		      "mount -o subvol=sub \"$(findmnt -no SOURCE /run/kt/all-btrfs)\" /run/kt/sub"));
	fds[3] = kt_fd(kt_path("sub", NULL));
	kt_open(&nl);
	lease = kt_frozen(&nl, "all", 20000, fds, 4);
	EQUAL(lease->n_hold, 3);
	for (i = 0; i < 3; i++)
		kt_writer_blocked(writers[i]);
	kt_end(&nl, lease->number);
	for (i = 0; i < 3; i++)
		kt_writer_goes_on(writers[i]);

	/* one is frozen already by its owner: nothing is touched */
	kt_freeze(fds[1]);
	REFUSED(&nl, fg_new(&nl, "all", 20000, fds, 3, NULL), EBUSY);
	CHECK(!nl.has_cookie);
	kt_writer_goes_on(writers[0]);
	kt_writer_goes_on(writers[2]);
	kt_writer_blocked(writers[1]);
	EQUAL(kt_thaw(fds[1]), 0);

	/* gone by lazy umount, they go with the deadline */
	lease = kt_frozen(&nl, "all", 1500, fds, 3);
	for (i = 0; i < 3; i++)
		kill(writers[i]->pid, SIGKILL);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	umount2(kt_path("sub", NULL), MNT_DETACH);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "all-%s", types[i]);
		EQUAL(umount2(kt_path(name, NULL), MNT_DETACH) ? errno : 0, 0);
	}
	kt_await(&nl, lease->number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);
	for (i = 0; i < 3; i++)
		kt_wait(writers[i]->pid);
	for (i = 0; i < 100 && !system("losetup -l | grep -q /run/kt-copy-all"); i++)
		kt_sleep_ms(50);
	CHECK(system("losetup -l | grep -q /run/kt-copy-all"));
}
