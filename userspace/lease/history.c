// SPDX-License-Identifier: GPL-2.0-only
/*
 * history: one line of JSON for each lease. Writers exclude each other by a lock on the file, and add
 * what is not in it yet, in one write. A line that a crash cut off is passed over by readers; the next
 * writer ends it first. A file that was trimmed replaces the old one by a rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "lease/history.h"
#include "show/history.h"

/* Others hold the lock for as long as they write. */
#define LOCK_TRIES	200
#define LOCK_WAIT_US	10000
/* One lease of hundreds of filesystems is not to displace all others. */
#define LINE_MAX	(HISTORY_BYTES_MAX / 8)
/* What others have added in the last moments is at the end of the file. */
#define TAIL_BYTES	(16 * 1024)

#define KEY		"\"key\":\""

/* The open and locked file. It may have been replaced between the two. */
static int open_locked(const char *path)
{
	struct stat ours, there;
	int fd, i;

	for (i = 0; i < LOCK_TRIES; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		if (fd < 0)
			return -errno;
		if (fstat(fd, &ours) || !S_ISREG(ours.st_mode)) {
			close(fd);
			return -EINVAL;
		}
		if (!flock(fd, LOCK_EX | LOCK_NB) && !stat(path, &there) &&
		    there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
			return fd;
		close(fd);
		usleep(LOCK_WAIT_US);
	}
	return -EAGAIN;
}

/* The line of an entry with its newline, for free(); NULL without memory. */
static char *line_of(struct json_object *entry)
{
	const char *text = json_object_to_json_string_ext(entry, JSON_C_TO_STRING_PLAIN);

	if (text && strlen(text) >= LINE_MAX) {
		json_object_object_del(entry, "filesystems");
		text = json_object_to_json_string_ext(entry, JSON_C_TO_STRING_PLAIN);
	}
	return text ? text_format("%s\n", text) : NULL;
}

/* The number behind "BOOT:" of the last line that has a key of this boot; 0: there is none. */
static unsigned long long last_number(const char *text, const char *key)
{
	int boot = (int)strcspn(key, ":") + 1;
	char *begin = text_format(KEY "%.*s", boot, key);
	const char *at = text, *last = NULL;
	unsigned long long number;

	while (begin && (at = strstr(at, begin)))
		last = at += strlen(begin);
	number = last ? strtoull(last, NULL, 10) : 0;
	free(begin);
	return number;
}

static bool has_key(const char *text, const char *key)
{
	char *whole = text_format(KEY "%s\"", key);
	bool found = whole && strstr(text, whole);

	free(whole);
	return found;
}

static int write_whole(int fd, const char *text, size_t n)
{
	ssize_t written = write(fd, text, n);

	if (written < 0)
		return -errno;
	return (size_t)written == n ? 0 : -ENOSPC;
}

/* Replace the file by its newer half and what is new. */
static int trim(const char *path, const char *old, const char *new)
{
	const char *half = strchr(old + strlen(old) / 2, '\n');
	char *temporary = text_format("%s.new", path);
	int fd, r;

	if (!temporary)
		return -ENOMEM;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
	} else {
		r = half ? write_whole(fd, half + 1, strlen(half + 1)) : 0;
		r = r ? r : write_whole(fd, new, strlen(new));
		if (!r && fsync(fd))
			r = -errno;
		close(fd);
		if (!r && rename(temporary, path))
			r = -errno;
		if (r)
			unlink(temporary);
	}
	free(temporary);
	return r;
}

/* What is not in @text yet, as lines; those that are are removed from @entries. */
static char *new_lines(const char *text, struct json_object *entries)
{
	bool ended = !*text || text[strlen(text) - 1] == '\n';
	char *lines = text_copy(ended ? "" : "\n"), *line, *more;
	size_t i;

	for (i = 0; lines && i < json_object_array_length(entries); ) {
		struct json_object *entry = json_object_array_get_idx(entries, i);

		if (has_key(text, show_history_key(entry))) {
			json_object_array_del_idx(entries, i, 1);
			continue;
		}
		line = line_of(entry);
		more = line ? text_format("%s%s", lines, line) : NULL;
		free(line);
		free(lines);
		lines = more;
		i++;
	}
	return lines;
}

