// SPDX-License-Identifier: GPL-2.0-only
/*
 * mounts: the mount table of this mount namespace, copied out of libmount, so that nothing else has
 * to know it. Reading it touches no filesystem but proc: a dead server's mount can't stop us.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <libmount/libmount.h>

#include "base/util.h"
#include "plan/mounts.h"

/* Those that libmount doesn't count as network filesystems. */
static const char *const more_network_types[] = {
	"acfs", "beegfs", "ceph", "coda", "glusterfs", "gpfs", "lustre", "orangefs", "panfs", "pvfs2",
	"vboxsf", "virtiofs", "wekafs",
};

static bool is_more_network(const char *fstype)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more_network_types); i++)
		if (!strcmp(fstype, more_network_types[i]))
			return true;
	return false;
}

static bool has_option(const char *options, const char *name)
{
	return options && mnt_optstr_get_option(options, name, NULL, NULL) == 0;
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static void entry_free(struct mount_entry *e)
{
	free(e->fstype);
	free(e->source);
	free(e->root);
	free(e->mountpoint);
	free(e->options);
}

static int entry_fill(struct mount_entry *e, struct libmnt_fs *fs)
{
	dev_t dev = mnt_fs_get_devno(fs);
	struct mount_entry new = {
		.id = mnt_fs_get_id(fs),
		.parent_id = mnt_fs_get_parent_id(fs),
		.major = major(dev),
		.minor = minor(dev),
		.fstype = copy(mnt_fs_get_fstype(fs)),
		.source = copy(mnt_fs_get_source(fs)),
		.root = copy(mnt_fs_get_root(fs)),
		.mountpoint = copy(mnt_fs_get_target(fs)),
		.options = copy(mnt_fs_get_fs_options(fs)),
		.read_only = has_option(mnt_fs_get_fs_options(fs), "ro"),
		.pseudo = mnt_fs_is_pseudofs(fs) == 1,
	};

	if (!new.fstype || !new.source || !new.root || !new.mountpoint || !new.options) {
		entry_free(&new);
		return -ENOMEM;
	}
	new.network = mnt_fs_is_netfs(fs) == 1 || is_more_network(new.fstype);
	*e = new;
	return 0;
}

/* libmount calls this for a line it can't read; 1 means: go on with the next one */
static int on_bad_line(struct libmnt_table *table, const char *filename, int line)
{
	size_t *n_unreadable = mnt_table_get_userdata(table);

	(void)filename;
	(void)line;
	++*n_unreadable;
	return 1;
}

int mounts_read(struct mounts *m, const char *mountinfo)
{
	struct libmnt_table *table;
	struct libmnt_iter *iter;
	struct libmnt_fs *fs;
	int ret, n;

	*m = (struct mounts){};
	table = mnt_new_table();
	if (!table)
		return -ENOMEM;
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	if (!iter) {
		ret = -ENOMEM;
		goto unref_table;
	}
	mnt_table_set_userdata(table, &m->n_unreadable);
	mnt_table_set_parser_errcb(table, on_bad_line);
	ret = mnt_table_parse_file(table, mountinfo ? mountinfo : "/proc/self/mountinfo");
	if (ret) {
		ret = ret < 0 ? ret : -EINVAL;
		goto free_iter;
	}
	n = mnt_table_get_nents(table);
	if (n > 0) {
		m->v = calloc((size_t)n, sizeof(*m->v));
		if (!m->v) {
			ret = -ENOMEM;
			goto free_iter;
		}
	}
	while (m->n < (size_t)n && mnt_table_next_fs(table, iter, &fs) == 0) {
		ret = entry_fill(&m->v[m->n], fs);
		if (ret)
			goto free_iter;
		m->n++;
	}

free_iter:
	mnt_free_iter(iter);
unref_table:
	mnt_unref_table(table);
	if (ret)
		mounts_free(m);
	return ret;
}

void mounts_free(struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		entry_free(&m->v[i]);
	free(m->v);
	*m = (struct mounts){};
}

const struct mounts *mounts_once(struct mounts_once *once)
{
	if (!once->read && mounts_read(&once->mounts, NULL))
		once->mounts = (struct mounts){};
	once->read = true;
	return &once->mounts;
}

void mounts_once_free(struct mounts_once *once)
{
	mounts_free(&once->mounts);
	once->read = false;
}

const struct mount_entry *mounts_find(const struct mounts *m, int id)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

bool mounts_same_superblock(const struct mount_entry *a, const struct mount_entry *b)
{
	return a && b && a->major == b->major && a->minor == b->minor;
}

bool mounts_is_fuse(const struct mount_entry *e)
{
	return !strcmp(e->fstype, "fuse") || !strcmp(e->fstype, "fuseblk") ||
	       !strncmp(e->fstype, "fuse.", 5) || !strncmp(e->fstype, "fuseblk.", 8);
}

bool mounts_is_overlay(const struct mount_entry *e)
{
	return !strcmp(e->fstype, "overlay");
}

/* The mount on this directory of another one: its path is the first @len bytes of @path */
static const struct mount_entry *mounted_on(const struct mounts *m, const struct mount_entry *on,
					    const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct mount_entry *e = &m->v[i];

		if (e->parent_id == on->id && e != on && !strncmp(e->mountpoint, path, len) &&
		    !e->mountpoint[len])
			return e;
	}
	return NULL;
}

