/* SPDX-License-Identifier: GPL-2.0-only */
/* What an operation of the filesystem is told to do, and the doing of it. */
#ifndef FGTESTFS_INJECT_H
#define FGTESTFS_INJECT_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/* Room for the longest text that describes a behaviour. */
#define INJECT_TEXT_MAX		48

enum inject_kind {
	INJECT_OK,
	INJECT_FAIL,
	INJECT_SLEEP,
	INJECT_HANG,
};

/* A behaviour, as told. */
struct inject_what {
	enum inject_kind kind;
	unsigned int error;	/* of INJECT_FAIL: a positive errno */
	unsigned int times;	/* of INJECT_FAIL: how many calls more, 0: all */
	unsigned int sleep_ms;	/* of INJECT_SLEEP */
};

/* One operation of one superblock. @lock guards all but @queue. */
struct inject {
	spinlock_t lock;
	struct inject_what what;
	unsigned int calls;	/* so far */
	unsigned int inside;	/* calls that sleep or hang now */
	unsigned int generation;	/* a change of it ends every hang of an older one */
	unsigned int release_error;	/* what those return, as a positive errno or 0 */
	wait_queue_head_t queue;
};

void inject_init(struct inject *inject, const struct inject_what *what);
int inject_parse(const char *text, struct inject_what *what);
int inject_print(struct inject *inject, char *text, size_t size);
void inject_tell(struct inject *inject, const struct inject_what *what);
void inject_release(struct inject *inject, unsigned int error);
void inject_counts(struct inject *inject, unsigned int *calls, unsigned int *inside);
int inject_run(struct inject *inject);

#endif
