// SPDX-License-Identifier: GPL-2.0-only
/*
 * levels: in which order stacked filesystems freeze.
 *
 * From each target we walk down: from a superblock to its block devices, from a device to those it
 * is made of (partition, device-mapper, md: the kernel lists them in sysfs), from a loop device to
 * the superblock that holds its file, and so on. Every target that is met lies below the first one
 * and freezes after it. The walk goes through superblocks that aren't targets too.
 *
 * Which file is behind a loop device: LOOP_GET_STATUS64 gives st_dev and st_ino, which are right
 * also if the file was deleted, or opened in another mount namespace or chroot, or is overmounted;
 * the path in sysfs isn't. But st_dev names the superblock only where that has one device number.
 * On btrfs and overlayfs it names a subvolume or a layer: there the path is opened, believed only
 * if st_dev and st_ino agree, and its mount id says the rest. A file that is found neither way
 * freezes after its loop device's filesystem wherever it may be: all targets without a device
 * number of their own get in line behind, as long as that makes no circle.
 *
 * What can't be seen from here: an external journal of ext4 and further devices of f2fs (the mount
 * table doesn't have them), and files that a program serves as a block device (nbd, iSCSI, FUSE).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "plan/levels.h"
#include "plan/reach.h"

/* One step of the walk: a superblock or a block device, both known by a device number. */
struct node {
	bool superblock;
	unsigned int major, minor;
};

struct walk {
	struct plan *plan;
	const struct mounts *mounts;
	const struct machine *machine;
	struct findings *f;
	/* below[t * n + u]: target u is below target t, and freezes after it */
	bool *below;
	/* unknown[t]: a loop file below target t wasn't found */
	bool *unknown;
	/* where the walk from the current target has been, and is to go on from @done */
	struct node *nodes;
	size_t n_nodes, done;
	size_t current;
};

static int push(struct walk *w, bool superblock, unsigned int major, unsigned int minor)
{
	struct node *node;
	size_t i;

	for (i = 0; i < w->n_nodes; i++)
		if (w->nodes[i].superblock == superblock && w->nodes[i].major == major &&
		    w->nodes[i].minor == minor)
			return 0;
	node = APPEND(w->nodes, w->n_nodes);
	if (!node)
		return -ENOMEM;
	*node = (struct node){ superblock, major, minor };
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
static int push_device_attribute(struct walk *w, const char *path)
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
		ret = push(w, false, major, minor);
	free(text);
	return ret;
}

/* Go on with every device in a directory of links to devices */
static int push_device_directory(struct walk *w, const char *path)
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
		ret = push_device_attribute(w, attribute);
		free(attribute);
	}
	closedir(dir);
	return ret;
}

static const struct mount_entry *find_superblock(const struct walk *w, unsigned int major,
						 unsigned int minor)
{
	size_t i;

	for (i = 0; i < w->mounts->n; i++)
		if (w->mounts->v[i].major == major && w->mounts->v[i].minor == minor)
			return &w->mounts->v[i];
	return NULL;
}

static int push_mount(struct walk *w, const struct mount_entry *e)
{
	return push(w, true, e->major, e->minor);
}

/* Is this the file that we mean? */
static bool is_file(const struct walk *w, const char *path, dev_t dev, ino_t ino)
{
	int fd = w->machine->open(path, O_PATH | O_CLOEXEC);
	dev_t got_dev;
	ino_t got_ino;
	bool is;

	if (fd < 0)
		return false;
	is = !w->machine->identity(fd, &got_dev, &got_ino) && got_dev == dev && got_ino == ino;
	close(fd);
	return is;
}

/* The target one of whose open directories has the same st_dev: the same btrfs subvolume */
static const struct mount_entry *target_of_device(const struct walk *w, dev_t dev)
{
	size_t i;

	for (i = 0; i < w->plan->n; i++) {
		const struct plan_target *t = &w->plan->v[i];
		dev_t got_dev;
		ino_t got_ino;

		if (t->fd >= 0 && !w->machine->identity(t->fd, &got_dev, &got_ino) && got_dev == dev)
			return find_superblock(w, t->major, t->minor);
	}
	return NULL;
}

