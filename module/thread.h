/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * thread: kernel threads that freeze or thaw, made once and parked for a while between two uses.
 *
 * The module cannot be unloaded while a thread is in use. Parked threads do not keep it.
 */
#ifndef FG_THREAD_H
#define FG_THREAD_H

#include <linux/list.h>
#include <linux/types.h>

#include <linux/freezeguard.h>

struct task_struct;

/**
 * struct fg_thread - a thread
 * @parked: entry in the list of parked threads, or empty
 * @task: its task
 * @fn: what it shall do, or NULL
 * @data: for @fn
 * @dev: device number of the superblock that it works for
 * @class: enum freezeguard_class of a thread that thaws; 0 for one that freezes, an ordinary one
 * @reserved_us: what fg_thread_boost() has reserved for it
 */
struct fg_thread {
	struct list_head parked;
	struct task_struct *task;
	void (*fn)(void *data);
	void *data;
	dev_t dev;
	enum freezeguard_class class;
	unsigned int reserved_us;
};

struct fg_thread *fg_thread_take(dev_t dev, bool thaws);
void fg_thread_run(struct fg_thread *thread, void (*fn)(void *data), void *data);
void fg_thread_exit(void);

#endif /* FG_THREAD_H */
