// SPDX-License-Identifier: GPL-2.0-only
/* slow: null_blk in memory, which limits itself; one device, made anew for each mount. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kt.h"
#include "slow.h"

#define DEVICE		"/dev/kt-slow"
#define CONFIG		"/sys/kernel/config/nullb/kt"
#define MIB		(1 << 20)

/**
 * slow_is_there() - has this kernel such a device?
 */
bool slow_is_there(void)
{
	return !system("modprobe -q configfs; modprobe -q null_blk nr_devices=0");
}

static void make_device(unsigned int mbps)
{
	unsigned int major, minor, index;
	char text[512];
	FILE *f;

	snprintf(text, sizeof(text),
		 "exec >/run/kt-slow.log 2>&1; set -e; "
		 "mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config; "
		 "[ -e " CONFIG " ] || mkdir " CONFIG "; cd " CONFIG "; echo 0 >power; "
		 "echo 1 >memory_backed; echo %u >mbps; echo 1024 >size; "
		 "echo 1024 >hw_queue_depth; echo 1 >power", mbps);
	if (!slow_is_there() || system(text))
		FAIL("null_blk: see /run/kt-slow.log");
	f = fopen(CONFIG "/index", "re");
	if (!f || fscanf(f, "%u", &index) != 1)
		FAIL("%s: no index", CONFIG);
	fclose(f);
	/* by number until 6.x, by its configfs name later */
	snprintf(text, sizeof(text), "/sys/block/nullb%u/dev", index);
	f = fopen(text, "re") ?: fopen("/sys/block/kt/dev", "re");
	if (!f || fscanf(f, "%u:%u", &major, &minor) != 2)
		FAIL("the device isn't there");
	fclose(f);
	unlink(DEVICE);
	if (mknod(DEVICE, S_IFBLK | 0600, makedev(major, minor)))
		FAIL("mknod: %s", strerror(errno));
}

/**
 * slow_mount() - a fresh filesystem of 1 GiB on a device of its own; one at a time
 * @name: of the mount, which the test's end takes away like every other
 * @type: ext4, xfs or btrfs
 * @mbps: how many megabytes the device takes a second
 *
 * Return: an open fd on it.
 */
int slow_mount(const char *name, const char *type, unsigned int mbps)
{
	const char *path = kt_path(name, NULL);
	char command[128];

	make_device(mbps);
	snprintf(command, sizeof(command), "mkfs.%s -q %s " DEVICE " >/run/kt-mkfs.log 2>&1", type,
		 strcmp(type, "ext4") ? "-f" : "-F -E lazy_journal_init=1");
	if (system(command))
		FAIL("can't make a %s: see /run/kt-mkfs.log", type);
	kt_directory(name);
	/* what mkfs left to be done later would take the device's time */
	if (mount(DEVICE, path, type, 0, strcmp(type, "ext4") ? NULL : "noinit_itable"))
		FAIL("mount %s: %s", type, strerror(errno));
	return kt_fd(path);
}

/**
 * slow_keep_dirty() - the kernel is not to look every five seconds for what it could write back
 *
 * Which, of a device that has not written much before, is all that is dirty. For as long as the guest
 * runs. Off would be worse: then it looks at once.
 */
void slow_keep_dirty(void)
{
	FILE *f = fopen("/proc/sys/vm/dirty_writeback_centisecs", "we");

	if (!f || fputs("360000", f) < 0 || fclose(f))
		FAIL("dirty_writeback_centisecs: %s", strerror(errno));
}

/**
 * slow_dirty() - write a file that stays in memory
 * @path: of a new one: one that was truncated, ext4 and XFS write back when it is closed
 * @mb: how much
 */
void slow_dirty(const char *path, unsigned int mb)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	static char block[MIB];
	unsigned int i;

	memset(block, 'd', sizeof(block));
	for (i = 0; i < mb; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			FAIL("write %s: %s", path, strerror(errno));
	close(fd);
}

/** slow_dirty_kib() - how much is dirty, of all of the machine */
unsigned long slow_dirty_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long value;
	char key[64];

	while (f && fscanf(f, "%63s %lu kB\n", key, &value) == 2) {
		if (!strcmp(key, "Dirty:")) {
			fclose(f);
			return value;
		}
	}
	FAIL("no Dirty");
}
