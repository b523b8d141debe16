// SPDX-License-Identifier: GPL-2.0-only
/*
 * below: what a superblock lies on.
 *
 * We walk down: from a superblock to its block devices, from a device to those it is made of
 * (partition, device-mapper, md: the kernel lists them in sysfs), from a loop device to the
 * superblock that holds its file, from an overlay to those of its directories, and so on.
 *
 * Which file is behind a loop device: LOOP_GET_STATUS64 gives st_dev and st_ino, which are right
 * also if the file was deleted, or opened in another mount namespace or chroot, or is overmounted;
 * the path in sysfs isn't. But st_dev names the superblock only where that has one device number.
 * On btrfs and overlayfs it names a subvolume or a layer: there the path is opened, believed only
 * if st_dev and st_ino agree, and its mount says the rest.
 *
 * Where an overlay writes: the mount table has the path of its upper directory, as it was when it
 * was mounted. After a switch of the root directory, or in a container, it leads nowhere.
 *
 * What can't be seen from here: an external journal of ext4 and further devices of f2fs (the mount
 * table doesn't have them), what DRBD and ZFS volumes lie on (sysfs doesn't), and files that a
 * program serves as a block device (nbd, iSCSI, FUSE).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "plan/below.h"
#include "plan/reach.h"

static int push(struct below *b, bool superblock, unsigned int major, unsigned int minor)
{
	struct below_node *node;
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->nodes[i].superblock == superblock && b->nodes[i].major == major &&
		    b->nodes[i].minor == minor)
			return 0;
	node = APPEND(b->nodes, b->n);
	if (!node)
		return -ENOMEM;
	*node = (struct below_node){ superblock, major, minor };
	return 0;
}

/* Read a sysfs attribute; 0, -ENOENT if there's none, -ENOMEM */
static int read_attribute(const char *path, char **text)
{
	*text = text_read(AT_FDCWD, path);
	if (!*text)
		return errno == ENOMEM ? -ENOMEM : -ENOENT;
	if (**text)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOENT;
}

/* Go on with the device whose number is in this "dev" attribute */
static int push_device_attribute(struct below *b, const char *path)
{
	unsigned int major, minor;
	char *text;
	int ret;

	ret = read_attribute(path, &text);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ret;
	if (sscanf(text, "%u:%u", &major, &minor) == 2)
		ret = push(b, false, major, minor);
	free(text);
	return ret;
}

/* Go on with every device in a directory of links to devices */
static int push_device_directory(struct below *b, const char *path)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return errno == ENOMEM ? -ENOMEM : 0;
	while (!ret && (entry = readdir(dir))) {
		char *attribute;

		if (entry->d_name[0] == '.')
			continue;
		attribute = text_format("%s/%s/dev", path, entry->d_name);
		if (!attribute) {
			ret = -ENOMEM;
			break;
		}
		ret = push_device_attribute(b, attribute);
		free(attribute);
	}
	closedir(dir);
	return ret;
}

static const struct mount_entry *find_superblock(const struct below *b, unsigned int major,
						 unsigned int minor)
{
	size_t i;

	for (i = 0; i < b->mounts->n; i++)
		if (b->mounts->v[i].major == major && b->mounts->v[i].minor == minor)
			return &b->mounts->v[i];
	return NULL;
}

static int push_mount(struct below *b, const struct mount_entry *e)
{
	return push(b, true, e->major, e->minor);
}

/* The target one of whose open directories has the same st_dev: the same btrfs subvolume */
static const struct mount_entry *target_of_device(const struct below *b, dev_t dev)
{
	size_t i;

	for (i = 0; i < b->plan->n; i++) {
		const struct plan_target *t = &b->plan->v[i];
		dev_t got_dev;
		ino_t got_ino;

		if (t->fd >= 0 && !b->machine->identity(t->fd, &got_dev, &got_ino) && got_dev == dev)
			return find_superblock(b, t->major, t->minor);
	}
	return NULL;
}

