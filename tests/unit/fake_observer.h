/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fake_observer: an observer whose maps are what a test says. For programs that are linked with
 * --wrap for each of its functions; one source file includes it.
 */
#ifndef FREEZEGUARD_TEST_FAKE_OBSERVER_H
#define FREEZEGUARD_TEST_FAKE_OBSERVER_H

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "observer/read.h"

#define FAKE_MAX 8

static struct {
	struct {
		dev_t dev;
		struct fw_frozen value;
	} frozen[FAKE_MAX];
	struct {
		dev_t dev;
		struct fw_filesystem value;
		/* how often it is asked for before the last writer goes on */
		unsigned int asked, ends_after;
	} filesystems[FAKE_MAX];
	struct {
		uint32_t thread;
		struct fw_writer value;
	} writers[FAKE_MAX];
	size_t n_frozen, n_filesystems, n_writers;
	struct fw_totals totals;
	/* which one is loaded; 0: none */
	uint64_t instance;
	unsigned int opened, closed;
	int error;
} fake;

/* Only its address counts. */
static char fake_handle;
#define FAKE ((struct observer *)&fake_handle)

static inline struct fw_frozen *fake_frozen(unsigned int major, unsigned int minor)
{
	fake.frozen[fake.n_frozen].dev = makedev(major, minor);
	return &fake.frozen[fake.n_frozen++].value;
}

static inline struct fw_filesystem *fake_filesystem(unsigned int major, unsigned int minor)
{
	fake.filesystems[fake.n_filesystems].dev = makedev(major, minor);
	return &fake.filesystems[fake.n_filesystems++].value;
}

int __wrap_observer_open(struct observer **observer);
void __wrap_observer_close(struct observer *observer);
const char *__wrap_observer_why(int error);
bool __wrap_observer_frozen(struct observer *observer, dev_t dev, struct fw_frozen *frozen);
bool __wrap_observer_filesystem(struct observer *observer, dev_t dev, struct fw_filesystem *fs);
int __wrap_observer_totals(struct observer *observer, struct fw_totals *totals);
int __wrap_observer_each_frozen(struct observer *observer,
				int (*visit)(dev_t dev, const struct fw_frozen *frozen, void *data),
				void *data);
int __wrap_observer_each_filesystem(struct observer *observer,
				    int (*visit)(dev_t dev, const struct fw_filesystem *fs,
						 void *data), void *data);
int __wrap_observer_each_writer(struct observer *observer,
				int (*visit)(uint32_t thread, const struct fw_writer *writer,
					     void *data), void *data);

uint64_t __wrap_observer_instance(void);
int __wrap_observer_events_from_now(struct observer *observer, struct observer_cursor *cursor);
int __wrap_observer_next_event(struct observer *observer, struct observer_cursor *cursor,
			       struct fw_event *event);

int __wrap_observer_open(struct observer **observer)
{
	fake.opened += !fake.error;
	*observer = fake.error ? NULL : FAKE;
	return fake.error;
}

void __wrap_observer_close(struct observer *observer)
{
	fake.closed += !!observer;
}

const char *__wrap_observer_why(int error)
{
	return error == -ENOENT ? "none is loaded" : "something is wrong";
}

bool __wrap_observer_frozen(struct observer *observer, dev_t dev, struct fw_frozen *frozen)
{
	size_t i;

	(void)observer;
	for (i = 0; i < fake.n_frozen; i++) {
		if (fake.frozen[i].dev == dev) {
			*frozen = fake.frozen[i].value;
			return true;
		}
	}
	return false;
}

bool __wrap_observer_filesystem(struct observer *observer, dev_t dev, struct fw_filesystem *fs)
{
	size_t i;

	(void)observer;
	for (i = 0; i < fake.n_filesystems; i++) {
		if (fake.filesystems[i].dev != dev)
			continue;
		*fs = fake.filesystems[i].value;
		if (fake.filesystems[i].asked++ >= fake.filesystems[i].ends_after)
			fs->last.ended = fs->last.waits;
		return true;
	}
	return false;
}

int __wrap_observer_totals(struct observer *observer, struct fw_totals *totals)
{
	(void)observer;
	*totals = fake.totals;
	return 0;
}

int __wrap_observer_each_frozen(struct observer *observer,
				int (*visit)(dev_t dev, const struct fw_frozen *frozen, void *data),
				void *data)
{
	size_t i;
	int r = 0;

	(void)observer;
	for (i = 0; !r && i < fake.n_frozen; i++)
		r = visit(fake.frozen[i].dev, &fake.frozen[i].value, data);
	return r;
}

int __wrap_observer_each_filesystem(struct observer *observer,
				    int (*visit)(dev_t dev, const struct fw_filesystem *fs,
						 void *data), void *data)
{
	size_t i;
	int r = 0;

	(void)observer;
	for (i = 0; !r && i < fake.n_filesystems; i++)
		r = visit(fake.filesystems[i].dev, &fake.filesystems[i].value, data);
	return r;
}

int __wrap_observer_each_writer(struct observer *observer,
				int (*visit)(uint32_t thread, const struct fw_writer *writer,
					     void *data), void *data)
{
	size_t i;
	int r = 0;

	(void)observer;
	for (i = 0; !r && i < fake.n_writers; i++)
		r = visit(fake.writers[i].thread, &fake.writers[i].value, data);
	return r;
}

uint64_t __wrap_observer_instance(void)
{
	return fake.instance;
}

int __wrap_observer_events_from_now(struct observer *observer, struct observer_cursor *cursor)
{
	(void)observer;
	*cursor = (struct observer_cursor) { .next = fake.totals.next_event,
					     .lost_by_kernel = fake.totals.lost_events };
	return 0;
}

/* Its events are their numbers: each happened at that time. */
int __wrap_observer_next_event(struct observer *observer, struct observer_cursor *cursor,
			       struct fw_event *event)
{
	(void)observer;
	cursor->lost += fake.totals.lost_events - cursor->lost_by_kernel;
	cursor->lost_by_kernel = fake.totals.lost_events;
	if (cursor->next >= fake.totals.next_event)
		return 0;
	*event = (struct fw_event) { .time_ns = cursor->next++ };
	return 1;
}

#endif
