// SPDX-License-Identifier: GPL-2.0-only
/* pins: the observer's sets of pins below /sys/fs/bpf */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "observer/pins.h"

#define LOCK_TRIES	1500
#define LOCK_PAUSE_MS	20

/* ---- pins ---- */

void observer_pin_path(char path[OBSERVER_PATH_MAX], const char *dir, const char *name)
{
	snprintf(path, OBSERVER_PATH_MAX, "%.100s/%.80s", dir, name);
}

bool observer_pin_exists(const char *dir, const char *name)
{
	char path[OBSERVER_PATH_MAX];
	struct stat st;

	observer_pin_path(path, dir, name);
	return !lstat(path, &st);
}

int observer_pin_open(const char *dir, const char *name)
{
	char path[OBSERVER_PATH_MAX];
	int fd;

	observer_pin_path(path, dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* ---- sets ---- */

bool observer_set_exists(const char *dir)
{
	struct stat st;

	return !lstat(dir, &st);
}

/*
 * Each pin is opened before it is removed and closed after that: the last close of a link waits until
 * its program is detached, which removing the pin doesn't.
 */
static int remove_folder(const char *dir, bool with_folders)
{
	char path[OBSERVER_PATH_MAX];
	struct dirent *entry;
	struct stat st;
	int fd, r = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		observer_pin_path(path, dir, entry->d_name);
		if (!lstat(path, &st) && S_ISDIR(st.st_mode)) {
			r = with_folders ? remove_folder(path, false) : -ENOTEMPTY;
			continue;
		}
		fd = bpf_obj_get(path);
		if (unlink(path) && errno != ENOENT)
			r = -errno;
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
	if (!r && rmdir(dir) && errno != ENOENT)
		r = -errno;
	return r;
}

int observer_set_remove(const char *dir)
{
	return remove_folder(dir, true);
}

/* Write the one entry of a map. */
static int write_entry(const char *dir, const char *name, const void *value)
{
	int fd = observer_pin_open(dir, name), r = 0;
	__u32 key = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
		r = -errno;
	close(fd);
	return r;
}

int observer_set_open_gate(const char *dir, const struct observer_about *about)
{
	return write_entry(dir, "gate", &about->number);
}

int observer_set_about(const char *dir, struct observer_about *about)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), key = 0;
	int fd = observer_pin_open(dir, "about"), r = 0;

	*about = (struct observer_about) {};
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.value_size != sizeof(*about))
		r = -EPROTO;
	else if (bpf_map_lookup_elem(fd, &key, about))
		r = -errno;
	close(fd);
	about->version[sizeof(about->version) - 1] = '\0';
	return r;
}

int observer_set_note(const char *dir, const struct observer_about *about)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char path[OBSERVER_PATH_MAX];
	__u32 key = 0;
	int fd, r = 0;

	if (observer_pin_exists(dir, "about"))
		return write_entry(dir, "about", about);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "about", sizeof(key), sizeof(*about), 1, &opts);
	if (fd < 0)
		return -errno;
	observer_pin_path(path, dir, "about");
	if (bpf_map_update_elem(fd, &key, about, BPF_ANY) || bpf_obj_pin(fd, path))
		r = -errno;
	close(fd);
	return r;
}

/* ---- one at a time ---- */

/* No pins go into a folder that another user has made. */
static int check_owner(const char *dir, struct findings *f)
{
	struct stat st;

	if (lstat(dir, &st) || (S_ISDIR(st.st_mode) && st.st_uid == geteuid()))
		return 0;
	findings_add(f, EXIT_CODE_USAGE, dir,
		     "is not a directory of this user's, but belongs to user %u, who could change the observer's parts; remove it",
		     (unsigned int)st.st_uid);
	return -EPERM;
}

/* Whoever had the lock removes its folder: what was locked may be no more. */
static bool is_locked(int fd)
{
	struct stat by_fd, by_name;

	return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &by_fd) &&
	       !lstat(OBSERVER_LOCK_DIR, &by_name) && by_fd.st_ino == by_name.st_ino;
}

int observer_sets_lock(struct findings *f)
{
	int fd, i;

	if (check_owner(OBSERVER_LOCK_DIR, f) || check_owner(OBSERVER_NEW_DIR, f) ||
	    check_owner(OBSERVER_OLD_DIR, f) || check_owner(OBSERVER_DIR, f))
		return -EPERM;
	for (i = 0; i < LOCK_TRIES; i++) {
		if (mkdir(OBSERVER_LOCK_DIR, 0700) && errno != EEXIST)
			return -errno;
		fd = open(OBSERVER_LOCK_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd >= 0 && is_locked(fd))
			return fd;
		if (fd >= 0)
			close(fd);
		nanosleep(&(struct timespec) { .tv_nsec = LOCK_PAUSE_MS * 1000000 }, NULL);
	}
	findings_add(f, EXIT_CODE_SYSTEM, OBSERVER_LOCK_DIR,
		     "another process has been loading or unloading the observer for half a minute; try again when it has ended");
	return -EBUSY;
}

void observer_sets_unlock(int lock)
{
	rmdir(OBSERVER_LOCK_DIR);
	close(lock);
}

int observer_sets_tidy(void)
{
	struct observer_about about;
	int r;

	/* The old one had made way for the new one, which had not taken its place. */
	if (!observer_set_exists(OBSERVER_DIR) && rename(OBSERVER_OLD_DIR, OBSERVER_DIR) &&
	    errno != ENOENT)
		return -errno;
	/* The new one had taken its place, and was not at work yet. */
	if (!observer_set_about(OBSERVER_DIR, &about))
		observer_set_open_gate(OBSERVER_DIR, &about);
	r = observer_set_remove(OBSERVER_NEW_DIR);
	return r ? r : observer_set_remove(OBSERVER_OLD_DIR);
}