/* Something below cannot be found; the first is what people read of. */
static int lost(struct below *b, enum below_lost how, const struct mount_entry *overlay,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int lost(struct below *b, enum below_lost how, const struct mount_entry *overlay,
		const char *fmt, ...)
{
	va_list args;

	if (how <= b->lost)
		return 0;
	b->lost = how;
	b->overlay = overlay;
	free(b->what);
	va_start(args, fmt);
	b->what = text_vformat(fmt, args);
	va_end(args);
	return b->what ? 0 : -ENOMEM;
}

/*
 * Go on with the superblock that holds a loop device's file. Its filesystem is taken for one that
 * answers if the path leads to a file at once. That could be another file only if the right one was
 * opened in another mount namespace, or is hidden by now.
 */
static int push_loop_file(struct below *b, unsigned int major, unsigned int minor, const char *path)
{
	const struct mount_entry *e = NULL, *by_path = NULL;
	dev_t dev = 0, dev_there = 0;
	ino_t ino = 0, ino_there = 0;
	bool known = false, there;
	char *real = NULL;
	int ret, fd = -1;

	ret = reach_path(b->mounts, b->machine, path, &real, &by_path);
	if (ret == -ENOMEM)
		return ret;
	/* The loop driver would ask that filesystem, and whoever serves it may not answer. */
	if (ret == -EHOSTUNREACH)
		return push_mount(b, by_path);
	if (!ret)
		fd = b->machine->open(real, O_PATH | O_CLOEXEC);
	free(real);
	there = fd >= 0 && !b->machine->identity(fd, &dev_there, &ino_there);
	if (fd >= 0)
		close(fd);
	known = b->machine->loop_file(major, minor, there, &dev, &ino) == 0;
	if (known)
		e = find_superblock(b, major(dev), minor(dev));
	if (!e && !ret && (!known || (there && dev == dev_there && ino == ino_there)))
		e = by_path;
	/* mounted nowhere in this namespace, but a block device that we can follow */
	if (known && !e && major(dev))
		return push(b, true, major(dev), minor(dev));
	if (!e && known)
		e = target_of_device(b, dev);
	if (e)
		return push_mount(b, e);
	return lost(b, BELOW_LOST_FILE, NULL,
		    "loop device %u:%u, and the filesystem of its file \"%s\" cannot be found",
		    major, minor, path);
}

static int walk_device(struct below *b, unsigned int major, unsigned int minor)
{
	char *dir, *path = NULL, *file;
	int ret = -ENOMEM;

	dir = text_format("%s/dev/block/%u:%u", b->machine->sysfs, major, minor);
	if (!dir)
		return -ENOMEM;
	path = text_format("%s/slaves", dir);
	if (!path)
		goto free_dir;
	ret = push_device_directory(b, path);
	free(path);
	if (ret)
		goto free_dir;

	ret = -ENOMEM;
	path = text_format("%s/partition", dir);
	if (!path)
		goto free_dir;
	ret = read_attribute(path, &file);
	free(path);
	if (!ret) {
		free(file);
		/* dir is a link into the disk's directory */
		path = text_format("%s/../dev", dir);
		ret = path ? push_device_attribute(b, path) : -ENOMEM;
		free(path);
	}
	if (ret && ret != -ENOENT)
		goto free_dir;

	ret = -ENOMEM;
	path = text_format("%s/loop/backing_file", dir);
	if (!path)
		goto free_dir;
	ret = read_attribute(path, &file);
	free(path);
	if (!ret) {
		ret = push_loop_file(b, major, minor, file);
		free(file);
	} else if (ret == -ENOENT) {
		ret = 0;
	}

free_dir:
	free(dir);
	return ret;
}

static int push_source(struct below *b, const char *source)
{
	unsigned int major, minor;

	if (strncmp(source, "/dev/", 5) || b->machine->block_device(source, &major, &minor))
		return 0;
	return push(b, false, major, minor);
}

static int push_option(struct below *b, const struct mount_entry *e, const char *name)
{
	char *value = mounts_option(e, name);
	int ret;

	if (!value)
		return 0;
	ret = push_source(b, value);
	free(value);
	return ret;
}

static int fd_on(const struct below *b, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; i < b->plan->n; i++)
		if (b->plan->v[i].major == e->major && b->plan->v[i].minor == e->minor)
			return b->plan->v[i].fd;
	return -1;
}

static int push_btrfs(struct below *b, const struct mount_entry *e)
{
	char uuid[37], *path;
	int fd, opened = -1, ret;

	fd = fd_on(b, e);
	if (fd < 0)
		fd = opened = reach_superblock(b->mounts, b->machine, e->major, e->minor,
					       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, NULL);
	ret = fd < 0 ? fd : b->machine->btrfs_uuid(fd, uuid);
	if (opened >= 0)
		close(opened);
	/* without it at least the device that the mount table has */
	if (ret)
		return 0;
	path = text_format("%s/fs/btrfs/%s/devices", b->machine->sysfs, uuid);
	if (!path)
		return -ENOMEM;
	ret = push_device_directory(b, path);
	free(path);
	return ret;
}

