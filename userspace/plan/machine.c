// SPDX-License-Identifier: GPL-2.0-only
/* machine: what a plan asks the machine that this runs on. It looks, and changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/btrfs.h>
#include <linux/loop.h>

#include "plan/machine.h"
#include "plan/mounts.h"

/* A filesystem that answers does so at once; where one does not, there may be many. */
#define LOOP_FILE_MS		1000
#define NEXT_LOOP_FILE_MS	50

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

/* The driver asks the filesystem of the file. */
static int loop_status(unsigned int major, unsigned int minor, struct loop_info64 *info)
{
	char link[64], target[4096], path[4096 + 8];
	struct stat st;
	int fd, ret = 0;
	char *name;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major, minor);
	ret = real_readlink(link, target, sizeof(target));
	if (ret < 0)
		return ret;
	name = strrchr(target, '/');
	snprintf(path, sizeof(path), "/dev/%s", name ? name + 1 : target);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (!S_ISBLK(st.st_mode) || st.st_rdev != makedev(major, minor))
		ret = -ENODEV;
	else
		ret = ioctl(fd, LOOP_GET_STATUS64, info) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * In a process of its own: the file may be where no path leads to any more, on a server that is gone.
 * Nothing else of the caller's is open there, so nobody waits for that process.
 */
static int ask_in_process(unsigned int major, unsigned int minor, struct loop_info64 *info)
{
	struct loop_answer {
		int ret;
		struct loop_info64 info;
	} answer = { 0 };
	static bool one_is_dead;
	struct pollfd readable;
	int ends[2], ret = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDIN_FILENO);
		close_range(STDIN_FILENO + 1, ~0U, 0);
		answer.ret = loop_status(major, minor, &answer.info);
		_exit(write(STDIN_FILENO, &answer, sizeof(answer)) != sizeof(answer));
	}
	if (pid < 0)
		ret = -errno;
	close(ends[1]);
	readable = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	if (!ret && poll(&readable, 1, one_is_dead ? NEXT_LOOP_FILE_MS : LOOP_FILE_MS) != 1) {
		one_is_dead = true;
		ret = -ETIMEDOUT;
	}
	if (!ret && read(ends[0], &answer, sizeof(answer)) != sizeof(answer))
		ret = -EIO;
	close(ends[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, ret == -ETIMEDOUT ? WNOHANG : 0);
	}
	*info = answer.info;
	return ret ? ret : answer.ret;
}

static int real_loop_file(unsigned int major, unsigned int minor, bool answers, dev_t *dev,
			  ino_t *ino)
{
	struct loop_info64 info = { 0 };
	int ret = answers ? loop_status(major, minor, &info) : ask_in_process(major, minor, &info);

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
