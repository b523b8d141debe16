// SPDX-License-Identifier: GPL-2.0-only
/*
 * lease_rescue: lets threads thaw that did not get SCHED_DEADLINE.
 *
 * The kernel may have no room for another SCHED_DEADLINE thread. SCHED_FIFO of the highest priority
 * is next best, but tasks of the same priority that never sleep would keep such a thread from
 * running. So one thread reserves time when the module is loaded. When a lease ends, it lends that
 * time to those threads that need it, a few at a time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>

#include "lease_internal.h"

/* A thread that runs by itself begins to thaw within the first, and has thawed after the second. */
#define FG_RESCUE_FIRST_MS	2
#define FG_RESCUE_BEGUN_MS	100

#define FG_RESCUE_AGAIN_MS	20

/* After so many attempts in vain a thread becomes an ordinary one. */
#define FG_RESCUE_ATTEMPTS	50

static struct task_struct *fg_rescuer;
static LLIST_HEAD(fg_rescue_requests);

/*
 * The hold's thread, with a reference, if it is of SCHED_FIFO; else NULL. It does not give back its
 * class before fg_lease_end_rescue().
 */
static struct task_struct *fg_lease_begin_rescue(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags = fg_lease_lock(lease);
	struct task_struct *task = NULL;

	if (hold->thread && READ_ONCE(hold->thread->policy) == SCHED_FIFO) {
		task = get_task_struct(hold->thread);
		hold->in_rescue = true;
	}
	fg_lease_unlock(lease, flags);
	return task;
}

static void fg_lease_end_rescue(struct fg_lease *lease, struct fg_hold *hold,
				struct task_struct *task)
{
	unsigned long flags = fg_lease_lock(lease);

	hold->in_rescue = false;
	if (!hold->thread)	/* it has thawed, and waits for this */
		wake_up_process(task);
	fg_lease_unlock(lease, flags);
	put_task_struct(task);
}

/* Has the thread begun to thaw, a moment ago at most? */
static bool fg_lease_thaws(const struct fg_lease *lease, const struct fg_hold *hold)
{
	return READ_ONCE(hold->state) == FREEZEGUARD_HOLD_STATE_THAWING &&
	       ktime_get_boottime_ns() < lease->info.ended_ns + FG_RESCUE_BEGUN_MS * NSEC_PER_MSEC;
}

/*
 * Without a reserve, or if none of it is to be had for a second, the thread becomes an ordinary
 * one, which gets what the throttling of real-time tasks leaves: 5 percent of each second. Returns
 * 0, or a negative errno if the thread has to wait for a part of the reserve.
 */
static int fg_lease_rescue_thread(struct fg_lease *lease, struct fg_hold *hold, bool reserve)
{
	struct task_struct *task = fg_lease_begin_rescue(lease, hold);
	int err;

	if (!task)
		return 0;
	err = reserve ? fg_thread_lend(task) : -EBUSY;
	if (err && (!reserve || lease->rescue_attempts >= FG_RESCUE_ATTEMPTS))
		err = fg_thread_make_ordinary(task, MIN_NICE);
	fg_lease_end_rescue(lease, hold, task);
	return err;
}

/* True if some thread of the lease may have to be rescued later. */
static bool fg_lease_rescue_threads(struct fg_lease *lease, bool reserve)
{
	bool again = false;
	unsigned int i;

	lease->rescue_attempts++;
	for (i = 0; i < lease->nr_holds; i++) {
		if (fg_lease_thaws(lease, &lease->holds[i]))
			again = true;
		else if (fg_lease_rescue_thread(lease, &lease->holds[i], reserve))
			return true;
	}
	return again;
}

/* True if some thread may have to be rescued later. */
static bool fg_rescue(bool reserve)
{
	struct llist_node *requests = llist_del_all(&fg_rescue_requests);
	struct fg_lease *lease, *next;
	bool again = false;

	if (requests && reserve)
		fg_thread_reserve(true);
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
	bool reserve = !fg_thread_reserve(false), complete = reserve;

	if (!reserve)
		pr_warn("the kernel has no room for SCHED_DEADLINE: real-time tasks can delay thaws\n");
	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (llist_empty(&fg_rescue_requests) && !kthread_should_stop()) {
			if (complete || !reserve)
				schedule();
			else
				schedule_timeout(HZ / 10);
		}
		__set_current_state(TASK_RUNNING);
		if (!llist_empty(&fg_rescue_requests)) {
			fg_lease_pause(FG_RESCUE_FIRST_MS);
			while (fg_rescue(reserve))
				fg_lease_pause(FG_RESCUE_AGAIN_MS);
		}
		complete = !fg_thread_reserve(false);
		reserve |= complete;
	}
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
