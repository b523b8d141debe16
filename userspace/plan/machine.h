/* SPDX-License-Identifier: GPL-2.0-only */
/* machine: what a plan sees of the machine; the seam at which tests put in a made-up one */
#ifndef FREEZEGUARD_PLAN_MACHINE_H
#define FREEZEGUARD_PLAN_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

/**
 * struct machine_space - what statfs(2) says of a filesystem; an overlay says that of the one below it
 * @id: its id; that of an overlay may be its own
 * @block_bytes: the size of a block
 * @blocks: how many it has
 */
struct machine_space {
	uint64_t id, block_bytes, blocks;
};

/**
 * struct machine - what a plan sees of the machine; tests have made-up ones
 * @mountinfo: the mount table, /proc/self/mountinfo
 * @filesystems: the list of filesystem types, /proc/filesystems
 * @fstab: the mount points that are configured, /etc/fstab
 * @sysfs: where sysfs is mounted, /sys
 * @open: as open(2), but returns -errno
 * @readlink: as readlink(2), but @target ends with a NUL; its length or -errno
 * @real_path: the path of an open directory, without links; its length or -errno
 * @mount_id: as mounts_id_of_fd()
 * @identity: st_dev and st_ino of an open file; 0 or -errno
 * @block_device: the number of the block device whose node @path (below /dev) is; 0 or -errno
 * @loop_file: st_dev and st_ino of the file behind a loop device, by LOOP_GET_STATUS64; @answers: its
 * filesystem does so at once, and else is not waited for; 0 or -errno
 * @space: the space of the filesystem that an open file is on; 0 or -errno
 * @btrfs_uuid: the UUID of the btrfs that an open file is on, as text; 0 or -errno
 */
struct machine {
	const char *mountinfo;
	const char *filesystems;
	const char *fstab;
	const char *sysfs;
	int (*open)(const char *path, int flags);
	int (*readlink)(const char *path, char *target, size_t size);
	int (*real_path)(int fd, char *path, size_t size);
	int (*mount_id)(int fd);
	int (*identity)(int fd, dev_t *dev, ino_t *ino);
	int (*block_device)(const char *path, unsigned int *major, unsigned int *minor);
	int (*loop_file)(unsigned int major, unsigned int minor, bool answers, dev_t *dev,
			 ino_t *ino);
	int (*space)(int fd, struct machine_space *space);
	int (*btrfs_uuid)(int fd, char uuid[37]);
};

/* The machine that this runs on. */
extern const struct machine machine_real;

#endif