/* A file from an offset on, for free(); NULL and errno. A crash may have left null bytes in it. */
static char *read_from(int fd, off_t from, off_t size)
{
	char *text = malloc((size_t)(size - from) + 1), *hole;
	ssize_t n = text ? pread(fd, text, (size_t)(size - from), from) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	while ((hole = memchr(text, '\0', (size_t)n)))
		*hole = ' ';
	return text;
}

static int trim_file(int fd, off_t size, const char *path, const char *lines)
{
	char *text = read_from(fd, 0, size);
	int r = text ? trim(path, text, lines) : -ENOMEM;

	free(text);
	return r;
}

static int add_locked(int fd, const char *path, struct json_object *entries, bool fresh, bool *gap)
{
	const char *key = show_history_key(json_object_array_get_idx(entries, 0));
	unsigned long long number = strtoull(key + strcspn(key, ":") + !!*key, NULL, 10);
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = read_from(fd, fresh && size > TAIL_BYTES ? size - TAIL_BYTES : 0, size), *lines;
	int r = 0;

	if (!text)
		return -ENOMEM;
	*gap = number > last_number(text, key) + 1;
	lines = new_lines(text, entries);
	if (!lines)
		r = -ENOMEM;
	else if (json_object_array_length(entries))
		r = (size_t)size + strlen(lines) > HISTORY_BYTES_MAX ?
		    trim_file(fd, size, path, lines) : write_whole(fd, lines, strlen(lines));
	free(lines);
	free(text);
	return r;
}

/**
 * history_add() - add leases to the file, each once
 * @dir: where it is; made if it is not there
 * @entries: of show_history_json(), at least one; those that the file has already are removed
 * @fresh: they have ended a moment ago, so the end of the file shows whether it has them
 * @gap: set to whether the file may lack leases of this boot that are older than the first one
 *
 * May wait for a frozen filesystem.
 *
 * Return: 0; -EAGAIN another process keeps it locked; -ENOMEM; another negative errno of writing.
 */
int history_add(const char *dir, struct json_object *entries, bool fresh, bool *gap)
{
	char *path = text_format("%s/" HISTORY_FILE, dir);
	int fd, r;

	*gap = false;
	if (!path)
		return -ENOMEM;
	if (mkdir(dir, 0700) && errno != EEXIST) {
		r = -errno;
	} else {
		r = fd = open_locked(path);
		if (fd >= 0) {
			r = add_locked(fd, path, entries, fresh, gap);
			close(fd);
		}
	}
	free(path);
	return r;
}

/**
 * history_read() - read the file
 * @dir: where it is
 * @entries: set to an array, in the file's order; what is no entry is left out
 *
 * Return: 0, also if there is no file; -ENOMEM; another negative errno of reading.
 */
int history_read(const char *dir, struct json_object **entries)
{
	char *path = text_format("%s/" HISTORY_FILE, dir), *text, *line, *rest;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	int r = fd < 0 && errno != ENOENT ? -errno : 0;

	*entries = json_object_new_array();
	free(path);
	if (fd < 0)
		return r;
	rest = text = read_from(fd, 0, lseek(fd, 0, SEEK_END));
	if (!text)
		r = -errno;
	close(fd);
	while (rest && (line = strsep(&rest, "\n"))) {
		struct json_object *entry = json_tokener_parse(line);

		if (json_object_is_type(entry, json_type_object) && *show_history_key(entry))
			json_object_array_add(*entries, entry);
		else
			json_object_put(entry);
	}
	free(text);
	return r;
}
