/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pins: where the observer's parts are pinned, and what they are as a whole: a set. A set is
 * a folder: its maps and iterators by name, the other programs' links in "links", and "about". For
 * those who load and who read.
 */
#ifndef FREEZEGUARD_OBSERVER_PINS_H
#define FREEZEGUARD_OBSERVER_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/findings.h"

#define BPFFS_DIR		"/sys/fs/bpf"
#define OBSERVER_DIR		BPFFS_DIR "/freezeguard"
/* Being loaded; the one before, while it is replaced; the lock of a load or unload. */
#define OBSERVER_NEW_DIR	OBSERVER_DIR "-new"
#define OBSERVER_OLD_DIR	OBSERVER_DIR "-old"
#define OBSERVER_LOCK_DIR	OBSERVER_DIR "-lock"

/* Room for every path of a pin, with the terminating NUL. */
#define OBSERVER_PATH_MAX	192

/**
 * struct observer_about - map "about" of a set, one entry
 * @version: of the freezectl that loaded it
 * @build: observer_programs_build() of its programs
 * @number: the set's: the one that is in the map "gate" is at work; when it was loaded, CLOCK_BOOTTIME
 * @counting_ns: since when the totals are counted
 * @settled: what was frozen before it came has been looked for
 */
struct observer_about {
	char version[32];
	uint64_t build;
	uint64_t number;
	uint64_t counting_ns;
	uint64_t settled;
};

/** observer_pin_path() - of the pin @name in the set @dir, into @path */
void observer_pin_path(char path[OBSERVER_PATH_MAX], const char *dir, const char *name);

/** observer_pin_exists() - is there such a pin, or folder? */
bool observer_pin_exists(const char *dir, const char *name);

/** observer_pin_open() - Return: a descriptor, or a negative errno. */
int observer_pin_open(const char *dir, const char *name);

/** observer_set_exists() - is there a set under this name, whole or not? */
bool observer_set_exists(const char *dir);

/**
 * observer_set_remove() - detach and unpin everything that is in a set
 * @dir: which; not there is fine
 *
 * Return: 0 when none of its programs can run any more, or a negative errno.
 */
int observer_set_remove(const char *dir);

/** observer_set_open_gate() - let this set be at work, and no other. Return: 0 or a negative errno. */
int observer_set_open_gate(const char *dir, const struct observer_about *about);

/** observer_set_about() - what a set is. Return: 0 or a negative errno. */
int observer_set_about(const char *dir, struct observer_about *about);

/** observer_set_note() - write down what a set is. Return: 0 or a negative errno. */
int observer_set_note(const char *dir, const struct observer_about *about);

/**
 * observer_sets_lock() - let nobody else load or unload
 * @f: gets the reason where the error is -EBUSY (another one has been at it for half a minute) or
 *	-EPERM (one of the folders is another user's)
 *
 * Return: for observer_sets_unlock(), or a negative errno.
 */
int observer_sets_lock(struct findings *f);
void observer_sets_unlock(int lock);

/**
 * observer_sets_tidy() - remove what a load has left that was killed, or failed
 *
 * Then at most the set OBSERVER_DIR is there, and at work. The lock is held.
 *
 * Return: 0 or a negative errno.
 */
int observer_sets_tidy(void);

#endif
