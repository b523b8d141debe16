// SPDX-License-Identifier: GPL-2.0-only
/*
 * thread: kernel threads that are made once, and parked for a while between two uses.
 *
 * A thread has the name of one superblock's device, and works for that superblock only: the name of
 * a kernel thread cannot be changed later. It also keeps its class. A thread that leaves
 * SCHED_DEADLINE and comes back within a period spoils the kernel's count of what is reserved, in
 * 7.3 at least, until nobody gets SCHED_DEADLINE any more. So no thread leaves it: one that thaws with
 * SCHED_FIFO asks for SCHED_DEADLINE each time it is taken, and one whose class a rescue has changed
 * exits.
 */
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "compat/compat.h"
#include "thread.h"

/* How many threads are parked at most, and for how long. */
#define FG_PARKED_MAX	256
#define FG_PARKED_S	10

static DEFINE_SPINLOCK(fg_parked_lock);
static LIST_HEAD(fg_parked);		/* the last one parked is first */
static unsigned int fg_nr_parked;
static atomic_t fg_nr_used;		/* threads that are not parked */

/* The calling thread's class is the one that it was given. */
static bool fg_thread_has_class(const struct fg_thread *thread)
{
	switch (thread->class) {
	case FREEZEGUARD_CLASS_DEADLINE:
		return current->policy == SCHED_DEADLINE;
	case FREEZEGUARD_CLASS_FIFO:
		return current->policy == SCHED_FIFO;
	default:
		return current->policy == SCHED_NORMAL;
	}
}

/*
 * The calling thread has finished its work. From here on fg_thread_exit() can find it, so it needs
 * no reference to the module.
 */
static bool fg_thread_park(struct fg_thread *thread)
{
	bool parked = false;

	spin_lock(&fg_parked_lock);
	thread->fn = NULL;
	if (fg_thread_has_class(thread) && fg_nr_parked < FG_PARKED_MAX) {
		list_add(&thread->parked, &fg_parked);
		fg_nr_parked++;
		parked = true;
	}
	spin_unlock(&fg_parked_lock);
	if (atomic_dec_and_test(&fg_nr_used))
		wake_up_var(&fg_nr_used);
	if (parked)
		module_put(THIS_MODULE);
	return parked;
}

/* False if the thread was taken meanwhile, or if fg_thread_exit() is about to stop it. */
static bool fg_thread_unpark(struct fg_thread *thread)
{
	bool unparked = false;

	spin_lock(&fg_parked_lock);
	if (!list_empty(&thread->parked) && try_module_get(THIS_MODULE)) {
		list_del_init(&thread->parked);
		fg_nr_parked--;
		unparked = true;
	}
	spin_unlock(&fg_parked_lock);
	return unparked;
}

/* False if the thread shall exit. */
static bool fg_thread_wait(struct fg_thread *thread)
{
	long left = FG_PARKED_S * HZ;

	for (;;) {
		set_current_state(TASK_IDLE);
		if (smp_load_acquire(&thread->fn) || kthread_should_stop())
			break;
		left = schedule_timeout(left);
		if (left)
			continue;
		if (fg_thread_unpark(thread))
			return false;
		left = FG_PARKED_S * HZ;
	}
	__set_current_state(TASK_RUNNING);
	return !kthread_should_stop();
}

static int fg_thread_main(void *data)
{
	struct fg_thread *thread = data;

	do {
		if (!fg_thread_wait(thread))
			break;
		thread->fn(thread->data);
	} while (fg_thread_park(thread));
	if (kthread_should_stop())
		return 0;	/* fg_thread_exit() waits for this, and frees */
	fg_thread_unreserve(thread->reserved_us);
	kfree(thread);
	fg_kthread_exit();
}

static struct fg_thread *fg_thread_find(dev_t dev, bool thaws)
{
	struct fg_thread *thread, *found = NULL;

	spin_lock(&fg_parked_lock);
	list_for_each_entry(thread, &fg_parked, parked) {
		if (thread->dev == dev && !thread->class == !thaws) {
			list_del_init(&thread->parked);
			fg_nr_parked--;
			atomic_inc(&fg_nr_used);
			__module_get(THIS_MODULE);
			found = thread;
			break;
		}
	}
	spin_unlock(&fg_parked_lock);
	return found;
}

static struct fg_thread *fg_thread_make(dev_t dev)
{
	struct fg_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL);
	struct task_struct *task;

	if (!thread)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&thread->parked);
	thread->dev = dev;
	task = kthread_create(fg_thread_main, thread, "fguard/%u:%u", MAJOR(dev), MINOR(dev));
	if (IS_ERR(task)) {
		kfree(thread);
		return ERR_CAST(task);
	}
	thread->task = task;
	atomic_inc(&fg_nr_used);
	__module_get(THIS_MODULE);
	return thread;
}

/**
 * fg_thread_take() - take a parked thread, or make one
 * @dev: device number of the superblock that it shall work for
 * @thaws: it shall thaw, and needs a class that precedes others
 *
 * Context: sleeps, also for a change of a cpuset, which may wait for page faults. The caller has a
 * reference to the module.
 * Return: a thread that does nothing until fg_thread_run(), which must be called; or an ERR_PTR().
 */
struct fg_thread *fg_thread_take(dev_t dev, bool thaws)
{
	struct fg_thread *thread = fg_thread_find(dev, thaws);

	if (!thread)
		thread = fg_thread_make(dev);
	if (!IS_ERR(thread) && thaws && thread->class != FREEZEGUARD_CLASS_DEADLINE)
		thread->class = fg_thread_boost(thread->task, &thread->reserved_us);
	return thread;
}

/**
 * fg_thread_run() - let a thread do its work
 * @thread: a thread from fg_thread_take(); it belongs to itself from here on
 * @fn: the work; when it returns, the thread is parked again
 * @data: for @fn
 *
 * Context: any.
 */
void fg_thread_run(struct fg_thread *thread, void (*fn)(void *data), void *data)
{
	struct task_struct *task = get_task_struct(thread->task);

	thread->data = data;
	smp_store_release(&thread->fn, fn);
	wake_up_process(task);
	put_task_struct(task);
}

/* The caller owns the thread that it gets. */
static struct fg_thread *fg_thread_next_parked(void)
{
	struct fg_thread *thread;

	spin_lock(&fg_parked_lock);
	thread = list_first_entry_or_null(&fg_parked, struct fg_thread, parked);
	if (thread) {
		list_del_init(&thread->parked);
		fg_nr_parked--;
	}
	spin_unlock(&fg_parked_lock);
	return thread;
}

/**
 * fg_thread_exit() - end all threads, before the module is unloaded; no lease may be live
 *
 * Context: sleeps.
 */
void fg_thread_exit(void)
{
	struct fg_thread *thread;

	wait_var_event(&fg_nr_used, !atomic_read(&fg_nr_used));
	while ((thread = fg_thread_next_parked())) {
		kthread_stop(thread->task);
		fg_thread_unreserve(thread->reserved_us);
		kfree(thread);
	}
}