/* What is mounted over the root directory later does not change where paths begin. */
static const struct mount_entry *root_of(const struct mounts *m)
{
	const struct mount_entry *parent;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].mountpoint, "/"))
			continue;
		parent = mounts_find(m, m->v[i].parent_id);
		if (!parent || parent == &m->v[i] || strcmp(parent->mountpoint, "/"))
			return &m->v[i];
	}
	return NULL;
}

const struct mount_entry *mounts_at(const struct mounts *m, const char *path)
{
	const struct mount_entry *e = root_of(m), *next;
	const char *end = path;
	size_t n = 0;

	while (e && end[strspn(end, "/")]) {
		end = strchrnul(end + 1, '/');
		/* A table that makes no sense may have a circle. */
		while (n < m->n && (next = mounted_on(m, e, path, (size_t)(end - path)))) {
			e = next;
			n++;
		}
	}
	return e;
}

int mounts_id_of_fd(int fd)
{
	struct statx sx;

	/* DONT_SYNC: a network filesystem needn't ask its server for that */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	return (int)sx.stx_mnt_id;
}

char *mounts_option(const struct mount_entry *e, const char *name)
{
	char *value = NULL;
	size_t size = 0;

	if (mnt_optstr_get_option(e->options, name, &value, &size) || !value || !size)
		return NULL;
	return strndup(value, size);
}

/* "/a:/b::/data"; "\\:" is a colon */
static int add_lower(struct text_list *layers, char *list)
{
	char *from, *to, *start, end;
	int ret = 0;

	for (from = to = start = list; !ret; from++) {
		if (from[0] == '\\' && from[1]) {
			*to++ = *++from;
			continue;
		}
		end = *from;
		if (end && end != ':') {
			*to++ = end;
			continue;
		}
		*to = '\0';
		if (*start)
			ret = text_list_add(layers, start);
		if (!end)
			break;
		start = to = from + 1;
	}
	return ret;
}

static int add_layers(struct text_list *layers, const char *name, size_t name_size,
		      const char *value, size_t size)
{
	bool is_list = name_size == 8 && !strncmp(name, "lowerdir", 8);
	char *text;
	int ret;

	if (!value || (strncmp(name, "lowerdir", 8) && strncmp(name, "datadir", 7) &&
		       strncmp(name, "workdir", 7)))
		return 0;
	text = strndup(value, size);
	if (!text)
		return -ENOMEM;
	ret = is_list ? add_lower(layers, text) : text_list_add(layers, text);
	free(text);
	return ret;
}

int mounts_layers(const struct mount_entry *e, struct text_list *layers, bool *writable)
{
	char *options = e->options, *name, *value, *upper = mounts_option(e, "upperdir");
	size_t name_size, size;
	int ret = 0;

	*writable = upper;
	if (upper)
		ret = text_list_add(layers, upper);
	free(upper);
	while (!ret && !mnt_optstr_next_option(&options, &name, &name_size, &value, &size))
		ret = add_layers(layers, name, name_size, value, size);
	return ret;
}

int mounts_fstab(const char *fstab, struct text_list *mountpoints)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int ret = table && iter ? 0 : -ENOMEM;

	/* A file that isn't there has no lines. */
	if (!ret && mnt_table_parse_fstab(table, fstab) == -ENOMEM)
		ret = -ENOMEM;
	while (!ret && mnt_table_next_fs(table, iter, &fs) == 0) {
		const char *target = mnt_fs_get_target(fs);
		char path[PATH_MAX];
		size_t n;

		if (!target || target[0] != '/' || mnt_fs_is_swaparea(fs) == 1)
			continue;
		snprintf(path, sizeof(path), "%s", target);
		for (n = strlen(path); n && path[n - 1] == '/'; n--)
			path[n - 1] = '\0';
		if (n)
			ret = text_list_add(mountpoints, path);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return ret;
}
