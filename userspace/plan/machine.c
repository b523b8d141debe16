// SPDX-License-Identifier: GPL-2.0-only
/* machine: what a plan asks the machine that this runs on. It looks, and changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/btrfs.h>
#include <linux/loop.h>

#include "plan/machine.h"
#include "plan/mounts.h"

static int real_open(const char *path, int flags)
{
	int fd = open(path, flags);

	return fd < 0 ? -errno : fd;
}

static int real_readlink(const char *path, char *target, size_t size)
{
	ssize_t len = readlink(path, target, size - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	return (int)len;
}

static int real_real_path(int fd, char *path, size_t size)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return real_readlink(link, path, size);
}

static int real_identity(int fd, dev_t *dev, ino_t *ino)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return 0;
}

static int real_block_device(const char *path, unsigned int *major, unsigned int *minor)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	*major = major(st.st_rdev);
	*minor = minor(st.st_rdev);
	return 0;
}

static int real_loop_file(unsigned int major, unsigned int minor, dev_t *dev, ino_t *ino)
{
	char link[64], target[4096], path[4096 + 8];
	struct loop_info64 info;
	struct stat st;
	ssize_t len;
	int fd, ret = 0;
	char *name;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	name = strrchr(target, '/');
	snprintf(path, sizeof(path), "/dev/%s", name ? name + 1 : target);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (!S_ISBLK(st.st_mode) || st.st_rdev != makedev(major, minor))
		ret = -ENODEV;
	else if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		ret = -errno;
	close(fd);
	if (ret)
		return ret;
	*dev = (dev_t)info.lo_device;
	*ino = (ino_t)info.lo_inode;
	return 0;
}

static int real_space(int fd, struct machine_space *space)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return -errno;
	*space = (struct machine_space){
		.id = (uint64_t)(uint32_t)st.f_fsid.__val[0] << 32 | (uint32_t)st.f_fsid.__val[1],
		.block_bytes = (uint64_t)st.f_bsize,
		.blocks = st.f_blocks,
	};
	return 0;
}

static int real_btrfs_uuid(int fd, char uuid[37])
{
	struct btrfs_ioctl_fs_info_args info = {};
	size_t i, used = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
		return -errno;
	for (i = 0; i < sizeof(info.fsid); i++)
		used += (size_t)snprintf(uuid + used, 37 - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
					 info.fsid[i]);
	return 0;
}

const struct machine machine_real = {
	.mountinfo = "/proc/self/mountinfo",
	.filesystems = "/proc/filesystems",
	.fstab = "/etc/fstab",
	.sysfs = "/sys",
	.open = real_open,
	.readlink = real_readlink,
	.real_path = real_real_path,
	.mount_id = mounts_id_of_fd,
	.identity = real_identity,
	.block_device = real_block_device,
	.loop_file = real_loop_file,
	.space = real_space,
	.btrfs_uuid = real_btrfs_uuid,
};