/* Go on with the superblock that holds a loop device's file */
static int push_loop_file(struct walk *w, unsigned int major, unsigned int minor, const char *path)
{
	struct plan_target *t = &w->plan->v[w->current];
	const struct mount_entry *e = NULL, *by_path = NULL;
	bool known = false;
	char *real = NULL;
	dev_t dev = 0;
	ino_t ino = 0;
	int ret;

	ret = reach_path(w->mounts, w->machine, path, &real, &by_path);
	if (ret == -ENOMEM)
		return ret;
	/* The loop driver would ask that filesystem, and whoever serves it may not answer. */
	if (ret == -EHOSTUNREACH)
		return push_mount(w, by_path);
	known = w->machine->loop_file(major, minor, &dev, &ino) == 0;
	if (known)
		e = find_superblock(w, major(dev), minor(dev));
	if (!e && !ret && (!known || is_file(w, real, dev, ino)))
		e = by_path;
	free(real);
	/* mounted nowhere in this namespace, but a block device that we can follow */
	if (known && !e && major(dev))
		return push(w, true, major(dev), minor(dev));
	if (!e && known)
		e = target_of_device(w, dev);
	if (e)
		return push_mount(w, e);
	w->unknown[w->current] = true;
	findings_add(w->f, EXIT_CODE_DONE, t->path,
		     "lies on loop device %u:%u, and the filesystem of its file \"%s\" cannot be found; if that filesystem is frozen too, %s must freeze first",
		     major, minor, path, t->path);
	return 0;
}

static int walk_device(struct walk *w, unsigned int major, unsigned int minor)
{
	char *dir, *path = NULL, *file;
	int ret = -ENOMEM;

	dir = text_format("%s/dev/block/%u:%u", w->machine->sysfs, major, minor);
	if (!dir)
		return -ENOMEM;
	path = text_format("%s/slaves", dir);
	if (!path)
		goto free_dir;
	ret = push_device_directory(w, path);
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
		ret = path ? push_device_attribute(w, path) : -ENOMEM;
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
		ret = push_loop_file(w, major, minor, file);
		free(file);
	} else if (ret == -ENOENT) {
		ret = 0;
	}

free_dir:
	free(dir);
	return ret;
}

static int push_source(struct walk *w, const char *source)
{
	unsigned int major, minor;

	if (strncmp(source, "/dev/", 5) || w->machine->block_device(source, &major, &minor))
		return 0;
	return push(w, false, major, minor);
}

static int push_option(struct walk *w, const struct mount_entry *e, const char *name)
{
	char *value = mounts_option(e, name);
	int ret;

	if (!value)
		return 0;
	ret = push_source(w, value);
	free(value);
	return ret;
}

static int fd_on(const struct walk *w, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; i < w->plan->n; i++)
		if (w->plan->v[i].major == e->major && w->plan->v[i].minor == e->minor)
			return w->plan->v[i].fd;
	return -1;
}

static int push_btrfs(struct walk *w, const struct mount_entry *e)
{
	char uuid[37], *path;
	int fd, opened = -1, ret;

	fd = fd_on(w, e);
	if (fd < 0)
		fd = opened = reach_superblock(w->mounts, w->machine, e->major, e->minor,
					       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, NULL);
	ret = fd < 0 ? fd : w->machine->btrfs_uuid(fd, uuid);
	if (opened >= 0)
		close(opened);
	/* without it at least the device that the mount table has */
	if (ret)
		return 0;
	path = text_format("%s/fs/btrfs/%s/devices", w->machine->sysfs, uuid);
	if (!path)
		return -ENOMEM;
	ret = push_device_directory(w, path);
	free(path);
	return ret;
}

static int push_overlay(struct walk *w, const struct mount_entry *e)
{
	char *upper = mounts_option(e, "upperdir");
	const struct mount_entry *below;
	int ret;

	if (!upper)
		return 0;
	ret = reach_path(w->mounts, w->machine, upper, NULL, &below);
	free(upper);
	return !ret || ret == -EHOSTUNREACH ? push_mount(w, below) : 0;
}

static int walk_superblock(struct walk *w, unsigned int major, unsigned int minor)
{
	const struct mount_entry *e = find_superblock(w, major, minor);
	int ret;

	if (major) {
		ret = push(w, false, major, minor);
		if (ret)
			return ret;
	}
	if (!e)
		return 0;
	if (!major) {
		ret = push_source(w, e->source);
		if (ret)
			return ret;
	}
	if (!strcmp(e->fstype, "btrfs"))
		return push_btrfs(w, e);
	if (!strcmp(e->fstype, "overlay"))
		return push_overlay(w, e);
	if (!strcmp(e->fstype, "xfs")) {
		ret = push_option(w, e, "logdev");
		return ret ? ret : push_option(w, e, "rtdev");
	}
	return 0;
}