/*
 * The directories that an overlay is made of. One that is only read may be missed: a frozen
 * filesystem can be read.
 */
static int push_overlay(struct below *b, const struct mount_entry *e)
{
	const struct mount_entry *below;
	struct text_list layers = { 0 };
	bool writable;
	size_t i;
	int ret;

	ret = mounts_layers(e, &layers, &writable);
	for (i = 0; !ret && i < layers.n; i++) {
		ret = reach_path(b->mounts, b->machine, layers.v[i], NULL, &below);
		if (!ret || ret == -EHOSTUNREACH)
			ret = push_mount(b, below);
		else if (ret != -ENOMEM)
			ret = i || !writable ? 0 :
			      lost(b, BELOW_LOST_UPPER, e,
				   "the overlay on %s, and its upper directory \"%s\" cannot be found",
				   e->mountpoint, layers.v[i]);
	}
	text_list_free(&layers);
	return ret;
}

static int walk_superblock(struct below *b, unsigned int major, unsigned int minor)
{
	const struct mount_entry *e = find_superblock(b, major, minor);
	int ret;

	if (major) {
		ret = push(b, false, major, minor);
		if (ret)
			return ret;
	}
	if (!e)
		return 0;
	if (!major) {
		ret = push_source(b, e->source);
		if (ret)
			return ret;
	}
	if (!strcmp(e->fstype, "btrfs"))
		return push_btrfs(b, e);
	if (mounts_is_overlay(e))
		return push_overlay(b, e);
	if (!strcmp(e->fstype, "xfs")) {
		ret = push_option(b, e, "logdev");
		return ret ? ret : push_option(b, e, "rtdev");
	}
	return 0;
}

/**
 * below_find() - find all superblocks that one lies on
 * @b: @b->mounts, @b->machine and @b->plan are set, the rest is zero or an earlier result
 * @major: its device number
 * @minor: its minor part
 *
 * Return: 0, also if something below is lost: @b->lost; -ENOMEM.
 */
int below_find(struct below *b, unsigned int major, unsigned int minor)
{
	size_t done;
	int ret;

	below_free(b);
	ret = push(b, true, major, minor);
	for (done = 0; !ret && done < b->n; done++) {
		struct below_node node = b->nodes[done];

		ret = node.superblock ? walk_superblock(b, node.major, node.minor) :
					walk_device(b, node.major, node.minor);
	}
	return ret;
}

/** below_has() - does it lie on this superblock, or is it the same? */
bool below_has(const struct below *b, unsigned int major, unsigned int minor)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->nodes[i].superblock && b->nodes[i].major == major &&
		    b->nodes[i].minor == minor)
			return true;
	return false;
}

/**
 * below_may_have() - may what was lost lie on a target?
 * @b: what below_find() found
 * @t: the target, open
 *
 * A loop device's file that could not be found is on a filesystem without a device number of its
 * own. An overlay says how large the filesystem of its upper directory is, and on most kernels its
 * id too; both are compared.
 *
 * Return: false if nothing was lost, or it is certainly not on this one.
 */
bool below_may_have(const struct below *b, const struct plan_target *t)
{
	struct machine_space upper, here;
	int overlay, ret;

	if (b->lost != BELOW_LOST_UPPER)
		return b->lost == BELOW_LOST_FILE && !t->major;
	overlay = reach_superblock(b->mounts, b->machine, b->overlay->major, b->overlay->minor,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, NULL);
	ret = overlay < 0 ? overlay : b->machine->space(overlay, &upper);
	if (overlay >= 0)
		close(overlay);
	if (!ret)
		ret = b->machine->space(t->fd, &here);
	return ret || (upper.id && here.id == upper.id) ||
	       (here.block_bytes == upper.block_bytes && here.blocks == upper.blocks);
}

/** below_free() - forget what was found */
void below_free(struct below *b)
{
	free(b->nodes);
	free(b->what);
	b->nodes = NULL;
	b->n = 0;
	b->lost = BELOW_LOST_NOTHING;
	b->overlay = NULL;
	b->what = NULL;
}
