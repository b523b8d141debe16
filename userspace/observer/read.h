/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read: the BPF programs that see every freeze and thaw of the machine. Loads and unloads them,
 * and reads what they know. With observer.c and the loader behind it the only files that know libbpf.
 *
 * Reading works without the loader, from the maps pinned below OBSERVER_DIR. Every reader may find
 * no observer: that is no error, and what can't be known then has to be said.
 */
#ifndef FREEZEGUARD_OBSERVER_READ_H
#define FREEZEGUARD_OBSERVER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "observer_maps.h"

struct observer;

/**
 * observer_open() - for reading
 * @observer: set on success; observer_close() it
 *
 * Reads the maps' descriptors only: nothing on a frozen filesystem, nothing that blocks.
 *
 * Return: 0, or a negative errno: -ENOENT: none is loaded (or no bpffs is mounted); -EPERM: not
 * permitted to; -EPROTO: one with another layout of its maps is loaded: load the one of this freezectl.
 */
int observer_open(struct observer **observer);
void observer_close(struct observer *observer);

/**
 * observer_instance() - which one is loaded
 * Return: a number that differs between two that were loaded one after the other; 0: none is.
 */
uint64_t observer_instance(void);

/**
 * observer_why() - a sentence for people why observer_open() failed, and what to do
 * @error: what it returned
 */
const char *observer_why(int error);

/**
 * observer_frozen() - what is known of a superblock that is frozen now, or being frozen
 * Return: false: it isn't, as far as the observer knows.
 */
bool observer_frozen(struct observer *observer, dev_t dev, struct fw_frozen *frozen);

/**
 * observer_filesystem() - counters of a superblock, and its newest freeze
 * Return: false: it has not been frozen since it was mounted, as far as the observer knows.
 */
bool observer_filesystem(struct observer *observer, dev_t dev, struct fw_filesystem *filesystem);

/** observer_totals() - of all filesystems. Return: 0 or a negative errno. */
int observer_totals(struct observer *observer, struct fw_totals *totals);

/**
 * observer_each_frozen(), observer_each_filesystem(), observer_each_writer() - walk a map
 * @visit: called for each, in order of device (of device and thread); an error ends the walk
 *
 * What comes and goes meanwhile may be missed; nothing is visited twice.
 *
 * Return: 0, what @visit returned, or a negative errno.
 */
int observer_each_frozen(struct observer *observer,
			 int (*visit)(dev_t dev, const struct fw_frozen *frozen, void *data),
			 void *data);
int observer_each_filesystem(struct observer *observer,
			     int (*visit)(dev_t dev, const struct fw_filesystem *fs, void *data),
			     void *data);
int observer_each_writer(struct observer *observer,
			 int (*visit)(uint32_t thread, const struct fw_writer *writer, void *data),
			 void *data);

/**
 * struct observer_cursor - a place in the stream of events
 * @next: number of the next event to read
 * @lost: events that were overwritten before they were read, or never recorded
 */
struct observer_cursor {
	uint64_t next;
	uint64_t lost;
	uint64_t lost_by_kernel;
};

/** observer_events_from_now() - set a cursor to the end of the stream. Return: 0 or a negative errno. */
int observer_events_from_now(struct observer *observer, struct observer_cursor *cursor);

/**
 * observer_next_event() - read the event at the cursor and move on
 * Return: 1: *@event is it; 0: there is none yet (ask again: the stream has no wake-up); or a negative
 * errno. What was lost before it is added to @cursor->lost.
 */
int observer_next_event(struct observer *observer, struct observer_cursor *cursor,
			struct fw_event *event);

#endif /* FREEZEGUARD_OBSERVER_READ_H */
