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

#include "base/text.h"
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

/* One option of a superblock, as the kernel writes it; what it escapes is still escaped. */
struct option {
	const char *name, *value;	/* not terminated; @value is NULL if it has none */
	size_t name_size, size;
};

/* A comma in a value is escaped, so each comma that is one ends an option. */
static bool next_option(const char **options, struct option *option)
{
	const char *at = *options, *end = strchrnul(at, ','), *equals;

	if (!*at)
		return false;
	equals = memchr(at, '=', (size_t)(end - at));
	*option = (struct option){
		.name = at, .name_size = (size_t)((equals ? equals : end) - at),
		.value = equals ? equals + 1 : NULL,
		.size = equals ? (size_t)(end - equals - 1) : 0,
	};
	*options = *end ? end + 1 : end;
	return true;
}

static bool is_called(const struct option *option, const char *name)
{
	return option->name_size == strlen(name) && !memcmp(option->name, name, option->name_size);
}

static bool has_option(const char *options, const char *name)
{
	struct option option;

	while (next_option(&options, &option))
		if (is_called(&option, name))
			return true;
	return false;
}

static bool is_octal(const char *text, const char *end)
{
	return end - text >= 4 && text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
	       text[2] >= '0' && text[2] <= '7' && text[3] >= '0' && text[3] <= '7';
}

/*
 * A copy without the escapes of the mount table ("\054"), for free(); NULL without memory.
 * @slashes: the text below them has escapes of its own ("\,"), which are taken away, too
 */
static char *decode(const char *text, size_t size, bool slashes)
{
	const char *end = text + size;
	char *to, *from, *copy = malloc(size + 1);

	if (!copy)
		return NULL;
	for (to = copy; text < end; to++) {
		bool octal = is_octal(text, end);

		*to = octal ? (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')) :
			      *text;
		text += octal ? 4 : 1;
	}
	*to = '\0';
	for (to = from = copy; slashes && *from; to++, from++) {
		if (from[0] == '\\' && from[1])
			from++;
		*to = *from;
	}
	if (slashes)
		*to = '\0';
	return copy;
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

/*
 * libmount decodes the options of a superblock as a whole; where a path in them ends cannot be seen
 * then. So they are taken from the line. Lines are in the order of the entries.
 * Return: a copy, for free(), or NULL without memory.
 */
static char *options_of(const char **line, struct libmnt_fs *fs)
{
	const char *at, *end;
	int i;

	for (; **line; *line = *end ? end + 1 : end) {
		end = strchrnul(*line, '\n');
		if (atoi(*line) != mnt_fs_get_id(fs))
			continue;
		/* "... - TYPE SOURCE OPTIONS" */
		at = strstr(*line, " - ");
		for (i = 0; at && at < end && i < 3; i++)
			at = strchr(at + (i ? 1 : 2), ' ');
		if (i == 3 && at && at < end)
			return strndup(at + 1, strcspn(at + 1, " \n"));
	}
	return strdup("");
}

static int entry_fill(struct mount_entry *e, struct libmnt_fs *fs, const char **line)
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
		.options = options_of(line, fs),
		.pseudo = mnt_fs_is_pseudofs(fs) == 1,
	};

	if (!new.fstype || !new.source || !new.root || !new.mountpoint || !new.options) {
		entry_free(&new);
		return -ENOMEM;
	}
	new.read_only = has_option(new.options, "ro");
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
	const char *file = mountinfo ? mountinfo : "/proc/self/mountinfo", *line;
	struct libmnt_table *table;
	struct libmnt_iter *iter;
	struct libmnt_fs *fs;
	FILE *stream = NULL;
	int ret = -ENOMEM, n;
	char *text;

	*m = (struct mounts){};
	text = text_read(AT_FDCWD, file);
	if (!text)
		return errno ? -errno : -ENOMEM;
	table = mnt_new_table();
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	stream = fmemopen(text, strlen(text), "r");
	if (!table || !iter || !stream)
		goto unref;
	mnt_table_set_userdata(table, &m->n_unreadable);
	mnt_table_set_parser_errcb(table, on_bad_line);
	ret = mnt_table_parse_stream(table, stream, file);
	if (ret) {
		ret = ret < 0 ? ret : -EINVAL;
		goto unref;
	}
	n = mnt_table_get_nents(table);
	if (n > 0) {
		m->v = calloc((size_t)n, sizeof(*m->v));
		if (!m->v) {
			ret = -ENOMEM;
			goto unref;
		}
	}
	line = text;
	while (m->n < (size_t)n && mnt_table_next_fs(table, iter, &fs) == 0) {
		ret = entry_fill(&m->v[m->n], fs, &line);
		if (ret)
			goto unref;
		m->n++;
	}

unref:
	if (stream)
		fclose(stream);
	mnt_free_iter(iter);
	mnt_unref_table(table);
	free(text);
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
	const char *options = e->options;
	struct option option;

	while (next_option(&options, &option))
		if (option.size && is_called(&option, name))
			return decode(option.value, option.size, false);
	return NULL;
}

static int add_layer(struct text_list *layers, const char *value, size_t size, bool slashes)
{
	char *path = size ? decode(value, size, slashes) : NULL;
	int ret;

	if (!path)
		return size ? -ENOMEM : 0;
	ret = text_list_add(layers, path);
	free(path);
	return ret;
}

/*
 * "/a:/b::/data". A colon in a path is escaped as "\134:" or "\072": so it is the table that
 * says which colons are none, and not the text that it decodes to.
 */
static int add_lower(struct text_list *layers, const struct option *option)
{
	const char *start = option->value, *at, *end = start + option->size;
	int ret = 0;

	for (at = start; !ret && at <= end; at++) {
		if (end - at >= 4 && !memcmp(at, "\\134", 4)) {
			/* With the byte that it escapes, which may be escaped in turn. */
			at += is_octal(at + 4, end) ? 7 : 4;
			continue;
		}
		if (at < end && *at != ':')
			continue;
		ret = add_layer(layers, start, (size_t)(at - start), true);
		start = at + 1;
	}
	return ret;
}

int mounts_layers(const struct mount_entry *e, struct text_list *layers, bool *writable)
{
	const char *options = e->options;
	struct option option;
	int ret = 0;

	*writable = false;
	while (!ret && !*writable && next_option(&options, &option)) {
		if (!option.size || !is_called(&option, "upperdir"))
			continue;
		*writable = true;
		ret = add_layer(layers, option.value, option.size, true);
	}
	options = e->options;
	while (!ret && next_option(&options, &option)) {
		/* Each of the options with a "+" has one path, and only the table's escapes. */
		if (is_called(&option, "lowerdir"))
			ret = add_lower(layers, &option);
		else if (is_called(&option, "lowerdir+") || is_called(&option, "datadir+"))
			ret = add_layer(layers, option.value, option.size, false);
		else if (is_called(&option, "workdir"))
			ret = add_layer(layers, option.value, option.size, true);
	}
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