static bool *below(const struct walk *w, size_t t, size_t u)
{
	return &w->below[t * w->plan->n + u];
}

/* Find all that lies below the current target */
static int walk_down(struct walk *w)
{
	const struct plan_target *t = &w->plan->v[w->current];
	size_t u;
	int ret;

	w->n_nodes = 0;
	ret = push(w, true, t->major, t->minor);
	for (w->done = 0; !ret && w->done < w->n_nodes; w->done++) {
		struct node node = w->nodes[w->done];

		ret = node.superblock ? walk_superblock(w, node.major, node.minor) :
					walk_device(w, node.major, node.minor);
	}
	/* the first one is the target itself, and nothing is met twice */
	for (w->done = 1; !ret && w->done < w->n_nodes; w->done++) {
		struct node node = w->nodes[w->done];

		for (u = 0; node.superblock && u < w->plan->n; u++)
			if (!w->plan->v[u].skip && w->plan->v[u].major == node.major &&
			    w->plan->v[u].minor == node.minor)
				*below(w, w->current, u) = true;
	}
	return ret;
}

/* Whatever is above t (or is t) is above u and all below u too */
static void put_below(struct walk *w, size_t t, size_t u)
{
	size_t n = w->plan->n, a, b;

	for (a = 0; a < n; a++) {
		if (a != t && !*below(w, a, t))
			continue;
		for (b = 0; b < n; b++)
			if (b == u || *below(w, u, b))
				*below(w, a, b) = true;
	}
}

static void assume_unknown(struct walk *w)
{
	size_t t, u;

	for (t = 0; t < w->plan->n; t++)
		for (u = 0; w->unknown[t] && u < w->plan->n; u++)
			if (u != t && !w->plan->v[u].skip && !w->plan->v[u].major &&
			    !*below(w, u, t))
				put_below(w, t, u);
}

/* The length of the longest chain above each; without a circle it can't grow longer than n - 1 */
static int count_levels(struct walk *w)
{
	size_t n = w->plan->n, round, t, u;
	bool changed = true;

	for (round = 0; changed; round++) {
		changed = false;
		if (round > n)
			return -ELOOP;
		for (t = 0; t < n; t++) {
			for (u = 0; u < n; u++) {
				if (!*below(w, t, u) ||
				    w->plan->v[u].level > w->plan->v[t].level)
					continue;
				w->plan->v[u].level = w->plan->v[t].level + 1;
				changed = true;
			}
		}
	}
	return 0;
}

/* Without sysfs all would freeze at once, and one that lies in a file of another could hang. */
static int warn_of_no_sysfs(const struct walk *w)
{
	char *devices = text_format("%s/dev/block", w->machine->sysfs);

	if (!devices)
		return -ENOMEM;
	if (plan_n_to_freeze(w->plan) > 1 && access(devices, F_OK))
		findings_add(w->f, EXIT_CODE_DONE, devices,
			     "cannot be read: %s; a filesystem that lies in a file on another must freeze first, and which ones do is unknown",
			     strerror(errno));
	free(devices);
	return 0;
}

int levels_assign(struct plan *plan, const struct mounts *m, const struct machine *machine,
		  struct findings *f)
{
	struct walk w = { .plan = plan, .mounts = m, .machine = machine, .f = f };
	size_t i;
	int ret;

	for (i = 0; i < plan->n; i++)
		plan->v[i].level = 0;
	w.below = calloc(plan->n * plan->n + 1, sizeof(*w.below));
	w.unknown = calloc(plan->n + 1, sizeof(*w.unknown));
	ret = w.below && w.unknown ? 0 : -ENOMEM;
	for (i = 0; !ret && i < plan->n; i++) {
		w.current = i;
		if (!plan->v[i].skip)
			ret = walk_down(&w);
	}
	if (!ret)
		ret = warn_of_no_sysfs(&w);
	if (!ret) {
		assume_unknown(&w);
		ret = count_levels(&w);
	}
	if (ret == -ELOOP)
		findings_add(f, EXIT_CODE_SYSTEM, NULL,
			     "the filesystems to freeze lie on each other in a circle, so no order to freeze them exists");
	else if (ret)
		findings_add(f, EXIT_CODE_SYSTEM, NULL,
			     "cannot find the order to freeze in: %s", strerror(-ret));
	free(w.nodes);
	free(w.unknown);
	free(w.below);
	return ret;
}
