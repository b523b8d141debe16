// SPDX-License-Identifier: GPL-2.0-only
/*
 * lease_rescue: lets threads thaw that did not get SCHED_DEADLINE.
 *
 * The kernel may have no room for another SCHED_DEADLINE thread. SCHED_FIFO of the highest priority
 * is next best, but tasks of the same priority that never sleep would keep such a thread from
 * running. So one thread reserves time when the module is loaded. When a lease ends, it lends that
 * time to those threads that need it, a few at a time.
 */
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/sched/task.h>

#include "lease_internal.h"

/* A thread that runs by itself has begun to thaw by then. */
#define FG_RESCUE_FIRST_MS	2
#define FG_RESCUE_AGAIN_MS	20

static struct task_struct *fg_rescuer;
static LLIST_HEAD(fg_rescue_requests);

/* False if the hold's thread needs no rescue, or none any more. */
static bool fg_lease_rescue_thread(struct fg_lease *lease, struct fg_hold *hold, bool reserve)
{
	struct task_struct *task = NULL;
	unsigned long flags;
	bool rescued;

	raw_spin_lock_irqsave(&lease->lock, flags);
	if (hold->class == FREEZEGUARD_CLASS_FIFO && hold->thread)
		task = get_task_struct(hold->thread);
	raw_spin_unlock_irqrestore(&lease->lock, flags);
	if (!task)
		return false;
	rescued = fg_thread_rescue(task, reserve);
	put_task_struct(task);
	return !rescued;
}

static bool fg_lease_rescue_threads(struct fg_lease *lease, bool reserve)
{
	bool again = false;
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++)
		again |= fg_lease_rescue_thread(lease, &lease->holds[i], reserve);
	return again;
}

/* True if some thread needs to be rescued once more. */
static bool fg_rescue(bool reserve)
{
	struct llist_node *requests = llist_del_all(&fg_rescue_requests);
	struct fg_lease *lease, *next;
	bool again = false;

	llist_for_each_entry_safe(lease, next, requests, rescue) {
		if (fg_lease_rescue_threads(lease, reserve)) {
			llist_add(&lease->rescue, &fg_rescue_requests);
			again = true;
		} else {
			fg_lease_put(lease);
		}
	}
	return again;
}

static int fg_rescuer_main(void *unused)
{
	bool reserve = !fg_thread_reserve();

	if (!reserve)
		pr_warn("freezeguard: the kernel has no room for SCHED_DEADLINE: real-time tasks can delay thaws\n");
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		if (llist_empty(&fg_rescue_requests))
			schedule();
		__set_current_state(TASK_RUNNING);
		fg_lease_pause(FG_RESCUE_FIRST_MS);
		while (fg_rescue(reserve))
			fg_lease_pause(FG_RESCUE_AGAIN_MS);
		reserve |= !fg_thread_reserve();	/* take back what was lent */
	}
	__set_current_state(TASK_RUNNING);
	fg_rescue(reserve);
	return 0;
}

/**
 * fg_lease_rescue() - let the threads of a lease thaw that may be kept from running
 * @lease: a lease that has ended
 *
 * Context: any, hard interrupts included.
 */
void fg_lease_rescue(struct fg_lease *lease)
{
	fg_lease_get(lease);
	llist_add(&lease->rescue, &fg_rescue_requests);
	wake_up_process(fg_rescuer);
}

/**
 * fg_rescuer_start() - start the thread that rescues others
 *
 * Context: sleeps.
 * Return: 0; -ENOMEM.
 */
int fg_rescuer_start(void)
{
	fg_rescuer = kthread_run(fg_rescuer_main, NULL, "fguard-rescuer");
	return PTR_ERR_OR_ZERO(fg_rescuer);
}

/**
 * fg_rescuer_stop() - stop it; no lease may be live
 *
 * Context: sleeps.
 */
void fg_rescuer_stop(void)
{
	kthread_stop(fg_rescuer);
}
